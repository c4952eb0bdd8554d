/** Reads from the server who stands in the way: of a lock, or of a statement that waits for old transactions. */
import { type Session, SQLSTATE, StatementFailed } from '../../ports/database';
import { conflict, type LockMode } from '../../sql/lock-modes';
import { shorten } from '../../sql/summary';
import { type Blocker, WATCH_NAME } from '../watch/lock-watch';

/** The state of a transaction that no session carries any more. */
export const PREPARED = 'prepared transaction';

export interface WantedLock {
  readonly oid: number;
  readonly mode: LockMode;
}

export interface Holder extends Blocker {
  /** Names its transaction: a pool's session goes on to another. */
  readonly transaction: string;
  /** How long it has been doing nothing in its transaction; undefined while it works. */
  readonly idleMs: number | undefined;
  readonly isAutovacuum: boolean;
}

export interface LockHolder extends Holder {
  readonly oid: number;
}

interface HolderRow {
  readonly pid: number | null;
  readonly transaction: string;
  readonly user: string | null;
  readonly application: string | null;
  readonly state: string | null;
  readonly query: string | null;
  readonly age_ms: number | null;
  readonly idle_ms: number | null;
  readonly backend_type: string | null;
}

// A role without pg_read_all_stats sees neither the state nor the age of others; their locks it sees.
const ACTIVITY = `a.usename AS "user", a.application_name AS application, a.state, a.query, a.backend_type,
  (extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::float8 AS age_ms,
  CASE WHEN pg_catalog.starts_with(a.state, 'idle in transaction')
    THEN (extract(epoch FROM pg_catalog.clock_timestamp() - a.state_change) * 1000)::float8 END AS idle_ms`;

/** Others who hold what conflicts. One who holds several of the relations is listed for each. */
export async function readLockHolders(
  session: Session,
  wanted: readonly WantedLock[],
): Promise<readonly LockHolder[]> {
  const { rows } = await session.query<HolderRow & { oid: number; mode: LockMode }>(
    `SELECT l.relation::int8::float8 AS oid, l.mode, l.pid, l.virtualtransaction AS transaction, ${ACTIVITY}
     FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
     WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY ($1::oid[])
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()`,
    [wanted.map(({ oid }) => oid)],
  );
  return rows
    .filter((row) => wanted.some(({ oid, mode }) => oid === row.oid && conflict(mode, row.mode)))
    .map((row) => ({ oid: row.oid, ...holderOf(row) }));
}

/** Transactions of this database with a snapshot or an id, at least so old: CONCURRENTLY waits for them to end. */
export async function readOldTransactions(session: Session, olderThanMs: number): Promise<readonly Holder[]> {
  const { rows } = await session.query<HolderRow>(
    `SELECT a.pid, v.virtualtransaction AS transaction, ${ACTIVITY}
     FROM pg_catalog.pg_stat_activity a
     JOIN pg_catalog.pg_locks v ON v.pid = a.pid AND v.locktype = 'virtualxid' AND v.mode = 'ExclusiveLock'
     WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
       AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)
       AND a.backend_type NOT IN ('autovacuum worker', 'walsender')
       AND a.xact_start < pg_catalog.clock_timestamp() - $1 * interval '1 millisecond'`,
    [olderThanMs],
  );
  return rows.map(holderOf);
}

/** Ends the session if it is still idle in that transaction, and has been for so long. Answers whether it did. */
export async function terminateIdle(
  session: Session,
  { pid, transaction }: Holder,
  olderThanMs: number,
): Promise<boolean> {
  try {
    const { rows } = await session.query<{ ended: boolean }>(
      `SELECT pg_catalog.pg_terminate_backend(a.pid) AS ended
       FROM pg_catalog.pg_stat_activity a
       WHERE a.pid = $1 AND pg_catalog.starts_with(a.state, 'idle in transaction')
         AND a.state_change < pg_catalog.clock_timestamp() - $3 * interval '1 millisecond'
         AND EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.virtualtransaction = $2)`,
      [pid, transaction, olderThanMs],
    );
    return rows[0]?.ended === true;
  } catch (error) {
    // A superuser's session, or any other's without pg_signal_backend: it is waited for, and named.
    if (error instanceof StatementFailed && error.sqlState === SQLSTATE.insufficientPrivilege) return false;
    throw error;
  }
}

function holderOf(row: HolderRow): Holder {
  // A prepared transaction holds its locks without a session.
  const isPrepared = row.pid === null;
  return {
    pid: row.pid ?? 0,
    user: row.user ?? '?',
    applicationName: row.application ?? '',
    state: isPrepared ? PREPARED : (row.state ?? '?'),
    query: shorten(row.query ?? '', 200),
    ageMs: Math.round(row.age_ms ?? 0),
    transaction: row.transaction,
    idleMs: row.idle_ms === null ? undefined : Math.round(row.idle_ms),
    isAutovacuum: row.backend_type === 'autovacuum worker',
  };
}

/** Whether others are connected to this database. Of another role, a session's name may be hidden. */
export async function isAnybodyElseHere(session: Session): Promise<boolean> {
  const { rows } = await session.query<{ found: boolean }>(
    `SELECT EXISTS (
       SELECT FROM pg_catalog.pg_stat_activity
       WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
         AND pg_catalog.starts_with(application_name, $1) IS NOT TRUE
       UNION ALL SELECT FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()
     ) AS found`,
    [WATCH_NAME],
  );
  return rows[0]?.found !== false;
}
