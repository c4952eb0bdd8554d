/**
 * Fences a database's writes by its own default: every new transaction is read-only. A client that sets
 * `default_transaction_read_only` itself is not held, as Godwit's own sessions are not.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, type Session, SQLSTATE, StatementFailed, withSession } from '../../ports/database';
import { SessionsOutlastFence } from '../../ports/endpoint';
import { quoted } from '../../sql/names';

const SESSION = {
  applicationName: 'godwit fence',
  statementTimeoutMs: 30_000,
  lockTimeoutMs: 10_000,
} as const;

/** A session ends once it looks up from its work; others were starting while the fence went up. */
const PASSES = 250;
const PASS_MS = 20;

export const isFenced = (database: Database): Promise<boolean> =>
  withSession(database, { ...SESSION, readOnly: true }, hasFence);

/**
 * Idempotent.
 * @throws SessionsOutlastFence
 */
export const raiseFence = (database: Database): Promise<void> =>
  withSession(database, SESSION, async (session) => {
    if (!(await hasFence(session)))
      await setDefault(session, database, 'SET default_transaction_read_only = on');
    const left = await endOpenSessions(session);
    if (left.length > 0) throw new SessionsOutlastFence(database.address.database, left);
  });

/** Idempotent. */
export const lowerFence = (database: Database): Promise<void> =>
  withSession(database, SESSION, async (session) => {
    if (!(await hasFence(session))) return;
    await setDefault(session, database, 'RESET default_transaction_read_only');
    // Those that began behind the fence would stay read-only for as long as they live; one that cannot be ended does.
    await endOpenSessions(session);
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
 * tell what they do next. Godwit's own go on, and those of RDS itself may not be ended. Answers which are left.
 */
async function endOpenSessions(session: Session): Promise<readonly string[]> {
  const { rows } = await session.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  const refused = new Set<number>();
  for (let pass = 0; pass < PASSES; pass += 1) {
    const open = await sessionsBefore(session, rows[0]?.now);
    for (const { pid } of open) {
      if (!refused.has(pid) && !(await isEnding(session, pid))) refused.add(pid);
    }
    // Those that cannot be ended are waited for no longer than the others.
    if (open.every(({ pid }) => refused.has(pid)))
      return open.map((one) => `${labelOf(one)}, which ${NO_RIGHT}`);
    await sleep(PASS_MS);
  }
  const open = await sessionsBefore(session, rows[0]?.now);
  return open.map((one) => `${labelOf(one)}, which ${refused.has(one.pid) ? NO_RIGHT : 'does not end'}`);
}

const NO_RIGHT = "Godwit's role may not end";

interface OpenSession {
  readonly pid: number;
  readonly role: string;
}

const labelOf = ({ pid, role }: OpenSession): string => `${pid} of ${role}`;

/** Whose statistics a role may not read, of those it sees neither kind nor beginning: they may be old. */
async function sessionsBefore(session: Session, moment: string | undefined): Promise<readonly OpenSession[]> {
  const { rows } = await session.query<OpenSession>(
    `SELECT pid, coalesce(usename, 'a role that is gone') AS role FROM pg_stat_activity
      WHERE datname = current_database() AND coalesce(backend_type, 'client backend') = 'client backend'
        AND pid <> pg_backend_pid() AND usename IS DISTINCT FROM 'rdsadmin' AND application_name NOT LIKE 'godwit%'
        AND coalesce(backend_start, '-infinity') <= $1`,
    [moment],
  );
  return rows;
}

/** Each by itself: only a superuser may end a superuser's, and Postgres answers that with an error. */
async function isEnding(session: Session, pid: number): Promise<boolean> {
  try {
    await session.query('SELECT pg_terminate_backend($1)', [pid]);
    return true;
  } catch (error) {
    if (error instanceof StatementFailed && error.sqlState === SQLSTATE.insufficientPrivilege) return false;
    throw error;
  }
}
