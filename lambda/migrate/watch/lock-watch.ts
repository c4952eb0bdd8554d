/** Watches, from a session of its own, who waits because of the migration and who makes it wait. Never fails the migration. */
import type { Database, Session } from '../../ports/database';
import { type Blocker, readBlockers } from './blockers';
import { type Breach, BudgetGuard } from './budget';
import { WatchNotes, type WatchOutcome } from './notes';
import { Pause } from './pause';
import { VitalsReader } from './read-vitals';
import type { Vitals } from './vitals';
import {
  doesAnybodyWait,
  type Own,
  type Queue,
  readQueue,
  type WaitSource,
  waitingFor,
  waitSource,
} from './waits';

export { type Blocker, describeBlockers } from './blockers';
export type { Breach } from './budget';
export type { WatchOutcome, WorstWait } from './notes';
export { waitingFor } from './waits';

/** The executor's sessions are known by their names: a watch needs no word from the one that it watches. */
export const EXECUTOR_NAME = 'godwit migrate';

/**
 * `close` — a strong lock is held or asked for: looks often; `relaxed` — none is;
 * `observe` — what runs must not be cut short: looks, and never cancels.
 */
export type Attention = 'close' | 'relaxed' | 'observe';

export interface LockWatch {
  /** The longest that anybody was seen to wait for the migration, 0 for nobody. */
  worstBlockingMs(): number;
  /** Who was last seen, since this was last asked, to keep the migration waiting; empty where nobody was seen. */
  takeBlockers(): readonly Blocker[];
  /** How the budget was broken since this was last asked; the statement that did it was cancelled. */
  takeBreach(): Breach | undefined;
  attention(level: Attention): void;
  /** The backend counts as the executor's, whatever a migration makes of its application name. */
  follow(backendPid: number | undefined): void;
  /** As last read, about every 250 ms; undefined before the first reading, and while the server is not there. */
  vitals(): Vitals | undefined;
  /** May be called again. */
  stop(): Promise<WatchOutcome>;
}

export interface LockWatchOptions {
  readonly database: Database;
  /** Watches this run's executor alone. */
  readonly runId?: string;
  /** The longest that a client's session may wait for the migration; without it nothing is cancelled. */
  readonly budgetMs?: number;
  /** What the migration is at, fit for people. */
  readonly statementNow?: () => string | undefined;
}

export const WATCH_NAME = 'godwit watch';
const SESSION = { applicationName: WATCH_NAME, statementTimeoutMs: 5_000, readOnly: true } as const;
const POLL_MS = 40;
const CLOSE_POLL_MS = 10;
/** Nothing is cancelled, and a build needs all the processor that it can get. */
const OBSERVING_POLL_MS = 150;
/** The watch costs the server at most a tenth of one session's time, unless the server is far away. */
const REST_PER_POLL = 10;
const LONGEST_PAUSE_MS = { close: 40, relaxed: 400 } as const;
const RECONNECT_MS = 500;
const VITALS_MS = 250;

export async function startLockWatch(options: LockWatchOptions): Promise<LockWatch> {
  const watch = new Watch(options);
  await watch.start();
  return watch;
}

interface Connection {
  readonly session: Session;
  readonly source: WaitSource;
}

class Watch implements LockWatch {
  readonly #options: LockWatchOptions;
  readonly #guard: BudgetGuard | undefined;
  readonly #reader = new VitalsReader();
  readonly #notes = new WatchNotes();
  readonly #pause = new Pause();
  #own: Own;
  #running: Promise<void> = Promise.resolve();
  #stopped: Promise<WatchOutcome> | undefined;
  #attention: Attention = 'relaxed';
  #blockers: readonly Blocker[] = [];
  #isAnybodyBehind = false;
  #vitals: Vitals | undefined;
  #vitalsAt = Number.NEGATIVE_INFINITY;

  constructor(options: LockWatchOptions) {
    const { runId, budgetMs } = options;
    this.#options = options;
    this.#guard = budgetMs === undefined ? undefined : new BudgetGuard(budgetMs);
    this.#own =
      runId === undefined
        ? { name: EXECUTOR_NAME, match: 'beginning', pid: undefined }
        : { name: `${EXECUTOR_NAME} ${runId}`, match: 'exactly', pid: undefined };
  }

  async start(): Promise<void> {
    this.#running = this.#run(await this.#connect());
  }

  worstBlockingMs(): number {
    return this.#notes.worstBlockingMs;
  }

  takeBlockers(): readonly Blocker[] {
    const taken = this.#blockers;
    this.#blockers = [];
    return taken;
  }

  takeBreach(): Breach | undefined {
    return this.#guard?.takeBreach();
  }

  attention(level: Attention): void {
    this.#attention = level;
    if (level === 'close') this.#pause.shorten(CLOSE_POLL_MS);
  }

  follow(backendPid: number | undefined): void {
    this.#own = { ...this.#own, pid: backendPid };
  }

  vitals(): Vitals | undefined {
    return this.#vitals;
  }

  stop(): Promise<WatchOutcome> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<WatchOutcome> {
    this.#pause.end();
    await this.#running;
    this.#notes.sample(this.#vitals);
    return this.#notes.outcome();
  }

  async #connect(): Promise<Connection | undefined> {
    let session: Session | undefined;
    try {
      session = await this.#options.database.connect(SESSION);
      return { session, source: await waitSource(session) };
    } catch {
      await session?.close();
      return undefined;
    }
  }

  async #run(first: Connection | undefined): Promise<void> {
    let connection = first;
    while (!this.#pause.isEnded) {
      connection ??= await this.#connect();
      const isAlive = connection !== undefined && (await this.#round(connection));
      if (isAlive) continue;
      // Without a session there is nothing to see for a while; the next round may get one.
      const restMs = connection === undefined ? RECONNECT_MS : POLL_MS;
      await connection?.session.close();
      connection = undefined;
      this.#vitals = undefined;
      await this.#pause.for(restMs);
    }
    await connection?.session.close();
  }

  async #round(connection: Connection): Promise<boolean> {
    const beganAt = performance.now();
    try {
      await this.#poll(connection);
      const polledAt = performance.now();
      if (polledAt - this.#vitalsAt >= VITALS_MS) await this.#readVitals(connection.session);
      await this.#pause.for(this.#rest(polledAt - beganAt));
      return true;
    } catch {
      return false;
    }
  }

  #rest(pollMs: number): number {
    const isClose = this.#attention === 'close' || this.#isAnybodyBehind;
    const least = isClose ? CLOSE_POLL_MS : this.#attention === 'observe' ? OBSERVING_POLL_MS : POLL_MS;
    return Math.min(Math.max(least, pollMs * REST_PER_POLL), LONGEST_PAUSE_MS[isClose ? 'close' : 'relaxed']);
  }

  async #poll({ session, source }: Connection): Promise<void> {
    const beganAt = performance.now();
    const waits = await doesAnybodyWait(session, source);
    this.#notes.roundTrip(performance.now() - beganAt);
    this.#isAnybodyBehind = false;
    if (!waits) return;
    const queue = await readQueue(session, this.#own);
    if (this.#attention !== 'observe') await this.#guard?.look(session, queue);
    const ours = new Set(queue.own.map(({ pid }) => pid));
    const behind = waitingFor(ours, queue.waits).filter(({ isClient }) => isClient);
    this.#isAnybodyBehind = behind.length > 0;
    this.#notes.waits(behind, this.#options.statementNow?.());
    await this.#seeBlockers(session, queue);
  }

  async #seeBlockers(session: Session, { own, waits }: Queue): Promise<void> {
    const ours = new Set(own.map(({ pid }) => pid));
    const pids = new Set(waits.filter(({ pid }) => ours.has(pid)).flatMap(({ blockedBy }) => blockedBy));
    if (pids.size > 0) this.#blockers = await readBlockers(session, [...pids]);
  }

  async #readVitals(session: Session): Promise<void> {
    const isHurried = this.#attention === 'close' || this.#isAnybodyBehind;
    this.#vitals = await this.#reader.read(session, { own: this.#own, seen: this.#notes.recent, isHurried });
    this.#vitalsAt = performance.now();
    this.#notes.sample(this.#vitals);
  }
}
