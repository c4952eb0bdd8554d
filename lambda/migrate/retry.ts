/** Tries again while others hold the locks, backing off with jitter, and never longer than asked. */
import { SQLSTATE, StatementFailed } from '../ports/database';
import { factsOf } from '../sql/facts';
import { type FileRun, isAborted, isLockFailure } from './file-run';
import { BudgetExceeded } from './locks/budget-exceeded';
import { askingTimeMs } from './locks/lock-budget';
import { type Asked, blockingNeeds, LockGuard } from './locks/lock-guard';
import { type Blocker, describeBlockers } from './watch/lock-watch';

/** `index`: of the statement that failed. `queuedMs`: how long the attempt itself waited for locks, where it knows. */
export type Attempt =
  | { readonly ok: true }
  | { readonly ok: false; readonly index: number; readonly error: unknown; readonly queuedMs?: number };

export type RetryOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'waiting' }
  | { readonly outcome: 'aborted' }
  | {
      readonly outcome: 'failed';
      readonly index: number;
      readonly error: unknown;
      readonly addition?: string;
    };

/** An attempt that fails must have undone what it did. `asked`: the statements whose locks it will take. */
export async function retryOnLocks(
  run: FileRun,
  attempt: (guard: LockGuard) => Promise<Attempt>,
  asked: readonly Asked[] = [],
): Promise<RetryOutcome> {
  const guard = new LockGuard(run, asked);
  let lastSeen: readonly Blocker[] = [];
  run.watch.takeBlockers();
  run.watch.takeBreach();
  for (let attempts = 1; ; attempts += 1) {
    const clearance = await guard.untilClear();
    if (clearance.outcome !== 'clear') return clearance;
    const beganMs = run.request.clock.now().getTime();
    const result = await watchedClosely(run, guard, asked, attempt);
    const tookMs = run.request.clock.now().getTime() - beganMs;
    if (result.ok) return { outcome: 'done' };
    if (isAborted(run)) return { outcome: 'aborted' };
    const { index, error } = result;
    const exceeded = budgetExceeded(run, result);
    const isQueueing = mustNotBeCutShort(asked) || isFromQueueing(exceeded, result.queuedMs);
    if (exceeded !== undefined && !isQueueing) {
      return { outcome: 'failed', index, error: exceeded };
    }
    if (exceeded === undefined && !isLockFailure(error)) return { outcome: 'failed', index, error };
    // Some locks are asked for by the statement itself. What is done over and over counts in full, from the second time.
    const asking = Math.min(tookMs, askingTimeMs(run.request.maxBlockingMs));
    guard.spend(attempts > 1 ? tookMs : Math.max(result.queuedMs ?? tookMs, asking));
    // A wait of a few milliseconds may escape the watch; who blocked the attempt before most likely does so still.
    const seen = run.watch.takeBlockers();
    if (seen.length > 0) lastSeen = seen;
    const blockers = describeBlockers(lastSeen);
    const { giveUpAfterMs, maxBlockingMs } = run.request;
    if (guard.waitedMs >= giveUpAfterMs) {
      const addition = `Gave up after ${Math.round(guard.waitedMs)} ms and ${attempts} attempts. ${blockers}`;
      return { outcome: 'failed', index, error: exceeded ?? error, addition };
    }
    run.log.retrying(index, `${(exceeded ?? (error as Error)).message}. ${blockers}`);
    const pauseMs = Math.min(backoffMs(attempts, maxBlockingMs), giveUpAfterMs - guard.waitedMs);
    guard.spend(pauseMs);
    if (!(await paused(run, pauseMs))) return { outcome: 'aborted' };
    run.log.waited(index);
  }
}

async function watchedClosely(
  run: FileRun,
  guard: LockGuard,
  asked: readonly Asked[],
  attempt: (guard: LockGuard) => Promise<Attempt>,
): Promise<Attempt> {
  run.watch.attention(attentionFor(guard, asked));
  try {
    return await attempt(guard);
  } finally {
    run.watch.attention('relaxed');
  }
}

const mustNotBeCutShort = (asked: readonly Asked[]): boolean =>
  asked.length > 0 && asked.every(({ statement }) => !factsOf(statement).mayBeCutShort);

/** What locks nothing that exists harms nobody, and what must not be cut short mostly stands in no request's way. */
function attentionFor(guard: LockGuard, asked: readonly Asked[]): 'close' | 'relaxed' | 'observe' {
  if (guard.isAlone) return 'relaxed';
  const effects = asked.map(({ index }) => guard.effectsOf(index));
  // DETACH PARTITION CONCURRENTLY asks, at its end, for what readers of the partition need.
  const needs = effects.flatMap(blockingNeeds).filter(({ kind }) => !kind.endsWith('index'));
  if (mustNotBeCutShort(asked) && needs.length === 0) return 'observe';
  const mayBlock = effects.some(
    (each) => each === undefined || each.opaque || each.locks.some(({ mode }) => mode !== 'AccessShareLock'),
  );
  return mayBlock ? 'close' : 'relaxed';
}

function budgetExceeded(
  run: FileRun,
  { error }: Extract<Attempt, { ok: false }>,
): BudgetExceeded | undefined {
  if (error instanceof BudgetExceeded) return error;
  const breach = run.watch.takeBreach();
  const isCancelled = error instanceof StatementFailed && error.sqlState === SQLSTATE.queryCanceled;
  return breach !== undefined && isCancelled
    ? new BudgetExceeded(breach, run.request.maxBlockingMs, error)
    : undefined;
}

/** Most of the wait was for others to let go: that may go better next time. */
const isFromQueueing = (exceeded: BudgetExceeded | undefined, queuedMs: number | undefined): boolean =>
  exceeded !== undefined && queuedMs !== undefined && queuedMs > exceeded.breach.waitedMs / 2;

const LONGEST_PAUSE_MS = 1000;

/**
 * Grows from the time for which others may have queued behind us, so that they get at least as long to catch up.
 * Jitter keeps two that collided from colliding again.
 */
export function backoffMs(
  attempts: number,
  maxBlockingMs: number,
  random: () => number = Math.random,
): number {
  const base = Math.min(maxBlockingMs, LONGEST_PAUSE_MS / 4) * 2 ** Math.min(attempts - 1, 10);
  return Math.min(base, LONGEST_PAUSE_MS) * (0.5 + random() / 2);
}

async function paused({ request }: FileRun, ms: number): Promise<boolean> {
  try {
    await request.clock.sleep(ms, request.signal);
    return true;
  } catch (error) {
    if (request.signal?.aborted === true) return false;
    throw error;
  }
}
