/** Bounds work in time, and says of what it ended: the object, the limit and the way out. */
import { TimeLimitExceeded } from './errors';
import { hasCode } from './files';

export interface TimeLimit {
  /** What is being done to which object, to be read before "took longer than". */
  readonly work: string;
  readonly limitMs: number;
  readonly wayOut: string;
  /** Ends the work, too. */
  readonly signal?: AbortSignal;
}

/** @throws TimeLimitExceeded */
export async function within<T>(
  { work, limitMs, wayOut, signal }: TimeLimit,
  doIt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new TimeLimitExceeded({ work, limitMs, wayOut })), limitMs);
  timer.unref();
  const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]);
  try {
    return await doIt(either);
  } catch (error) {
    // Node's own functions say only that they were aborted, not why.
    throw either.aborted && hasCode(error, 'ABORT_ERR') ? either.reason : error;
  } finally {
    clearTimeout(timer);
  }
}
