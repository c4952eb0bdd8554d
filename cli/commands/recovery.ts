/** `snapshot`, `restore`: restore points by hand. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError, messageOf, UsageError } from '../../lambda/domain/errors';
import type { InvariantFile } from '../../lambda/domain/migration';
import { claimLease, releaseLease } from '../../lambda/journal/lease';
import type { Endpoint } from '../../lambda/ports/endpoint';
import type { Recovery, RecoveryTarget, RestorePoint } from '../../lambda/ports/recovery';
import { type ProvenRestorePoint, takeProvenRestorePoint } from '../../lambda/steps/prove-restore-point';
import type { CommandContext } from '../command';
import { type Home, openHome, stepContext } from '../home';
import { readProject } from '../project-folder';

const POLL_MS = 100;

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

export async function restoreCommand(
  context: CommandContext,
  _args: readonly string[],
  raw: { to: string; yes?: boolean },
): Promise<number> {
  const { home, recovery, endpoint } = await recoveryOf(context);
  const target = await targetOf(recovery, raw.to);
  if (!raw.yes) {
    const question = `Restore to ${raw.to}? What was written since is lost to the application; the old instance is kept.`;
    if (!context.interactive || (await context.terminal.ask(question)) === 'no') {
      context.terminal.summary(
        context.interactive ? 'Nothing was changed.' : 'A restore must be confirmed: add --yes.',
      );
      context.finish({ status: 'blocked' });
      return 3;
    }
  }
  const stamp = new Date()
    .toISOString()
    .replace(/[-:.TZ]/g, '')
    .slice(0, 14);
  await holdLease(context, home, `restore-${stamp}`);
  const instance = `restored-${stamp}`;
  let state = await recovery.beginInstance(instance, target);
  while (state.state === 'creating') {
    await sleep(POLL_MS, undefined, { signal: context.signal });
    state = await recovery.inspectInstance(instance);
  }
  if (state.state !== 'ready') {
    await recovery.discardInstance(instance);
    throw new UsageError(
      `The restore failed, nothing was changed: ${state.state === 'failed' ? state.reason : 'the instance vanished'}.`,
    );
  }
  while ((await endpoint.cutOver(instance, `kept-${stamp}`)) === 'waiting') await sleep(POLL_MS);
  await endpoint.unfence();
  context.terminal.summary(`Restored to ${raw.to}. The old instance is kept as kept-${stamp}.`);
  context.finish({ status: 'succeeded', instance, keptAs: `kept-${stamp}` });
  return 0;
}

const NOT_OURS =
  'Godwit can take restore points of its embedded cluster only, not of the server in DATABASE_URL.';

export async function recoveryOf(
  context: CommandContext,
): Promise<{ home: Home; recovery: Recovery; endpoint: Endpoint }> {
  const home = await openHome(context);
  const { recovery, endpoint } = home;
  if (!recovery || !endpoint) {
    throw new UsageError(NOT_OURS);
  }
  return { home, recovery, endpoint };
}

/** No run may work on the database while another instance takes its place, nor begin. */
async function holdLease(context: CommandContext, home: Home, runId: string): Promise<void> {
  const { owner, clock, isOwnerGone } = stepContext(context, home);
  const claim = { database: home.label, runId, owner };
  await claimLease(home.store, { ...claim, now: clock.now(), ttlMs: RESTORE_TAKES_AT_MOST_MS, isOwnerGone });
  context.atEnd(() => releaseLease(home.store, { ...claim, now: clock.now() }));
}

const RESTORE_TAKES_AT_MOST_MS = 3_600_000;

async function targetOf(recovery: Recovery, to: string): Promise<RecoveryTarget> {
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
