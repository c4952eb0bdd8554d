/** Tells how far a backfill is, a few times a second. */
import type { StatementAdvance } from '../statement-log';

const TELL_EVERY_MS = 250;
/** The rate is that of the last seconds: throttling changes it. */
const RATE_OVER_MS = 5_000;

export class BackfillProgress {
  #walked: number;
  readonly #totalRows: number | undefined;
  #marks: { readonly atMs: number; readonly walked: number }[] = [];
  #toldAtMs = Number.NEGATIVE_INFINITY;

  /** `walked`: in this pass, by earlier attempts. */
  constructor(nowMs: number, walked: number, totalRows: number | undefined) {
    this.#walked = walked;
    this.#totalRows = totalRows;
    this.#marks.push({ atMs: nowMs, walked });
  }

  advanced(nowMs: number, rows: number): void {
    this.#walked += rows;
    const last = this.#marks.at(-1);
    if (last !== undefined && nowMs - last.atMs < TELL_EVERY_MS) return;
    this.#marks.push({ atMs: nowMs, walked: this.#walked });
    // The oldest mark that is kept lies just beyond the time that counts.
    while ((this.#marks[1]?.atMs ?? nowMs) < nowMs - RATE_OVER_MS) this.#marks.shift();
  }

  /** A pass begins at the first row again. */
  startedOver(nowMs: number): void {
    this.#walked = 0;
    this.#marks = [{ atMs: nowMs, walked: 0 }];
  }

  /** Undefined where it is too soon to tell again. */
  due(nowMs: number): StatementAdvance | undefined {
    if (nowMs - this.#toldAtMs < TELL_EVERY_MS) return undefined;
    this.#toldAtMs = nowMs;
    return this.now(nowMs);
  }

  now(nowMs: number): StatementAdvance {
    const since = this.#marks[0] ?? { atMs: nowMs, walked: this.#walked };
    const elapsedMs = nowMs - since.atMs;
    const rate = elapsedMs > 0 ? ((this.#walked - since.walked) * 1000) / elapsedMs : 0;
    const base = { done: this.#walked, unit: 'rows', rowsPerSecond: Math.round(rate) } as const;
    if (this.#totalRows === undefined) return base;
    // An estimate may be too low.
    const total = Math.max(this.#totalRows, this.#walked);
    const remainingMs = rate > 0 ? Math.round(((total - this.#walked) * 1000) / rate) : undefined;
    return { ...base, total, ...(remainingMs === undefined ? {} : { remainingMs }) };
  }
}
