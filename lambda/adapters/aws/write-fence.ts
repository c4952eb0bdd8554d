/**
 * Fences a database's writes by its own default: every new transaction is read-only. A client that sets
 * `default_transaction_read_only` itself is not held, as Godwit's own sessions are not.
 */
import { type Database, type Session, withSession } from '../../ports/database';

const SESSION = { applicationName: 'godwit-fence', statementTimeoutMs: 30_000 } as const;

const FENCED = `
  SELECT 1 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
  WHERE d.datname = current_database() AND s.setrole = 0 AND 'default_transaction_read_only=on' = ANY (s.setconfig)`;

/** Sessions keep the default with which they began, whatever it is changed to; RDS' own may not be ended. */
const END_SESSIONS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND usename <> 'rdsadmin' AND application_name NOT LIKE 'godwit%'`;

export const isFenced = (database: Database): Promise<boolean> =>
  withSession(database, SESSION, async (session) => (await session.query(FENCED)).rowCount > 0);

export const raiseFence = (database: Database): Promise<void> =>
  withSession(database, SESSION, (session) =>
    setDefault(session, database, 'SET default_transaction_read_only = on'),
  );

export const lowerFence = (database: Database): Promise<void> =>
  withSession(database, SESSION, async (session) => {
    if ((await session.query(FENCED)).rowCount === 0) return;
    await setDefault(session, database, 'RESET default_transaction_read_only');
  });

async function setDefault(session: Session, database: Database, change: string): Promise<void> {
  const name = `"${database.address.database.replaceAll('"', '""')}"`;
  await session.query(`ALTER DATABASE ${name} ${change}`);
  // Twice: a session that was still connecting at the first time began with the old default.
  await session.query(END_SESSIONS);
  await session.query(END_SESSIONS);
}
