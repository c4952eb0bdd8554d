/** The application under load: requests fall due at a fixed rate whatever becomes of the earlier ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { Random } from '../../demo/application/random';
import { Schedule } from '../../demo/application/schedule';
import { now, type Sample } from './score';
import { BALANCE_ID, type Sizes, WALLET_ID } from './tables';

export interface LoadOptions extends Sizes {
  readonly url: string;
  readonly ratePerSecond: number;
  readonly poolSize: number;
  readonly seed: number;
}

interface Request {
  readonly kind: Sample['kind'];
  readonly sql: string;
  readonly value: number;
}

const SUM = `SELECT count(*), sum("usdValue") FROM "TokenBalance" WHERE "walletId" = ${WALLET_ID}`;
const LIST = `SELECT "id", "tokenId", "quantity", "usdValue" FROM "TokenBalance" WHERE "walletId" = ${WALLET_ID}
  ORDER BY "quantity" DESC LIMIT 20`;
const WRITE = `UPDATE "TokenBalance" SET "syncs" = "syncs" + 1, "updatedAt" = now() WHERE "id" = ${BALANCE_ID}`;

/** The same requests in the same order for everybody who is measured. */
export function nextRequest(random: Random, { wallets, balances }: Sizes): Request {
  const share = random.below(100);
  if (share < 60) return { kind: 'read', sql: SUM, value: 1 + random.below(wallets) };
  if (share < 70) return { kind: 'read', sql: LIST, value: 1 + random.below(wallets) };
  return { kind: 'write', sql: WRITE, value: 1 + random.below(balances) };
}

/** Longer than the longest migration that is measured, which nobody may give up on. */
const DRAIN_MS = 120_000;

interface Waiting {
  readonly dueAt: number;
  readonly kind: Sample['kind'];
}

export class Load {
  readonly #options: LoadOptions;
  readonly #pool: Pool;
  readonly #random: Random;
  readonly #waiting = new Set<Waiting>();
  readonly #answered: Sample[] = [];
  readonly #schedule: Schedule;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  private constructor(options: LoadOptions, pool: Pool) {
    this.#options = options;
    this.#pool = pool;
    this.#random = new Random(options.seed);
    this.#schedule = new Schedule(now(), options.ratePerSecond);
    this.#loop();
  }

  static async start(options: LoadOptions): Promise<Load> {
    const pool = new Pool({
      connectionString: options.url,
      max: options.poolSize,
      application_name: 'bench application',
      // No time limits: who has to wait is measured, not given up on.
      idleTimeoutMillis: 0,
    });
    // An idle connection that breaks is replaced by the next request; unheard, the event would end the process.
    pool.on('error', () => {});
    // Connecting is not what the first requests shall be measured by.
    await Promise.all(Array.from({ length: options.poolSize }, () => pool.query('SELECT pg_sleep(0.02)')));
    return new Load(options, pool);
  }

  /** All requests so far; one that still waits has waited until now. */
  samples(): readonly Sample[] {
    const endedAt = now();
    const waiting = Array.from(this.#waiting, (request) => ({ ...request, endedAt }));
    return [...this.#answered, ...waiting];
  }

  /** Sends nothing more, and waits for the answers that are due; what stays without one is an error. */
  async stop(): Promise<readonly Sample[]> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    const giveUpAt = now() + DRAIN_MS;
    while (this.#waiting.size > 0 && now() < giveUpAt) await sleep(5);
    for (const request of this.#waiting) this.#end(request, 'no answer');
    await Promise.race([this.#pool.end(), sleep(1000, undefined, { ref: false })]);
    return this.#answered;
  }

  #loop(): void {
    if (this.#isStopping) return;
    for (const dueAt of this.#schedule.takeDue(now())) void this.#send(dueAt);
    const waitMs = Math.max(0, this.#schedule.nextAt - now());
    this.#timer = setTimeout(() => this.#loop(), waitMs);
  }

  async #send(dueAt: number): Promise<void> {
    const { kind, sql, value } = nextRequest(this.#random, this.#options);
    const request = { dueAt, kind };
    this.#waiting.add(request);
    try {
      const { rowCount } = await this.#pool.query(sql, [value]);
      this.#end(request, kind === 'write' && rowCount !== 1 ? `${rowCount} rows updated` : undefined);
    } catch (error) {
      this.#end(request, error instanceof Error ? error.message : String(error));
    }
  }

  #end(request: Waiting, error: string | undefined): void {
    if (!this.#waiting.delete(request)) return;
    this.#answered.push({ ...request, endedAt: now(), ...(error === undefined ? {} : { error }) });
  }
}
