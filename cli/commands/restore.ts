/**
 * `restore`: back to a restore point or a time. Whoever confirms it knows what is lost, writes are fenced meanwhile, and
 * only what is proven, or expressly accepted, takes the place of the old instance; else everything is as it was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DataLossWindow, describeWindow } from '../../lambda/domain/data-loss';
import type { DrillCheck } from '../../lambda/domain/drill';
import { GodwitError, messageOf, UsageError } from '../../lambda/domain/errors';
import { listRuns, readRequest } from '../../lambda/journal/journal';
import { claimLease, releaseLease } from '../../lambda/journal/lease';
import type { Endpoint, EndpointState } from '../../lambda/ports/endpoint';
import type { InstanceState, Recovery, RecoveryTarget } from '../../lambda/ports/recovery';
import { proveInstance } from '../../lambda/steps/drill-prove';
import { type RestorePointProof, readDrilled, readProof } from '../../lambda/steps/proof';
import { restorePointOf } from '../../lambda/steps/snapshot';
import { windowUntilNow } from '../../lambda/steps/write-readings';
import type { CommandContext } from '../command';
import { type Home, stepContext } from '../home';
import { recoveryOf, targetOf } from './recovery';

const POLL_MS = 100;

type Ready = Extract<InstanceState, { state: 'ready' }>;

interface Restore {
  readonly context: CommandContext;
  readonly home: Home;
  readonly recovery: Recovery;
  readonly endpoint: Endpoint;
  readonly to: string;
  readonly target: RecoveryTarget;
  /** That took the restore point; none where a person did, or for a time. */
  readonly runId: string | undefined;
}

export async function restoreCommand(
  context: CommandContext,
  _args: readonly string[],
  { to, yes = false }: { to: string; yes?: boolean },
): Promise<number> {
  const { home, recovery, endpoint } = await recoveryOf(context, { evenIfLost: true });
  const target = await targetOf(recovery, to);
  const runId = (await listRuns(home.store)).find((run) => restorePointOf(run) === to);
  const restore: Restore = { context, home, recovery, endpoint, to, target, runId };
  if (!yes) {
    const loss = lossOf(await windowOf(restore));
    const question = `Restore to ${to}? What was written since is lost to the application: ${loss}. The old instance is kept.`;
    if (!context.interactive) context.terminal.summary(question);
    if (!(await isGranted(context, question)))
      return refuse(
        context,
        context.interactive ? 'Nothing was changed.' : 'A restore must be confirmed: add --yes.',
      );
  }
  return carryOut(restore);
}

async function carryOut(restore: Restore): Promise<number> {
  const { context, home, recovery, endpoint, to } = restore;
  const stamp = new Date()
    .toISOString()
    .replace(/[-:.TZ]/g, '')
    .slice(0, 14);
  const instance = `restored-${stamp}`;
  const keptAs = `kept-${stamp}`;
  await holdLease(context, home, `restore-${stamp}`);
  const stateBefore = await stateOf(endpoint);
  let isInPlace = false;
  context.atEnd(async () => {
    // A cut-over that has begun is carried out by whoever starts the cluster next.
    if (isInPlace || (await stateOf(endpoint)) === 'cutting-over') return;
    await recovery.discardInstance(instance);
    // What a run that is held has fenced stays so.
    if (stateBefore === 'serving') await endpoint.unfence();
  });
  await fence(restore, stateBefore, `restore-${stamp}`);
  const window = await windowOf(restore);
  tell(context, `recovering a new instance to ${to}`);
  const { lost } = await makeInstance(restore, instance);
  tell(context, 'proving what it holds');
  const proof = lost === undefined ? await proofOf(restore) : undefined;
  const checks = await prove(restore, instance, proof);
  const doubts = [
    ...(lost === undefined ? [] : [`what was committed between ${lost.from} and ${lost.to} is missing, too`]),
    ...checks.filter(isDoubt).map(describeCheck),
  ];
  if (doubts.length > 0) {
    const question = `What was restored does not prove right: ${doubts.join('; ')}. Put it in place all the same?`;
    if (!context.interactive) context.terminal.summary(question);
    if (!(await isGranted(context, question)))
      return refuse(context, 'The restored instance is not put in place, and discarded.', { checks });
  }
  context.signal.throwIfAborted();
  tell(context, 'putting it in the place of the old one');
  while ((await endpoint.cutOver(instance, keptAs)) === 'waiting') await sleep(POLL_MS);
  isInPlace = true;
  await endpoint.unfence();
  context.terminal.summary(
    `Restored to ${to}. ${provenText(doubts, proof)} The old instance is kept as ${keptAs}, and with it what was written since: ${lossOf(window)}.`,
  );
  context.finish({
    status: 'succeeded',
    ...{ instance, keptAs, checks, doubts },
    ...(window === undefined ? {} : { window }),
    ...(lost === undefined ? {} : { lost }),
  });
  return 0;
}

function provenText(doubts: readonly string[], proof: RestorePointProof | undefined): string {
  if (doubts.length > 0) return `It did not prove right: ${doubts.join('; ')}.`;
  if (proof === undefined) return 'It is sound in itself; what it has to hold, nobody had recorded.';
  return proof.readFrom === 'drill'
    ? 'It holds what an earlier drill found; what it has to hold, nobody had recorded.'
    : 'It holds what had been recorded.';
}

function tell({ terminal }: CommandContext, message: string): void {
  terminal.tellPrograms({ type: 'step', step: 'Restore', status: 'progress', message });
  terminal.note(`${message[0]?.toUpperCase()}${message.slice(1)}`);
}

async function isGranted(
  { interactive, terminal, signal }: CommandContext,
  question: string,
): Promise<boolean> {
  if (!interactive) return false;
  const answer = await terminal.ask(question, signal);
  signal.throwIfAborted();
  return answer === 'yes';
}

function refuse({ terminal, finish }: CommandContext, reason: string, more: object = {}): number {
  terminal.summary(reason);
  finish({ status: 'blocked', reason, ...more });
  return 3;
}

/** `undefined` where nothing was counted at the restore point, or the database that is to be restored cannot be asked. */
async function windowOf({ context, home, runId }: Restore): Promise<DataLossWindow | undefined> {
  if (runId === undefined) return undefined;
  try {
    return await windowUntilNow({ runId, store: home.store, database: home.database });
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    context.terminal.note(`What was written since cannot be measured: ${messageOf(error)}`);
    return undefined;
  }
}

const lossOf = (window: DataLossWindow | undefined): string =>
  window === undefined ? 'how much is not known' : describeWindow(window);

type FenceState = EndpointState['state'] | 'unknown';

async function stateOf(endpoint: Endpoint): Promise<FenceState> {
  try {
    return (await endpoint.inspect()).state;
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    return 'unknown';
  }
}

/** A database that cannot even be fenced may need to be restored all the more. */
async function fence({ context, endpoint }: Restore, state: FenceState, reason: string): Promise<void> {
  try {
    if (state !== 'fenced') await endpoint.fence(reason);
    tell(context, 'writes are fenced');
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    context.terminal.summary(
      `Not all writes are fenced, and what is written until the end is lost: ${messageOf(error)}`,
    );
  }
}

async function makeInstance({ context, recovery, target }: Restore, instance: string): Promise<Ready> {
  let state = await recovery.beginInstance(instance, target);
  while (state.state === 'creating') {
    await sleep(POLL_MS, undefined, { signal: context.signal });
    state = await recovery.inspectInstance(instance);
  }
  if (state.state === 'ready') return state;
  const reason = state.state === 'failed' ? state.reason : 'the instance vanished';
  throw new UsageError(`The restore failed, nothing was changed: ${reason}.`);
}

async function proofOf({ home, target }: Restore): Promise<RestorePointProof | undefined> {
  if (target.kind !== 'restore-point') return undefined;
  return (await readProof(home.store, target.name)) ?? (await readDrilled(home.store, target.name));
}

/** Without a proof, whether it can be read and is sound in itself. */
async function prove(
  { context, home, recovery, to, runId }: Restore,
  instance: string,
  proof: RestorePointProof | undefined,
): Promise<readonly DrillCheck[]> {
  const ofRun = proof && runId ? (await readRequest(home.store, runId)).project.invariants : [];
  const { checks } = await proveInstance({
    instance: await recovery.openInstance(instance),
    restorePoint: to,
    proof,
    invariants: ofRun,
    now: new Date().toISOString(),
    signal: context.signal,
    tell: () => undefined,
  });
  return checks;
}

const isDoubt = ({ verdict }: DrillCheck): boolean => verdict === 'broken' || verdict === 'indeterminate';

const MOST_DETAILS = 3;

function describeCheck({ name, details, evidence }: DrillCheck): string {
  const more = details.length > MOST_DETAILS ? `, and ${details.length - MOST_DETAILS} more` : '';
  return `${name}: ${details.slice(0, MOST_DETAILS).join(', ') || evidence}${more}`;
}

/** No run may work on the database while another instance takes its place, nor begin. */
async function holdLease(context: CommandContext, home: Home, runId: string): Promise<void> {
  const { owner, clock, isOwnerGone } = stepContext(context, home);
  const claim = { database: home.label, runId, owner };
  await claimLease(home.store, { ...claim, now: clock.now(), ttlMs: RESTORE_TAKES_AT_MOST_MS, isOwnerGone });
  context.atEnd(() => releaseLease(home.store, { ...claim, now: clock.now() }));
}

const RESTORE_TAKES_AT_MOST_MS = 3_600_000;
