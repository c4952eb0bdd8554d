/** Keeps what a watch saw: the worst wait, the longest ones, and the series. */
import {
  type Blocking,
  longestOf,
  MOST_BLOCKINGS,
  type WatchRecord,
  type WatchSample,
  WatchSeries,
} from '../../domain/watch';
import { longest } from './budget';
import type { SeenByWatch } from './read-vitals';
import type { Vitals } from './vitals';
import type { Wait } from './waits';

export interface WorstWait {
  readonly waitedMs: number;
  readonly pid: number;
  readonly relation: string | undefined;
  readonly query: string;
}

export interface WatchOutcome extends WatchRecord {
  readonly worstBlockingMs: number;
  readonly worst: WorstWait | undefined;
}

export class WatchNotes {
  readonly #startedAt = performance.now();
  readonly #series = new WatchSeries();
  readonly #blockings = new Map<string, Blocking>();
  #worst: WorstWait | undefined;
  #waiting = 0;
  #longestWaitMs = 0;
  #roundTrips: number[] = [];

  get worstBlockingMs(): number {
    return this.#worst?.waitedMs ?? 0;
  }

  /** Since the last sample. */
  get recent(): SeenByWatch {
    const trips = this.#roundTrips;
    const roundTripMs = trips.reduce((sum, ms) => sum + ms, 0) / Math.max(1, trips.length);
    return { waiting: this.#waiting, longestWaitMs: this.#longestWaitMs, roundTripMs };
  }

  roundTrip(ms: number): void {
    this.#roundTrips.push(ms);
  }

  /** `behind`: clients that wait for the migration; `statement`: what it is at. */
  waits(behind: readonly Wait[], statement: string | undefined): void {
    const worst = longest(behind);
    if (worst === undefined) return;
    this.#waiting = Math.max(this.#waiting, behind.length);
    this.#longestWaitMs = Math.max(this.#longestWaitMs, worst.waitedMs);
    if (worst.waitedMs > this.worstBlockingMs) {
      const { pid, waitedMs, relation, query } = worst;
      this.#worst = { pid, waitedMs, relation, query };
    }
    for (const wait of behind) this.#remember(wait, statement);
  }

  sample(vitals: Vitals | undefined): void {
    this.#series.add({
      afterMs: Math.round(performance.now() - this.#startedAt),
      longestWaitMs: this.#longestWaitMs,
      waiting: this.#waiting,
      ...(vitals === undefined ? {} : measuresOf(vitals)),
    });
    this.#waiting = 0;
    this.#longestWaitMs = 0;
    this.#roundTrips = [];
  }

  outcome(): WatchOutcome {
    return {
      worstBlockingMs: this.worstBlockingMs,
      worst: this.#worst,
      blockings: longestOf([...this.#blockings.values()]),
      series: this.#series.samples,
    };
  }

  #remember(
    { pid, since, user, applicationName, relation, waitedMs }: Wait,
    statement: string | undefined,
  ): void {
    if (waitedMs < 1) return;
    this.#blockings.set(`${pid} ${since}`, { pid, user, applicationName, relation, statement, waitedMs });
    if (this.#blockings.size <= MOST_BLOCKINGS * 4) return;
    const kept = new Set(longestOf([...this.#blockings.values()]));
    for (const [key, blocking] of this.#blockings) if (!kept.has(blocking)) this.#blockings.delete(key);
  }
}

function measuresOf(vitals: Vitals): Omit<WatchSample, 'afterMs' | 'longestWaitMs' | 'waiting'> {
  const { connections, active, walBytes, replicaLagMs, replicaLagBytes, databaseBytes, build } = vitals;
  return {
    connections,
    active,
    walBytes,
    ...(replicaLagMs === undefined ? {} : { replicaLagMs }),
    ...(replicaLagBytes === undefined ? {} : { replicaLagBytes }),
    ...(databaseBytes === undefined ? {} : { databaseBytes }),
    ...(build === undefined || build.total === 0
      ? {}
      : { buildShare: Math.min(1, build.done / build.total) }),
  };
}
