/** Decides, between two batches, how long to wait for the application, the replicas, the archive or autovacuum, and says why. */
import type { Vitals } from '../watch/vitals';

/** What a backfill reads by itself, about once a second; undefined where the role may not see it. */
export interface BackfillReadings {
  readonly deadTuples: number | undefined;
  /** Autovacuum is on for the table: waiting for it may help. */
  readonly isVacuumed: boolean;
  /** WAL that waits to be archived; undefined where nothing is archived. */
  readonly unarchivedBytes: number | undefined;
}

export interface ThrottleLimits {
  readonly roundTripMs: number;
  readonly waitMs: number;
  readonly replicaLagMs: number;
  readonly replicaLagBytes: number;
  readonly unarchivedBytes: number;
  readonly walBytesPerSecond: number;
  readonly deadTuples: number;
  /** For each cause: longer than that without an end, and waiting does not help. */
  readonly patienceMs: number;
}

export interface ThrottleInput {
  readonly nowMs: number;
  readonly lastBatchMs: number;
  readonly vitals: Vitals | undefined;
  readonly readings: BackfillReadings | undefined;
  readonly limits: ThrottleLimits;
  readonly memory: ThrottleMemory;
}

export interface ThrottleMemory {
  /** When each cause that holds now began to. */
  readonly since: Readonly<Partial<Record<Cause, number>>>;
  /** From where on the growth of dead tuples counts. */
  readonly deadTuplesFrom: number | undefined;
  readonly wal: { readonly atMs: number; readonly bytes: number } | undefined;
  readonly walBytesPerSecond: number;
}

export interface Throttled {
  /** `slower`: a batch after the pause; `halted`: look again after the pause, before any batch. */
  readonly pace: 'full' | 'slower' | 'halted';
  readonly pauseMs: number;
  /** Fit for people; absent at full pace. */
  readonly reason?: string;
  readonly memory: ThrottleMemory;
}

export const NO_MEMORY: ThrottleMemory = {
  since: {},
  deadTuplesFrom: undefined,
  wal: undefined,
  walBytesPerSecond: 0,
};

type Cause = 'requests' | 'latency' | 'replica' | 'archive' | 'wal' | 'vacuum';

const MEGABYTE = 2 ** 20;

/** With nothing wrong none of them is reached: an update of 2 million rows leaves that many dead, and 100 MB of WAL a second are rare. */
export function defaultLimits(given: {
  readonly maxBlockingMs: number;
  readonly calmRoundTripMs: number;
  readonly maxWalBytes: number;
  readonly tableRows: number;
  readonly patienceMs: number;
}): ThrottleLimits {
  return {
    // What the application feels is what the budget bounds: a fourth of it, above what is usual here.
    roundTripMs: Math.max(given.calmRoundTripMs * 3, given.calmRoundTripMs + given.maxBlockingMs / 4),
    waitMs: given.maxBlockingMs / 2,
    replicaLagMs: 5_000,
    replicaLagBytes: 256 * MEGABYTE,
    unarchivedBytes: Math.max(1024 * MEGABYTE, given.maxWalBytes),
    // Faster, and checkpoints would follow one another without a pause.
    walBytesPerSecond: Math.max(64 * MEGABYTE, given.maxWalBytes / 10),
    deadTuples: Math.max(2_000_000, given.tableRows / 5),
    patienceMs: given.patienceMs,
  };
}

interface Complaint {
  readonly cause: Cause;
  readonly reason: string;
  readonly pace: 'slower' | 'halted';
  readonly pauseMs: number;
}

const POLL_MS = 250;

const megabytes = (bytes: number): string => `${Math.round(bytes / MEGABYTE)} MB`;

/** No cause halts for longer than its patience, after which the backfill goes on slowly: it always ends. */
export function throttle(input: ThrottleInput): Throttled {
  const { nowMs, limits, readings, lastBatchMs } = input;
  const remembering = remembered(input);
  const complaints = complaintsOf({ ...input, memory: remembering });
  const since: Partial<Record<Cause, number>> = {};
  for (const { cause } of complaints) since[cause] = remembering.since[cause] ?? nowMs;
  const isWornOut = ({ cause, pace }: Complaint): boolean =>
    pace === 'halted' && nowMs - (since[cause] ?? nowMs) >= limits.patienceMs;
  // Vacuum cannot remove what an old transaction may still see: as many again are made before it is waited for again.
  const isVacuumInVain = complaints.some((one) => one.cause === 'vacuum' && isWornOut(one));
  const memory: ThrottleMemory = {
    ...remembering,
    since,
    deadTuplesFrom: isVacuumInVain ? readings?.deadTuples : remembering.deadTuplesFrom,
  };
  const [gravest] = complaints
    .filter(({ cause }) => cause !== 'vacuum' || !isVacuumInVain)
    .map((one) => (isWornOut(one) ? { ...one, pace: 'slower' as const, pauseMs: breath(lastBatchMs) } : one))
    .sort((one, other) => rank(other) - rank(one));
  if (gravest === undefined) return { pace: 'full', pauseMs: 0, memory };
  const { pace, pauseMs, reason } = gravest;
  return { pace, pauseMs, reason, memory };
}

const rank = ({ pace, pauseMs }: Complaint): number => (pace === 'halted' ? 2 * POLL_MS : pauseMs);

/** As long as the last batch: half of the time is the application's. */
const breath = (lastBatchMs: number): number => Math.min(POLL_MS, Math.max(1, lastBatchMs));

function remembered({ nowMs, vitals, readings, memory }: ThrottleInput): ThrottleMemory {
  const dead = readings?.deadTuples;
  const deadTuplesFrom =
    dead === undefined ? memory.deadTuplesFrom : Math.min(memory.deadTuplesFrom ?? dead, dead);
  const { wal } = memory;
  if (vitals === undefined) return { ...memory, deadTuplesFrom };
  if (wal === undefined) return { ...memory, deadTuplesFrom, wal: { atMs: nowMs, bytes: vitals.walBytes } };
  const elapsedMs = nowMs - wal.atMs;
  if (elapsedMs < 1000) return { ...memory, deadTuplesFrom };
  return {
    ...memory,
    deadTuplesFrom,
    wal: { atMs: nowMs, bytes: vitals.walBytes },
    walBytesPerSecond: ((vitals.walBytes - wal.bytes) * 1000) / elapsedMs,
  };
}

function complaintsOf({ vitals, readings, limits, memory, lastBatchMs }: ThrottleInput): Complaint[] {
  const found: Complaint[] = [];
  const slower = (cause: Cause, reason: string, share = 1): void => {
    const pauseMs = Math.min(POLL_MS, breath(lastBatchMs) * share);
    found.push({ cause, reason, pace: 'slower', pauseMs });
  };
  const halted = (cause: Cause, reason: string): void => {
    found.push({ cause, reason, pace: 'halted', pauseMs: POLL_MS });
  };
  if (vitals !== undefined) {
    const { waiting, longestWaitMs, roundTripMs, replicaLagMs = 0, replicaLagBytes = 0 } = vitals;
    if (waiting > 0 && longestWaitMs > limits.waitMs) {
      slower('requests', `a request waited ${Math.round(longestWaitMs)} ms for rows of the backfill`);
    }
    if (roundTripMs > limits.roundTripMs) {
      // The slower it is, the larger the share of the time that is left to the application.
      const share = Math.min(4, roundTripMs / limits.roundTripMs);
      slower('latency', `the server takes ${Math.round(roundTripMs)} ms for the smallest query`, share);
    }
    if (replicaLagMs > limits.replicaLagMs || replicaLagBytes > limits.replicaLagBytes) {
      const lag = `${Math.round(replicaLagMs / 1000)} s and ${megabytes(replicaLagBytes)}`;
      halted('replica', `a replica is ${lag} behind`);
    }
  }
  if (memory.walBytesPerSecond > limits.walBytesPerSecond) {
    slower('wal', `WAL grows by ${megabytes(memory.walBytesPerSecond)} a second`);
  }
  if (readings?.unarchivedBytes !== undefined && readings.unarchivedBytes > limits.unarchivedBytes) {
    halted('archive', `${megabytes(readings.unarchivedBytes)} of WAL wait to be archived`);
  }
  const grown = (readings?.deadTuples ?? 0) - (memory.deadTuplesFrom ?? 0);
  if (readings?.isVacuumed === true && grown > limits.deadTuples) {
    halted('vacuum', `autovacuum has ${grown} dead rows of the table to remove first`);
  }
  return found;
}
