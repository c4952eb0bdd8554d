/** Keeps one session that holds the executor lock, and opens another when it is lost. */
import type { Session } from '../ports/database';
import { type LockWait, openExecutorSession } from './executor-lock';

export class ExecutorSessions {
  readonly #applicationName: string;
  readonly #wait: LockWait;
  #current: Session | undefined;
  #settings: readonly Setting[] = [];

  constructor(applicationName: string, wait: LockWait) {
    this.#applicationName = applicationName;
    this.#wait = wait;
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
      this.#current = await openExecutorSession(this.#applicationName, this.#wait);
      this.#settings = await readSettings(this.#current);
    }
    return this.#current;
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
      await cleanSession(this.#current, this.#settings);
    } catch {
      // A new session is as clean.
      await this.discard();
    }
  }
}

interface Setting {
  readonly name: string;
  readonly setting: string;
}

/** Those that were set when the session was opened, as against the server's and the role's defaults. */
async function readSettings(session: Session): Promise<readonly Setting[]> {
  const { rows } = await session.query<Setting>(
    "SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session'",
  );
  return rows;
}

/** All that DISCARD ALL does, but for releasing the executor lock. */
const CLEANING = [
  'CLOSE ALL',
  'RESET SESSION AUTHORIZATION',
  'RESET ROLE',
  'RESET ALL',
  'DEALLOCATE ALL',
  'UNLISTEN *',
  'DISCARD PLANS',
  'DISCARD TEMP',
  'DISCARD SEQUENCES',
].join('; ');

async function cleanSession(session: Session, settings: readonly Setting[]): Promise<void> {
  await session.query(CLEANING);
  await session.query(
    'SELECT pg_catalog.set_config(name, setting, false) FROM unnest($1::text[], $2::text[]) AS s (name, setting)',
    [settings.map(({ name }) => name), settings.map(({ setting }) => setting)],
  );
}
