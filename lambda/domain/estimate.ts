/** Foretells from a rehearsal what a migration takes in production, how sure that is, and whether policy lets it pass. */
import type { DiskUse, PlanChange, Warmth } from './rehearsal';
import type { StatementTiming } from './run';

/** A busy server is slower than a clone on which nobody else works. */
export const BUSY_FACTOR = 2;

export interface Range {
  readonly lowMs: number;
  readonly likelyMs: number;
  readonly highMs: number;
}

export interface Estimate {
  readonly duration: Range;
  /** The longest that one lock is held that keeps the application from reading or writing. */
  readonly blocking: Range;
  /** On top: each of so many statements may wait so long for the application to give way, and is given up then. */
  readonly lockWait: { readonly statements: number; readonly giveUpMs: number };
  readonly disk: DiskUse;
  /** What it rests on, in sentences. */
  readonly basis: readonly string[];
}

export interface RehearsalLimits {
  /** What becomes of a run whose rehearsal went beyond one of them: a person is asked, or it is refused. */
  readonly beyond: 'ask' | 'block';
  /** Of the duration's upper bound. */
  readonly durationMs: number;
  /** Of the disk that is free, how much the migrations may need at their peak, WAL included. */
  readonly diskShare: number;
  /** How many times what it cost before the plan of a watched query may cost. */
  readonly planCost: number;
}

export const DEFAULT_LIMITS: RehearsalLimits = {
  beyond: 'ask',
  durationMs: 30 * 60_000,
  diskShare: 0.8,
  planCost: 2,
};

/** The migrations once more on the same clone, after their down scripts: nobody looked, and no commit was made durable. */
export interface SecondRun {
  readonly statements: readonly StatementTiming[];
  readonly totalMs: number;
}

export interface Measured {
  readonly statements: readonly StatementTiming[];
  /** What the executor took on the clone, statements included, and without what went into looking. */
  readonly totalMs: number;
  /** Of those migrations that have a way back. */
  readonly again?: SecondRun | undefined;
  readonly longestBlockingMs: number;
  readonly warmth: Warmth;
  readonly disk: DiskUse;
  /** How long one statement goes on asking for its locks. */
  readonly lockGiveUpMs: number;
}

export function estimateFrom(measured: Measured): Estimate {
  const { statements, longestBlockingMs, warmth, disk, lockGiveUpMs } = measured;
  const asking = statements.filter(({ locks = [] }) => locks.some(({ mode }) => blocksApplication(mode)));
  return {
    duration: durationFrom(measured),
    blocking: rangeOf({ low: longestBlockingMs, likely: longestBlockingMs }),
    lockWait: { statements: asking.length, giveUpMs: lockGiveUpMs },
    disk,
    basis: [
      `Likely is what a clone of the restore point took, on which nobody else worked.`,
      storageText(warmth),
      measured.again === undefined
        ? `At most is ${BUSY_FACTOR} times that, for a busy server.`
        : `It ran twice: at least is the faster run, at most ${BUSY_FACTOR} times the slower, for a busy server.`,
    ],
  };
}

/** What is measured around the statements, as connecting, is taken from the run that nobody looked at, if there is one. */
function durationFrom({ statements, totalMs, again, warmth }: Measured): Range {
  const workedMs = workOf(statements);
  const aroundMs =
    again === undefined ? totalMs - workOf(statements) : again.totalMs - workOf(again.statements);
  const waitedMs = statements.reduce((sum, { waitedMs: ms }) => sum + ms, 0);
  const likely = Math.max(0, workedMs + Math.max(0, aroundMs) - waitedMs);
  const repeated = new Set(again?.statements.map(({ migration }) => migration));
  const second =
    again === undefined
      ? likely
      : again.totalMs + workOf(statements.filter(({ migration }) => !repeated.has(migration)));
  const low = Math.min(Math.max(0, likely - (warmth.readMs ?? 0)), second);
  return rangeOf({ low, likely, slowest: second });
}

const workOf = (statements: readonly StatementTiming[]): number =>
  statements.reduce((sum, { durationMs }) => sum + durationMs, 0);

const rangeOf = ({
  low,
  likely,
  slowest = 0,
}: {
  readonly low: number;
  readonly likely: number;
  readonly slowest?: number;
}): Range => ({
  lowMs: Math.round(low),
  likelyMs: Math.round(likely),
  highMs: Math.round(Math.max(likely, slowest) * BUSY_FACTOR),
});

function storageText({ state, unread, readMs }: Warmth): string {
  const waited =
    readMs === undefined ? '' : ` ${Math.round(readMs)} ms of it went into reading from storage.`;
  switch (state) {
    case 'warm':
      return `The tables had been read before, as they have been in production.${waited}`;
    case 'partly':
      return `Not read before, and so perhaps slower than in production: ${unread.join(', ')}.${waited}`;
    case 'cold':
      return `Nothing had been read before: a restored volume is slow at the first touch, and production may be faster.${waited}`;
  }
}

const BLOCKING_MODES: ReadonlySet<string> = new Set([
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
]);

/** Whether it makes the application's reads or writes wait. */
export const blocksApplication = (mode: string): boolean => BLOCKING_MODES.has(mode);

/** One limit that the rehearsal went beyond. */
export interface Excess {
  readonly limit: 'blocking' | 'duration' | 'disk' | 'plan';
  readonly subject: string;
  readonly effect: string;
  readonly remedy: string;
}

export interface Judged {
  readonly estimate: Estimate;
  readonly plans: readonly PlanChange[];
  readonly limits: RehearsalLimits;
  readonly maxBlockingMs: number;
  /** Of the serving database's disk; undefined where that is not known. */
  readonly freeBytes: number | undefined;
}

export function excessesOf({ estimate, plans, limits, maxBlockingMs, freeBytes }: Judged): readonly Excess[] {
  const { duration, blocking, disk } = estimate;
  const neededBytes = Math.max(0, disk.peakBytes) + disk.walBytes + (disk.temporaryBytes ?? 0);
  const excesses: Excess[] = [];
  if (blocking.likelyMs > maxBlockingMs) {
    excesses.push({
      limit: 'blocking',
      subject: 'longest block',
      effect: `the rehearsal held a blocking lock for ${Math.round(blocking.likelyMs)} ms, more than the ${maxBlockingMs} ms allowed`,
      remedy: 'Rewrite the statement that holds it: "godwit rewrite", or run when nobody works.',
    });
  }
  if (duration.highMs > limits.durationMs) {
    excesses.push({
      limit: 'duration',
      subject: 'duration',
      effect: `it may take ${inWords(duration.highMs)} in production, more than the ${inWords(limits.durationMs)} allowed`,
      remedy: 'Run fewer migrations at once: --until <migration>.',
    });
  }
  if (freeBytes !== undefined && neededBytes > freeBytes * limits.diskShare) {
    excesses.push({
      limit: 'disk',
      subject: 'disk',
      effect: `it needs ${megabytes(neededBytes)} at its peak, WAL and temporary files included, more than ${Math.round(limits.diskShare * 100)} % of the ${megabytes(freeBytes)} that are free`,
      remedy: 'Enlarge the disk, or write fewer rows anew at once.',
    });
  }
  return [...excesses, ...plans.filter(isExcess).map(planExcess)];
}

const isExcess = ({ verdict }: PlanChange): boolean =>
  verdict === 'worse' || verdict === 'worse-until-analyze' || verdict === 'fails';

function planExcess({
  file,
  verdict,
  reason,
  costBefore = 0,
  costAfter = 0,
  tables = [],
}: PlanChange): Excess {
  if (verdict === 'fails') {
    const remedy = 'Deploy the application that does without it first, and correct the watched query.';
    return {
      limit: 'plan',
      subject: file,
      effect: `after the migrations the query fails: ${reason}`,
      remedy,
    };
  }
  const grown = `its plan is estimated at ${(costAfter / Math.max(costBefore, 0.01)).toFixed(1)} times what it cost before: ${reason}`;
  return verdict === 'worse'
    ? { limit: 'plan', subject: file, effect: grown, remedy: 'Keep or make the index that it needs.' }
    : {
        limit: 'plan',
        subject: file,
        effect: `${grown}, until statistics are gathered`,
        remedy: `End the migration with ANALYZE ${tables.join(', ')}; it blocks nobody.`,
      };
}

export const inWords = (ms: number): string => {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  return `${Math.round(ms / 60_000)} min`;
};

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1_000_000)} MB`;

export function lockWaitText({ lockWait: { statements, giveUpMs } }: Estimate): string | undefined {
  if (statements === 0) return undefined;
  const each = statements === 1 ? 'one statement may wait' : `each of ${statements} statements may wait`;
  return `${each} up to ${inWords(giveUpMs)} for its locks`;
}

/** For people who run databases. */
export function estimateText(estimate: Estimate): string {
  const { duration, blocking, disk } = estimate;
  const waiting = lockWaitText(estimate);
  return (
    `Foretold for production: ${inWords(duration.likelyMs)} (${inWords(duration.lowMs)} to ${inWords(duration.highMs)})${waiting === undefined ? '' : `, and ${waiting}`}; ` +
    `a lock that blocks held for ${inWords(blocking.likelyMs)} (at most ${inWords(blocking.highMs)}); ` +
    `${megabytes(disk.walBytes)} of WAL, ${megabytes(disk.peakBytes + (disk.temporaryBytes ?? 0))} of disk at the peak.`
  );
}

/** For people who know nothing of databases. */
export function plainEstimate({ duration, blocking }: Estimate): string {
  const pause =
    blocking.highMs < 1_000
      ? 'Nobody should notice it.'
      : `Some requests may wait for up to ${inWords(blocking.highMs)}.`;
  return duration.highMs < 10_000
    ? `It takes a few seconds. ${pause}`
    : `It takes about ${inWords(duration.likelyMs)}, at most ${inWords(duration.highMs)} on a busy day. ${pause}`;
}
