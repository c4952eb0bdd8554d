/** Who waits for a lock, and who of those waits because of the migration. */
import type { Session } from '../../ports/database';
import { shorten } from '../../sql/summary';
import { EXECUTOR_LOCK } from '../executor-lock';

/** One who waits. */
export interface Queued {
  readonly pid: number;
  readonly waitedMs: number;
  readonly blockedBy: readonly number[];
}

export interface Wait extends Queued {
  /** Not a worker of the server's own, which has no user who waits for it. */
  readonly isClient: boolean;
  readonly user: string;
  readonly applicationName: string;
  readonly relation: string | undefined;
  readonly query: string;
  /** Tells one wait of a session from its next. */
  readonly since: string;
}

/** A session of the executor. */
export interface OwnSession {
  readonly pid: number;
  readonly state: string;
  readonly query: string;
  readonly isWaiting: boolean;
  /** Tell its transaction and its statement from others. */
  readonly transaction: string;
  readonly statement: string;
}

export interface Queue {
  readonly own: readonly OwnSession[];
  readonly waits: readonly Wait[];
}

export interface Own {
  /** The executor's sessions are known by this name, or one that begins with it. */
  readonly name: string;
  readonly match: 'exactly' | 'beginning';
  /** One that is the executor's whatever a migration made of its name. */
  readonly pid: number | undefined;
}

/**
 * Everybody who waits for us, or for one who waits for us: `pg_blocking_pids` names those ahead in the queue, too,
 * and so a reader behind our waiting ALTER TABLE counts from the moment that it queues. One who waits for somebody
 * who came to wait for us later has waited because of us since then only.
 */
export function waitingFor<W extends Queued>(ours: ReadonlySet<number>, waits: readonly W[]): W[] {
  const becauseOfUs = new Map<number, number>();
  const others = waits.filter(({ pid }) => !ours.has(pid));
  for (let isGrowing = true; isGrowing; ) {
    isGrowing = false;
    for (const { pid, waitedMs, blockedBy } of others) {
      for (const blocker of blockedBy) {
        const through = ours.has(blocker) ? waitedMs : becauseOfUs.get(blocker);
        const longer = through === undefined ? -1 : Math.min(waitedMs, through);
        if (longer <= (becauseOfUs.get(pid) ?? -1)) continue;
        becauseOfUs.set(pid, longer);
        isGrowing = true;
      }
    }
  }
  return others.flatMap((wait) => {
    const waitedMs = becauseOfUs.get(wait.pid);
    return waitedMs === undefined ? [] : [{ ...wait, waitedMs }];
  });
}

/** `activity` is cheap, and shows the waits of other roles only to one who may see them. */
export type WaitSource = 'activity' | 'locks';

export async function waitSource(session: Session): Promise<WaitSource> {
  const { rows } = await session.query<{ sees: boolean }>(
    "SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees",
  );
  return rows[0]?.sees === true ? 'activity' : 'locks';
}

const ANYBODY_WAITS: Readonly<Record<WaitSource, string>> = {
  // The function behind `pg_stat_activity`, without the view's joins.
  activity:
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(NULL) WHERE wait_event_type = 'Lock') AS waits",
  locks: 'SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE NOT granted) AS waits',
};

/** Asked first: reading the lock table takes the lock manager's own locks. */
export async function doesAnybodyWait(session: Session, source: WaitSource): Promise<boolean> {
  const { rows } = await session.query<{ waits: boolean }>(ANYBODY_WAITS[source]);
  return rows[0]?.waits === true;
}

/** `pg_blocking_pids` stops the lock manager for a moment; those who wait longest are enough. */
const MOST_WAITS = 100;

/** Who waits for a row holds the tuple's lock: that alone tells the table. */
const QUEUE = (isOwn: string): string => `WITH lock AS MATERIALIZED (
    SELECT pid, granted, waitstart, relation, locktype FROM pg_catalog.pg_locks
    WHERE (NOT granted OR locktype = 'tuple')
      AND NOT (locktype = 'advisory' AND classid = 0 AND objid = ${EXECUTOR_LOCK})
      AND (database IS NULL OR database IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())))
  ), waiting AS MATERIALIZED (SELECT * FROM lock WHERE NOT granted ORDER BY waitstart LIMIT ${MOST_WAITS})
  SELECT a.pid, (${isOwn}) AS own, w.pid IS NOT NULL AS waits,
    COALESCE(a.backend_type = 'client backend', a.usesysid IS NOT NULL) AS client,
    a.usename AS "user", a.application_name AS application, a.state, a.query,
    a.xact_start::text AS transaction, a.query_start::text AS statement, w.waitstart::text AS since,
    (extract(epoch FROM pg_catalog.clock_timestamp() - w.waitstart) * 1000)::float8 AS waited_ms,
    (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = COALESCE(w.relation,
      (SELECT t.relation FROM lock t WHERE t.pid = w.pid AND t.locktype = 'tuple' LIMIT 1))) AS relation,
    CASE WHEN w.pid IS NULL THEN '{}' ELSE pg_catalog.pg_blocking_pids(w.pid) END AS blocked_by
  FROM pg_catalog.pg_stat_activity a LEFT JOIN waiting w USING (pid)
  WHERE w.pid IS NOT NULL OR (${isOwn})`;

const IS_OWN: Readonly<Record<Own['match'], string>> = {
  // As the server does, the type cuts what is too long.
  exactly: 'a.application_name = $1::name::text OR a.pid = $2',
  beginning: 'pg_catalog.starts_with(a.application_name, $1) OR a.pid = $2',
};

export async function readQueue(session: Session, { name, match, pid }: Own): Promise<Queue> {
  const { rows } = await session.query<QueueRow>(QUEUE(IS_OWN[match]), [name, pid ?? 0]);
  return {
    own: rows.filter(({ own }) => own).map(ownOf),
    waits: rows.filter(({ waits }) => waits).map(waitOf),
  };
}

interface QueueRow {
  readonly pid: number;
  readonly own: boolean;
  readonly waits: boolean;
  readonly client: boolean;
  readonly user: string | null;
  readonly application: string | null;
  readonly state: string | null;
  readonly query: string | null;
  readonly transaction: string | null;
  readonly statement: string | null;
  readonly since: string | null;
  readonly waited_ms: number | null;
  readonly relation: string | null;
  readonly blocked_by: readonly number[];
}

const ownOf = (row: QueueRow): OwnSession => ({
  pid: row.pid,
  state: row.state ?? '',
  query: shorten(row.query ?? '', 200),
  isWaiting: row.waits,
  transaction: row.transaction ?? '',
  statement: row.statement ?? '',
});

const waitOf = (row: QueueRow): Wait => ({
  pid: row.pid,
  // For a moment after the wait began, its start is not told.
  waitedMs: Math.max(0, Math.round(row.waited_ms ?? 0)),
  blockedBy: row.blocked_by,
  isClient: row.client,
  user: row.user ?? '?',
  applicationName: row.application ?? '',
  relation: row.relation ?? undefined,
  query: shorten(row.query ?? '', 200),
  since: row.since ?? '',
});
