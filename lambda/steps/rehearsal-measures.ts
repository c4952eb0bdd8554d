/** Measures on the clone what the migrations cost beside time, and makes of it all the estimate for production. */
import { comparePlans, explainWatched, PLANNING, type WatchedPlan, withStatistics } from '../checks/plans';
import { DEFAULT_LIMITS, type Estimate, estimateFrom, excessesOf, type Measured } from '../domain/estimate';
import type { Finding } from '../domain/finding';
import type { DiskUse, PlanChange, Warmth } from '../domain/rehearsal';
import type { StatementTiming } from '../domain/run';
import { type DiskReading, readDisk } from '../migrate/observe/disk';
import { type Database, type Session, StatementFailed, withSession } from '../ports/database';
import { quoted } from '../sql/names';
import type { RunContext } from './context';
import { excessFinding } from './rehearsal-measured-findings';

interface Counters extends DiskReading {
  readonly temporaryBytes: number;
  /** Undefined where the server does not measure it. */
  readonly readMs: number | undefined;
}

/** What the migrations did, beside the time that they took. */
export interface Effects {
  readonly warmth: Warmth;
  readonly disk: DiskUse;
  readonly plans: readonly PlanChange[];
}

export interface Concluded {
  readonly estimate: Estimate;
  readonly findings: readonly Finding[];
  readonly asks: readonly string[];
}

export class Measures {
  readonly #run: RunContext;
  readonly #clone: Database;
  readonly #warmth: Warmth;
  readonly #plans: readonly WatchedPlan[];
  readonly #start: Counters;

  private constructor(
    run: RunContext,
    clone: Database,
    before: { readonly warmth: Warmth; readonly plans: readonly WatchedPlan[]; readonly start: Counters },
  ) {
    this.#run = run;
    this.#clone = clone;
    this.#warmth = before.warmth;
    this.#plans = before.plans;
    this.#start = before.start;
  }

  static async begin(run: RunContext, clone: Database, warmth: Warmth): Promise<Measures> {
    await measureReading(clone);
    const plans = await plansOf(run, clone);
    const start = await withSession(clone, PLANNING, readCounters);
    return new Measures(run, clone, { warmth, plans, start });
  }

  async end(statements: readonly StatementTiming[]): Promise<Effects> {
    const end = await withSession(this.#clone, PLANNING, readCounters);
    const readMs = differenceOf(this.#start.readMs, end.readMs);
    return {
      warmth: { ...this.#warmth, ...(readMs === undefined ? {} : { readMs }) },
      disk: this.#diskUse(statements, end),
      plans: await this.#comparePlans(this.#run.policy.limits ?? DEFAULT_LIMITS),
    };
  }

  #diskUse(statements: readonly StatementTiming[], end: Counters): DiskUse {
    const largest = Math.max(end.databaseBytes, ...statements.map(({ cost }) => cost?.databaseBytes ?? 0));
    return {
      walBytes: Math.max(0, end.wal - this.#start.wal),
      grownBytes: end.databaseBytes - this.#start.databaseBytes,
      peakBytes: Math.max(0, largest - this.#start.databaseBytes),
      temporaryBytes: Math.max(0, end.temporaryBytes - this.#start.temporaryBytes),
    };
  }

  async #comparePlans(limits: { readonly planCost: number }): Promise<readonly PlanChange[]> {
    if (this.#plans.length === 0) return [];
    const changes = comparePlans(this.#plans, await plansOf(this.#run, this.#clone), limits);
    const tables = changes.filter(({ verdict }) => verdict === 'worse').flatMap(({ tables: t = [] }) => t);
    if (tables.length === 0) return changes;
    // A change of type takes a column's statistics along: is it the plan that is worse, or only what is known for it?
    this.#run.tell('statistics, for the plans of watched queries');
    if (!(await isDone(this.#clone, `ANALYZE ${[...new Set(tables)].join(', ')}`))) return changes;
    const later = comparePlans(this.#plans, await plansOf(this.#run, this.#clone), limits);
    return withStatistics(changes, later);
  }
}

/** What that means for production, and whether policy lets it pass. */
export async function conclude(
  run: RunContext,
  { plans, ...effects }: Effects,
  ran: Pick<Measured, 'statements' | 'totalMs' | 'longestBlockingMs' | 'again'>,
): Promise<Concluded> {
  const { maxBlockingMs, lockGiveUpMs, limits = DEFAULT_LIMITS } = run.policy;
  const estimate = estimateFrom({ ...effects, ...ran, lockGiveUpMs });
  const freeBytes = await run.capacity?.freeBytes();
  const excesses = excessesOf({ estimate, plans, limits, maxBlockingMs, freeBytes });
  return {
    estimate,
    findings: excesses.map((excess) => excessFinding(excess, limits.beyond)),
    asks: limits.beyond === 'ask' ? excesses.map(({ subject, effect }) => `${subject}: ${effect}`) : [],
  };
}

const plansOf = ({ request }: RunContext, clone: Database): Promise<readonly WatchedPlan[]> =>
  withSession(clone, PLANNING, (session) => explainWatched(session, request.project.watched ?? []));

const differenceOf = (before: number | undefined, after: number | undefined): number | undefined =>
  before === undefined || after === undefined ? undefined : Math.max(0, after - before);

/** Only a superuser may: elsewhere it is as the server was set up. */
const measureReading = (clone: Database): Promise<boolean> =>
  isDone(clone, `ALTER DATABASE ${quoted(clone.address.database)} SET track_io_timing = on`);

/** Where the server refuses it, less is known, and no more. */
async function isDone(clone: Database, sql: string): Promise<boolean> {
  try {
    await withSession(clone, { applicationName: 'godwit rehearsal' }, (session) => session.query(sql));
    return true;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    return false;
  }
}

/** A session's numbers are added when it ends, and the executor's has. */
async function readCounters(session: Session): Promise<Counters> {
  const { rows } = await session.query<{ temporary: number; reading: number | null }>(
    `SELECT temp_bytes::float8 AS temporary,
            CASE WHEN pg_catalog.current_setting('track_io_timing') = 'on' THEN blk_read_time END AS reading
       FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()`,
  );
  return {
    ...(await readDisk(session)),
    temporaryBytes: rows[0]?.temporary ?? 0,
    readMs: rows[0]?.reading ?? undefined,
  };
}
