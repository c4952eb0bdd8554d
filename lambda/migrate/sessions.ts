/** Keeps one session that holds the executor lock, and opens another when it is lost. */
import type { Session } from '../ports/database';
import { type LockWait, openExecutorSession } from './executor-lock';
import { isAnybodyElseHere } from './locks/lock-holders';

const ALONE_FOR_MS = 50;
/** For what has no limit of its own: somebody who has locked the ledger shall not hold the executor up for good. */
const LEAST_LOCK_WAIT_MS = 2_000;
/** A process that is frozen or cut off in the middle of a transaction keeps its locks for no longer. */
const IDLE_IN_TRANSACTION_MS = 5_000;

export class ExecutorSessions {
  readonly #applicationName: string;
  readonly #wait: LockWait;
  readonly #onOpened: (session: Session) => Promise<void>;
  #current: Session | undefined;
  /** One message to the server: a history of hundreds of small files is cleaned up after hundreds of times. */
  #cleaning = '';
  #alone: { readonly atMs: number; readonly isAlone: boolean } | undefined;

  /** `onOpened` is given each new session, with the lock, before anybody else uses it; it may throw. */
  constructor(applicationName: string, wait: LockWait, onOpened: (session: Session) => Promise<void>) {
    this.#applicationName = applicationName;
    this.#wait = wait;
    this.#onOpened = onOpened;
  }

  get backendPid(): number | undefined {
    return this.#current?.backendPid;
  }

  /**
   * The current session. A new one gets the lock only when the backend of the one before is gone, so what it then
   * reads of the ledger is how that ended.
   * @throws AnotherExecutorHolds
   */
  async open(): Promise<Session> {
    if (this.#current === undefined) {
      const session = await openExecutorSession(this.#applicationName, this.#wait);
      this.#current = session;
      try {
        await session.query(limitsOf(this.#wait));
        this.#cleaning = [...CLEANING, await restoringSettings(session)].join('; ');
        await this.#onOpened(session);
      } catch (error) {
        await this.discard();
        throw error;
      }
    }
    return this.#current;
  }

  /** Whether nobody else was connected to the database, as of a moment ago: a long history asks hundreds of times. */
  async isAlone(): Promise<boolean> {
    const nowMs = this.#wait.clock.now().getTime();
    if (this.#alone === undefined || nowMs - this.#alone.atMs > ALONE_FOR_MS) {
      this.#alone = { atMs: nowMs, isAlone: !(await isAnybodyElseHere(await this.open())) };
    }
    return this.#alone.isAlone;
  }

  /** Closing ends a transaction, too: what is left undone is rolled back by the server. */
  async discard(): Promise<void> {
    const session = this.#current;
    this.#current = undefined;
    await session?.close().catch(() => undefined);
  }

  async rollBack(): Promise<void> {
    try {
      await this.#current?.query('ROLLBACK');
    } catch {
      await this.discard();
    }
  }

  /** What a file left in the session shall not reach the next one. */
  async clean(): Promise<void> {
    if (this.#current === undefined) return;
    try {
      await this.#current.query(this.#cleaning);
    } catch {
      // A new session is as clean.
      await this.discard();
    }
  }
}

const limitsOf = ({ waitMs }: LockWait): string =>
  `SET lock_timeout = ${Math.max(LEAST_LOCK_WAIT_MS, Math.round(waitMs))};
   SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`;

/** Sets again what was set when the session was opened, as against the server's and the role's defaults. */
async function restoringSettings(session: Session): Promise<string> {
  const { rows } = await session.query<{ statement: string }>(
    `SELECT pg_catalog.concat('SELECT ', pg_catalog.string_agg(
              pg_catalog.format('pg_catalog.set_config(%L, %L, false)', name, setting), ', ')) AS statement
       FROM pg_catalog.pg_settings WHERE source = 'session'`,
  );
  return rows[0]?.statement ?? '';
}

/** All that DISCARD ALL does, but for releasing the executor lock. */
const CLEANING: readonly string[] = [
  'CLOSE ALL',
  'RESET SESSION AUTHORIZATION',
  'RESET ROLE',
  'RESET ALL',
  'DEALLOCATE ALL',
  'UNLISTEN *',
  'DISCARD PLANS',
  'DISCARD TEMP',
  'DISCARD SEQUENCES',
];
