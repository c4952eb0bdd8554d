/** Sends the requests when they fall due and measures how long each waited, counted from when it was due. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { readCatalog } from './catalog';
import type { ApplicationStats } from './messages';
import { Random } from './random';
import { type Catalog, nextRequest } from './requests';
import { Schedule } from './schedule';
import { Statistics } from './statistics';

/** An outage of minutes must not eat the machine's memory; what is due beyond this fails at once. */
const LONGEST_QUEUE = 50_000;
const DRAIN_MS = 30_000;

export interface TrafficOptions {
  readonly url: string;
  readonly ratePerSecond: number;
  readonly poolSize: number;
  readonly seed: number;
}

export class Traffic {
  readonly #pool: Pool;
  readonly #catalog: Catalog;
  readonly #random: Random;
  readonly #schedule: Schedule;
  readonly #statistics = new Statistics();
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  private constructor(pool: Pool, catalog: Catalog, options: TrafficOptions) {
    this.#pool = pool;
    this.#catalog = catalog;
    this.#random = new Random(options.seed);
    this.#schedule = new Schedule(performance.now(), options.ratePerSecond);
    this.#loop();
  }

  static async start(options: TrafficOptions): Promise<Traffic> {
    const pool = new Pool({
      connectionString: options.url,
      max: options.poolSize,
      application_name: 'wedefidaily',
      // No client-side time limits: who has to wait is measured, not given up on.
      idleTimeoutMillis: 0,
    });
    // An idle connection that breaks is replaced by the next request; unheard, the event would end the process.
    pool.on('error', () => {});
    try {
      const catalog = await readCatalog(pool);
      await warmUp(pool, options.poolSize);
      return new Traffic(pool, catalog, options);
    } catch (error) {
      await pool.end();
      throw error;
    }
  }

  stats(): ApplicationStats {
    return this.#statistics.snapshot(performance.now());
  }

  mark(): void {
    this.#statistics.mark();
  }

  /** Sends nothing more and waits for the answers that are due. */
  async stop(): Promise<ApplicationStats> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const giveUpAt = performance.now() + DRAIN_MS;
    while (this.#statistics.inFlight > 0 && performance.now() < giveUpAt) await sleep(10);
    const stats = this.stats();
    await Promise.race([this.#pool.end(), sleep(1000, undefined, { ref: false })]);
    return stats;
  }

  #loop(): void {
    if (this.#stopping) return;
    for (const dueAt of this.#schedule.takeDue(performance.now())) void this.#send(dueAt);
    const wait = Math.max(0, this.#schedule.nextAt - performance.now());
    this.#timer = setTimeout(() => this.#loop(), wait);
  }

  async #send(dueAt: number): Promise<void> {
    const request = nextRequest(this.#catalog, this.#random, new Date());
    if (!request) return;
    const ticket = this.#statistics.scheduled(dueAt);
    try {
      if (this.#statistics.inFlight > LONGEST_QUEUE) throw new Error('too many requests are waiting');
      await this.#pool.query(request.sql, [...request.values]);
      this.#statistics.answered(ticket, performance.now());
    } catch (error) {
      this.#statistics.answered(ticket, performance.now(), kindOf(error));
    }
  }
}

/** Connecting is not what the first requests shall be measured by. */
async function warmUp(pool: Pool, poolSize: number): Promise<void> {
  await Promise.all(Array.from({ length: poolSize }, () => pool.query('SELECT pg_sleep(0.02)')));
}

/** Without values and positions, so that the same failure counts as one kind. */
function kindOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return kindOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return (error.message || error.name).split('\n')[0]?.slice(0, 200) ?? error.name;
}
