/** Tries again while others hold the locks, backing off with jitter, and never longer than asked. */
import type { FileRun } from './file-run';
import { isAborted, isLockFailure, isOverdue } from './file-run';
import { type Blocker, describeBlockers } from './lock-watch';

/** `index`: of the statement that failed. */
export type Attempt =
  | { readonly ok: true }
  | { readonly ok: false; readonly index: number; readonly error: unknown };

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

/** An attempt that fails must have undone what it did. */
export async function retryOnLocks(run: FileRun, attempt: () => Promise<Attempt>): Promise<RetryOutcome> {
  const { clock, signal, giveUpAfterMs, maxBlockingMs } = run.request;
  let firstLockFailure: number | undefined;
  let lastSeen: readonly Blocker[] = [];
  run.watch.takeBlockers();
  for (let attempts = 1; ; attempts += 1) {
    if (isAborted(run)) return { outcome: 'aborted' };
    if (isOverdue(run)) return { outcome: 'waiting' };
    const attemptedAt = clock.now().getTime();
    const result = await attempt();
    if (result.ok) return { outcome: 'done' };
    if (isAborted(run)) return { outcome: 'aborted' };
    const { index, error } = result;
    if (!isLockFailure(error)) return { outcome: 'failed', index, error };
    firstLockFailure ??= attemptedAt;
    const waitedMs = clock.now().getTime() - firstLockFailure;
    // A wait of a few milliseconds may escape the watch; who blocked the attempt before most likely does so still.
    const seen = run.watch.takeBlockers();
    if (seen.length > 0) lastSeen = seen;
    const blockers = describeBlockers(lastSeen);
    if (waitedMs >= giveUpAfterMs) {
      return {
        outcome: 'failed',
        index,
        error,
        addition: `Gave up after ${waitedMs} ms and ${attempts} attempts. ${blockers}`,
      };
    }
    run.log.retrying(index, `${error.message}. ${blockers}`);
    const pause = Math.min(backoffMs(attempts, maxBlockingMs), giveUpAfterMs - waitedMs);
    if (!(await paused(clock.sleep(pause, signal), signal))) return { outcome: 'aborted' };
    run.log.waited(index);
  }
}

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

async function paused(sleep: Promise<void>, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await sleep;
    return true;
  } catch (error) {
    if (signal?.aborted === true) return false;
    throw error;
  }
}
