/** What the watch leaves of a migration for the journal and the report: the longest waits, and a short series. */

/** One session's wait for the migration. Its query stays out: an application's literals are no business of a report. */
export interface Blocking {
  readonly pid: number;
  readonly user: string;
  readonly applicationName: string;
  readonly relation: string | undefined;
  /** What the migration was at, without its secrets. */
  readonly statement: string | undefined;
  readonly waitedMs: number;
}

/** The largest values that were seen in one stretch of time. */
export interface WatchSample {
  /** Since the watch began. */
  readonly afterMs: number;
  readonly longestWaitMs: number;
  readonly waiting: number;
  readonly connections?: number;
  readonly active?: number;
  readonly walBytes?: number;
  readonly replicaLagMs?: number;
  readonly replicaLagBytes?: number;
  readonly databaseBytes?: number;
  /** Of an index build, from 0 to 1. */
  readonly buildShare?: number;
}

export interface WatchRecord {
  readonly blockings: readonly Blocking[];
  readonly series: readonly WatchSample[];
}

export const MOST_SAMPLES = 120;
export const MOST_BLOCKINGS = 20;
const FIRST_INTERVAL_MS = 500;

/** Keeps at most `MOST_SAMPLES` samples however long it goes on: where they grow too many, two become one. */
export class WatchSeries {
  #intervalMs = FIRST_INTERVAL_MS;
  #samples = new Map<number, WatchSample>();

  add(sample: WatchSample): void {
    this.#put(sample);
    while (this.#samples.size > MOST_SAMPLES) {
      const finer = this.samples;
      this.#intervalMs *= 2;
      this.#samples = new Map();
      for (const one of finer) this.#put(one);
    }
  }

  /** In order of time. */
  get samples(): readonly WatchSample[] {
    return [...this.#samples.values()].sort((one, other) => one.afterMs - other.afterMs);
  }

  #put(sample: WatchSample): void {
    const stretch = Math.floor(sample.afterMs / this.#intervalMs);
    const known = this.#samples.get(stretch);
    const afterMs = stretch * this.#intervalMs;
    this.#samples.set(stretch, { ...(known === undefined ? sample : largest(known, sample)), afterMs });
  }
}

function largest(one: WatchSample, other: WatchSample): WatchSample {
  const merged: Record<string, number> = { ...one };
  for (const [name, value] of Object.entries(other)) merged[name] = Math.max(merged[name] ?? value, value);
  return { ...one, ...merged };
}

/** The longest first. */
export const longestOf = (blockings: readonly Blocking[]): readonly Blocking[] =>
  [...blockings].sort((one, other) => other.waitedMs - one.waitedMs).slice(0, MOST_BLOCKINGS);

/** Several entries into one step, each with a watch of its own, as one; `startMs` on one common clock. */
export function joinWatches(
  parts: readonly { readonly startMs: number; readonly watch: WatchRecord }[],
): WatchRecord {
  const startMs = Math.min(...parts.map((part) => part.startMs));
  const series = new WatchSeries();
  let walBefore = 0;
  for (const { startMs: partStartMs, watch } of parts) {
    for (const sample of watch.series) {
      const { walBytes } = sample;
      const wal = walBytes === undefined ? {} : { walBytes: walBytes + walBefore };
      series.add({ ...sample, ...wal, afterMs: sample.afterMs + partStartMs - startMs });
    }
    walBefore += Math.max(0, ...watch.series.map(({ walBytes = 0 }) => walBytes));
  }
  return { blockings: longestOf(parts.flatMap(({ watch }) => watch.blockings)), series: series.samples };
}
