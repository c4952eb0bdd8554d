/** Holds the advisory lock that Prisma's engine takes, so that one executor works on a database at a time. */
import { GodwitError } from '../domain/errors';
import type { Clock } from '../ports/clock';
import type { Database, DatabaseAddress, Session } from '../ports/database';

/** The number is Prisma's. */
export const EXECUTOR_LOCK = 72707369;
const POLL_MS = 100;

export interface LockHolder {
  readonly pid: number;
  readonly user: string;
  readonly applicationName: string;
  /** When its session began. */
  readonly since: Date;
  /** When it began the statement that it is at; undefined between statements, and where the role may not see it. */
  readonly activeSince: Date | undefined;
}

/** Another session holds the executor lock and did not let go in time. */
export class AnotherExecutorHolds extends GodwitError {
  override readonly name = 'AnotherExecutorHolds';
  readonly kind = 'refused';
  readonly address: DatabaseAddress;
  readonly holder: LockHolder | undefined;

  constructor(address: DatabaseAddress, holder: LockHolder | undefined, waitedMs: number) {
    const who = holder
      ? `session ${holder.pid} (user ${holder.user}, application "${holder.applicationName}", since ${holder.since.toISOString()})`
      : 'another session';
    const wayOut = holder
      ? `Let it finish, or end it with SELECT pg_terminate_backend(${holder.pid})`
      : 'Let it finish';
    super(
      `The database ${address.database} is being migrated by ${who}, which did not finish within ${waitedMs} ms. ` +
        `${wayOut}, and try again.`,
    );
    this.address = address;
    this.holder = holder;
  }
}

export interface LockWait {
  readonly database: Database;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly waitMs: number;
}

/**
 * The session that migrates holds the lock itself: should this process die, the lock lasts as long as its last statement.
 * Polled, because a session that waits in `pg_advisory_lock` keeps a snapshot that CREATE INDEX CONCURRENTLY waits for.
 * @throws AnotherExecutorHolds
 */
export async function acquireExecutorLock(session: Session, wait: LockWait): Promise<void> {
  const startedAt = wait.clock.now().getTime();
  for (;;) {
    const { rows } = await session.query<{ held: boolean }>(
      `SELECT pg_catalog.pg_try_advisory_lock(${EXECUTOR_LOCK}) AS held`,
    );
    if (rows[0]?.held === true) return;
    const waitedMs = wait.clock.now().getTime() - startedAt;
    if (waitedMs >= wait.waitMs) {
      throw new AnotherExecutorHolds(wait.database.address, await findLockHolder(session), waitedMs);
    }
    await wait.clock.sleep(POLL_MS, wait.signal);
  }
}

/** Whoever executes migrations on the session's database now, be it Godwit or Prisma. */
export async function findLockHolder(session: Session): Promise<LockHolder | undefined> {
  const { rows } = await session.query<{
    pid: number;
    user: string | null;
    application: string | null;
    since: Date;
    activeSince: Date | null;
  }>(
    `SELECT a.pid, a.usename AS "user", a.application_name AS application, a.backend_start AS since,
       CASE a.state WHEN 'active' THEN a.query_start END AS "activeSince"
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = ${EXECUTOR_LOCK} AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
  );
  const row = rows[0];
  return (
    row && {
      pid: row.pid,
      user: row.user ?? '?',
      applicationName: row.application ?? '',
      since: row.since,
      activeSince: row.activeSince ?? undefined,
    }
  );
}

/** @throws AnotherExecutorHolds */
export async function openExecutorSession(applicationName: string, wait: LockWait): Promise<Session> {
  const session = await wait.database.connect({ applicationName });
  try {
    await acquireExecutorLock(session, wait);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}
