/** Wraps every step alike: lease, re-entry from the journal, abort, checkpoint, progress. */
import { messageOf } from '../domain/errors';
import { DEFAULT_LIMITS } from '../domain/estimate';
import type { FencingToken } from '../domain/fencing-token';
import { abortKey } from '../domain/question';
import type { JournalEntry, Phase, PhaseRecords } from '../domain/run';
import { PHASE_OF } from '../domain/run';
import type { StepInput, StepName, StepOutput } from '../domain/step';
import { Journal, readRequest } from '../journal/journal';
import { claimLease, LeaseHeld, refuseWhereTakenOver } from '../journal/lease';
import type { RunContext, Step, StepBody, StepContext, StepOutcome } from './context';

const LEASE_TTL_MS = 60_000;
const LEASE_RENEWAL_MS = 20_000;

/** Nothing has touched the database before these have passed, so an abort ends the run at their door. */
const STOPPABLE: ReadonlySet<Phase> = new Set<Phase>([
  'Preflight',
  'Snapshot',
  'Rehearse',
  'Approve',
  'Baseline',
]);
/** Nobody renews the lease while a person is waited for, and the database must not be taken meanwhile. */
const ASKS_PEOPLE: ReadonlySet<StepName> = new Set<StepName>(['AwaitApproval', 'AwaitDecision']);
/** These tell what happened: they need no lease, and run even where another run holds it. */
const WITHOUT_LEASE: ReadonlySet<Phase> = new Set<Phase>(['Finish', 'Report', 'Notify']);

/** Whether what a checkpoint says is still so; what is not has to be done again. */
export type StillHolds = (context: StepContext, journal: Journal) => Promise<boolean>;

export function step<P extends Phase>(name: StepName, body: StepBody<P>, stillHolds?: StillHolds): Step {
  const phase = PHASE_OF[name];
  return async (context, input) => {
    const journal = await Journal.open(context.store, input.runId);
    const done = journal.checkpoint(phase);
    if (done && (await (stillHolds?.(context, journal) ?? true)))
      return { verdict: done.verdict, route: done.route };

    const request = await readRequest(context.store, input.runId);
    const { database } = request;
    await refuseWhereTakenOver(context.store, { ...claimant(context, input.runId), database });
    const isReentry = sinceCheckpoint(journal, phase).some(
      (entry) => entry.type === 'entered' && entry.step === name,
    );
    const previous = journal.entries.findLast((entry) => entry.type === 'entered')?.step;
    if (!isReentry) await journal.append(entered(context, name));
    if (input.error) await recordCrash(context, journal, { step: previous, error: input.error });
    context.progress.report({ type: 'step', step: name, status: isReentry ? 'progress' : 'entered' });

    const run: RunContext = {
      ...context,
      runId: input.runId,
      request,
      policy: { ...request.policy, limits: context.limits ?? request.policy.limits ?? DEFAULT_LIMITS },
      journal,
      input,
      deadline: new Date(context.clock.now().getTime() + context.stepTimeMs),
      tell: (message, amount) =>
        context.progress.report({ type: 'step', step: name, status: 'progress', message, ...amount }),
    };
    const outcome = await underLease(run, name, async (leased) =>
      STOPPABLE.has(phase) && (await isAborted(context, input.runId))
        ? ({
            verdict: 'blocked',
            route: 'aborted',
            message: 'stopped by a person before anything was changed',
          } as const)
        : body(leased),
    );
    return conclude(run, name, phase, bounded(run, phase, outcome));
  };
}

/** All entries where there is none yet. */
export const sinceCheckpoint = ({ entries }: Journal, phase: Phase): readonly JournalEntry[] =>
  entries.slice(entries.findLastIndex((entry) => entry.type === 'checkpoint' && entry.phase === phase) + 1);

/** Longest that an instance or a restore point is waited for; a status that never changes must not keep a run for ever. */
const LONGEST_WAIT_MS = 6 * 3_600_000;
const WAITS_FOR_INFRASTRUCTURE: ReadonlySet<Phase> = new Set<Phase>([
  'Snapshot',
  'Rehearse',
  'Restore',
  'CutOver',
]);

function bounded<Record_>(
  run: RunContext,
  phase: Phase,
  outcome: StepOutcome<Record_>,
): StepOutcome<Record_> {
  if (outcome.verdict !== 'waiting' || !WAITS_FOR_INFRASTRUCTURE.has(phase)) return outcome;
  const began = sinceCheckpoint(run.journal, phase).find(
    (entry) => entry.type === 'entered' && PHASE_OF[entry.step] === phase,
  );
  const waitedMs = run.clock.now().getTime() - Date.parse(began?.at ?? '');
  if (!(waitedMs > LONGEST_WAIT_MS)) return outcome;
  return {
    verdict: 'failed',
    message: `still not ready after ${Math.round(waitedMs / 3_600_000)} hours: ${outcome.message}`,
  };
}

async function underLease<P extends Phase>(
  run: RunContext,
  name: StepName,
  work: (run: RunContext) => Promise<StepOutcome<PhaseRecords[P]>>,
): Promise<StepOutcome<PhaseRecords[P]>> {
  const phase = PHASE_OF[name];
  if (WITHOUT_LEASE.has(phase)) return work(run);
  const ttlMs = ASKS_PEOPLE.has(name) ? run.policy.answerWithinMs + LEASE_TTL_MS : LEASE_TTL_MS;
  let fencingToken: FencingToken;
  try {
    fencingToken = await claim(run, ttlMs);
  } catch (error) {
    if (phase === 'Preflight' && error instanceof LeaseHeld) {
      return { verdict: 'blocked', route: 'blocked', message: error.message };
    }
    throw error;
  }
  const takeover = new AbortController();
  const renewal = setInterval(
    () =>
      void claim(run, ttlMs).catch((error: unknown) => {
        // The store not answering is no sign of another holder, and whoever becomes one still needs the executor lock.
        if (error instanceof LeaseHeld) takeover.abort(error);
      }),
    LEASE_RENEWAL_MS,
  );
  renewal.unref();
  try {
    const outcome = await work({ ...run, fencingToken, takenOver: takeover.signal });
    // Not concluded: the next checkpoint is the new holder's.
    takeover.signal.throwIfAborted();
    return outcome;
  } finally {
    clearInterval(renewal);
  }
}

const claimant = ({ owner, clock, isOwnerGone }: StepContext, runId: string) => ({
  runId,
  owner,
  now: clock.now(),
  isOwnerGone: (other: string) => isOwnerGone(other),
});

const claim = (run: RunContext, ttlMs: number): Promise<FencingToken> =>
  claimLease(run.store, { ...claimant(run, run.runId), database: run.request.database, ttlMs });

async function conclude<P extends Phase>(
  run: RunContext,
  name: StepName,
  phase: Phase,
  outcome: StepOutcome<PhaseRecords[P]>,
): Promise<StepOutput> {
  const route = outcome.route ?? outcome.verdict;
  if (outcome.verdict !== 'waiting' && concludesPhase(name, outcome)) {
    await run.journal.append({
      type: 'checkpoint',
      at: run.clock.now().toISOString(),
      step: name,
      phase,
      verdict: outcome.verdict,
      route,
      message: outcome.message,
      ...(outcome.record === undefined ? {} : { record: outcome.record }),
    });
  }
  run.progress.report({ type: 'step', step: name, status: outcome.verdict, message: outcome.message });
  return { verdict: outcome.verdict, route };
}

/** A begun rehearsal is no rehearsal yet: only its last step, or one that ends it early, closes the phase. */
function concludesPhase(name: StepName, outcome: StepOutcome<unknown>): boolean {
  const leadsOn = name === 'BeginRehearsal' || name === 'InspectRehearsal';
  return !(leadsOn && outcome.verdict === 'passed');
}

export async function isAborted(context: StepContext, runId: string): Promise<boolean> {
  return context.signal.aborted || (await context.store.get(abortKey(runId))) !== undefined;
}

/**
 * A signal that follows the process's own, the run's abort object, which somebody else may have written, and the loss of
 * the lease. Call `stop` when the work is over.
 */
export function abortSignal(run: RunContext): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const check = (): void => {
    isAborted(run, run.runId).then(
      (aborted) => aborted && controller.abort(),
      // The object store not answering is no wish to abort.
      () => undefined,
    );
  };
  const poll = setInterval(check, 500);
  poll.unref();
  const forward = (): void => controller.abort();
  const followed = [run.signal, ...(run.takenOver ? [run.takenOver] : [])];
  for (const signal of followed) signal.addEventListener('abort', forward, { once: true });
  if (followed.some((signal) => signal.aborted)) controller.abort();
  return {
    signal: controller.signal,
    stop: () => {
      clearInterval(poll);
      for (const signal of followed) signal.removeEventListener('abort', forward);
    },
  };
}

const entered = (context: StepContext, name: StepName): JournalEntry => ({
  type: 'entered',
  at: context.clock.now().toISOString(),
  step: name,
  owner: context.owner,
});

const crashed = (
  context: StepContext,
  error: NonNullable<StepInput['error']>,
): Extract<JournalEntry, { type: 'crashed' }> => ({
  type: 'crashed',
  at: context.clock.now().toISOString(),
  error: error.Error,
  cause: causeOf(error.Cause),
});

/**
 * A Catch led here: the step that crashed gets a checkpoint, too. Without one, a run that is killed now and goes on would
 * enter it again, and migrate once more behind the back of whoever has begun to come back.
 */
async function recordCrash(
  context: StepContext,
  journal: Journal,
  { step: name, error }: { step: StepName | undefined; error: NonNullable<StepInput['error']> },
): Promise<void> {
  const crash = crashed(context, error);
  await journal.append(crash);
  if (name === undefined) return;
  const phase = PHASE_OF[name];
  if (STOPPABLE.has(phase) || WITHOUT_LEASE.has(phase) || journal.checkpoint(phase)) return;
  await journal.append({
    type: 'checkpoint',
    at: crash.at,
    step: name,
    phase,
    verdict: 'indeterminate',
    route: 'crashed',
    message: crash.cause === '' ? crash.error : `${crash.error}: ${crash.cause}`,
  });
}

/** Step Functions' Cause is JSON with `errorMessage` where a Lambda threw, and plain text otherwise. */
function causeOf(cause: string | undefined): string {
  if (!cause) return '';
  try {
    const parsed = JSON.parse(cause) as { errorMessage?: string } | null;
    return parsed?.errorMessage ?? cause;
  } catch (error) {
    return error instanceof SyntaxError ? cause : messageOf(error);
  }
}
