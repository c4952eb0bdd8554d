/** Decides how many rows the next batch takes, so that one batch takes about the time that others may wait for its rows. */

export interface Pace {
  /** Of the next batch. */
  readonly rows: number;
  readonly targetMs: number;
}

const FIRST_ROWS = 500;
const MOST_ROWS = 10_000;
/** Where a batch writes nothing, it locks nothing. */
const MOST_ROWS_UNWRITTEN = 50_000;
/** A batch of 500 rows costs the server no more per row than one of 5000: longer ones only make others wait longer. */
const LONGEST_TARGET_MS = 25;

export const firstPace = (maxBlockingMs: number): Pace => ({
  rows: FIRST_ROWS,
  targetMs: Math.max(1, Math.min(maxBlockingMs * 0.25, LONGEST_TARGET_MS)),
});

/** Towards the target by at most the double or the half: one slow fsync says little about the next batch. */
export function afterBatch(
  pace: Pace,
  batch: { readonly walked: number; readonly written: number; readonly elapsedMs: number },
): Pace {
  const { rows, targetMs } = pace;
  const isFull = batch.walked >= rows;
  const wanted = Math.min(2, Math.max(0.5, targetMs / Math.max(batch.elapsedMs, 0.5)));
  // The last batch of a pass is short and says nothing.
  if (!isFull && wanted > 1) return pace;
  const most = batch.written > 0 ? MOST_ROWS : MOST_ROWS_UNWRITTEN;
  return { ...pace, rows: within(rows * wanted, most) };
}

/** Fewer rows meet fewer locks. */
export const afterLockFailure = (pace: Pace): Pace => ({ ...pace, rows: within(pace.rows / 2, MOST_ROWS) });

/** Such a batch took a multiple of its target. */
export const afterTimeout = (pace: Pace): Pace => ({ ...pace, rows: within(pace.rows / 3, MOST_ROWS) });

const within = (rows: number, most: number): number => Math.max(1, Math.min(most, Math.round(rows)));
