/**
 * Fences a database's writes by its own default: every new transaction is read-only. A client that sets
 * `default_transaction_read_only` itself is not held, as Godwit's own sessions are not.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError } from '../../domain/errors';
import { type Database, type Session, withSession } from '../../ports/database';
import { quoted } from '../../sql/names';

const SESSION = {
  applicationName: 'godwit fence',
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 10_000,
} as const;

/** Sessions that were starting while the fence went up. */
const PASSES = 50;
const PASS_MS = 20;

/** The fence is up, but somebody who began before it may still write. */
export class SessionsOutlastFence extends GodwitError {
  override readonly name = 'SessionsOutlastFence';
  readonly kind = 'unknown';

  constructor(database: string) {
    super(
      `Open sessions of the application do not end in ${database}, so it may still be written to. Fence again.`,
    );
  }
}

export const isFenced = (database: Database): Promise<boolean> =>
  withSession(database, { ...SESSION, readOnly: true }, hasFence);

/** Idempotent. */
export const raiseFence = (database: Database): Promise<void> =>
  withSession(database, SESSION, async (session) => {
    if (!(await hasFence(session)))
      await setDefault(session, database, 'SET default_transaction_read_only = on');
    await endOpenSessions(session, database.address.database);
  });

/** Idempotent. */
export const lowerFence = (database: Database): Promise<void> =>
  withSession(database, SESSION, async (session) => {
    if (!(await hasFence(session))) return;
    await setDefault(session, database, 'RESET default_transaction_read_only');
    // Those that began behind the fence would stay read-only for as long as they live.
    await endOpenSessions(session, database.address.database);
  });

async function hasFence(session: Session): Promise<boolean> {
  const { rowCount } = await session.query(
    `SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
      WHERE d.datname = current_database() AND s.setrole = 0
        AND 'default_transaction_read_only=on' = ANY (s.setconfig)`,
  );
  return rowCount > 0;
}

const setDefault = (session: Session, { address }: Database, change: string): Promise<unknown> =>
  session.query(`ALTER DATABASE ${quoted(address.database)} ${change}`);

/**
 * A setting holds for sessions that begin after it; those that began before are ended, writing or not, since nobody can
 * tell what they do next. Godwit's own go on, and those of RDS itself may not be ended.
 */
async function endOpenSessions(session: Session, database: string): Promise<void> {
  const { rows } = await session.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  for (let pass = 0; pass < PASSES; pass += 1) {
    const { rowCount } = await session.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
          AND usename <> 'rdsadmin' AND application_name NOT LIKE 'godwit%' AND backend_start <= $1`,
      [rows[0]?.now],
    );
    if (rowCount === 0) return;
    await sleep(PASS_MS);
  }
  throw new SessionsOutlastFence(database);
}
