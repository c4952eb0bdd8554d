/** `snapshot`: a restore point by hand, and what all commands around restore points have in common. */
import { GodwitError, messageOf, UsageError } from '../../lambda/domain/errors';
import type { InvariantFile } from '../../lambda/domain/migration';
import type { Endpoint } from '../../lambda/ports/endpoint';
import type { Recovery, RecoveryTarget, RestorePoint } from '../../lambda/ports/recovery';
import { type ProvenRestorePoint, takeProvenRestorePoint } from '../../lambda/steps/prove-restore-point';
import type { CommandContext } from '../command';
import { type Home, type HomeOptions, openHome, stepContext } from '../home';
import { readProject } from '../project-folder';

export async function snapshotCommand(context: CommandContext): Promise<number> {
  const { home } = await recoveryOf(context);
  const name = `manual-${new Date().toISOString().replace(/[-:.]/g, '').slice(0, 15)}`;
  const invariants = await knownInvariants(context);
  const { restorePoint, proof } = await takeRestorePoint(context, home, { name, invariants });
  context.terminal.summary(
    `Restore point ${name} at ${restorePoint.at}.`,
    proof.kept
      ? 'What it holds is recorded: a drill can prove that it comes back.'
      : `What it holds is not recorded: ${proof.reason}.`,
    `Return to it: godwit restore --to ${name}`,
  );
  context.finish({ status: 'succeeded', restorePoint, proof });
  return 0;
}

export async function takeRestorePoint(
  context: CommandContext,
  home: Home,
  { name, invariants }: { readonly name: string; readonly invariants: readonly InvariantFile[] },
): Promise<Extract<ProvenRestorePoint, { outcome: 'taken' }>> {
  const { database, recovery, store, clock, signal } = stepContext(context, home);
  if (!recovery) throw new UsageError(NOT_OURS);
  const taken = await takeProvenRestorePoint({ database, recovery, store, clock, signal, invariants, name });
  if (taken.outcome === 'failed') throw new UsageError(`No restore point: ${taken.reason}.`);
  return taken;
}

/** A restore point must not depend on whether the Prisma folder is in order. */
export async function knownInvariants(context: CommandContext): Promise<readonly InvariantFile[]> {
  try {
    return (await readProject(context.options.prismaDir)).invariants;
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    context.terminal.note(`Without invariants: ${messageOf(error)}`);
    return [];
  }
}

const NOT_OURS =
  'Godwit can take restore points of its embedded cluster only, not of the server in DATABASE_URL.';

export async function recoveryOf(
  context: CommandContext,
  options: HomeOptions = {},
): Promise<{ home: Home; recovery: Recovery; endpoint: Endpoint }> {
  const home = await openHome(context, options);
  const { recovery, endpoint } = home;
  if (!recovery || !endpoint) {
    throw new UsageError(NOT_OURS);
  }
  return { home, recovery, endpoint };
}

export async function targetOf(recovery: Recovery, to: string): Promise<RecoveryTarget> {
  const known = await recovery.listRestorePoints();
  if (known.some(({ name }) => name === to)) return { kind: 'restore-point', name: to };
  const at = new Date(to);
  if (!Number.isNaN(at.getTime())) return { kind: 'time', at: at.toISOString() };
  throw unknownPoint(to, known, ' An ISO time does as well.');
}

/** @throws UsageError */
export async function refuseUnknown(recovery: Recovery, name: string): Promise<void> {
  const known = await recovery.listRestorePoints();
  if (!known.some((point) => point.name === name)) throw unknownPoint(name, known);
}

function unknownPoint(name: string, known: readonly RestorePoint[], alternative = ''): UsageError {
  const names = known.slice(0, 5).map((point) => point.name);
  return new UsageError(
    `There is no restore point "${name}"${names.length > 0 ? ` (there are ${names.join(', ')})` : ''}.${alternative}`,
  );
}
