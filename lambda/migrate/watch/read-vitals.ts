/** Reads a server's vitals in one or two small queries, and tolerates what the role may not see. */
import { type Session, StatementFailed } from '../../ports/database';
import { ReplicaLag } from './replica-lag';
import type { Build, Vitals } from './vitals';
import type { Own } from './waits';

/** What the watch knows by itself. */
export type SeenByWatch = Pick<Vitals, 'roundTripMs' | 'waiting' | 'longestWaitMs'>;

const SIZE_EVERY_MS = 5_000;
/** `pg_database_size` looks at every file of the database: where that takes long, it waits for a quiet moment. */
const QUICK_SIZE_MS = 10;
/** Shorter statements are over before their progress could be shown. */
const SLOW_AFTER_MS = 200;

const VITALS = (isOwn: string): string => `SELECT
    pg_catalog.current_setting('max_connections')::int AS max_connections,
    s.connections, s.active, s.slow_pids,
    CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
      ELSE pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::float8 END AS wal_position,
    r.replayed, r.lag_ms
  FROM (
    SELECT count(*) FILTER (WHERE COALESCE(a.backend_type = 'client backend', a.usesysid <> 0))::int AS connections,
      count(*) FILTER (WHERE a.backend_type = 'client backend' AND a.state = 'active'
        AND a.pid <> pg_catalog.pg_backend_pid())::int AS active,
      COALESCE(array_agg(a.pid) FILTER (WHERE (${isOwn}) AND a.state = 'active'
        AND a.query_start < pg_catalog.clock_timestamp() - interval '${SLOW_AFTER_MS} ms'), '{}') AS slow_pids
    FROM pg_catalog.pg_stat_get_activity(NULL) a
  ) s, (
    SELECT (extract(epoch FROM max(replay_lag)) * 1000)::float8 AS lag_ms,
      pg_catalog.pg_wal_lsn_diff(min(replay_lsn), '0/0')::float8 AS replayed
    FROM pg_catalog.pg_stat_replication WHERE replay_lsn IS NOT NULL
  ) r`;

const IS_OWN: Readonly<Record<Own['match'], string>> = {
  exactly: 'a.application_name = $1::name::text OR a.pid = $2',
  beginning: 'pg_catalog.starts_with(a.application_name, $1) OR a.pid = $2',
};

/** While it waits for others, a build tells of those; while it loads its tree, of tuples; otherwise of the table's blocks. */
export const PROGRESS = `
  SELECT phase,
    CASE WHEN phase LIKE 'waiting %' THEN lockers_done WHEN phase LIKE '% tuples %' THEN tuples_done ELSE blocks_done END::float8 AS done,
    CASE WHEN phase LIKE 'waiting %' THEN lockers_total WHEN phase LIKE '% tuples %' THEN tuples_total ELSE blocks_total END::float8 AS total,
    CASE WHEN phase LIKE 'waiting %' THEN 'sessions' WHEN phase LIKE '% tuples %' THEN 'tuples' ELSE 'blocks' END AS unit
  FROM pg_catalog.pg_stat_progress_create_index WHERE pid = ANY ($1::int[])
  UNION ALL
  SELECT phase, heap_blks_scanned::float8, heap_blks_total::float8, 'blocks'
  FROM pg_catalog.pg_stat_progress_cluster WHERE pid = ANY ($1::int[])
  UNION ALL
  SELECT phase, heap_blks_scanned::float8, heap_blks_total::float8, 'blocks'
  FROM pg_catalog.pg_stat_progress_vacuum WHERE pid = ANY ($1::int[])
  UNION ALL
  SELECT pg_catalog.lower(command), bytes_processed::float8, bytes_total::float8, 'bytes'
  FROM pg_catalog.pg_stat_progress_copy WHERE pid = ANY ($1::int[])
  LIMIT 1`;

interface VitalsRow {
  readonly max_connections: number;
  readonly connections: number;
  readonly active: number;
  readonly slow_pids: readonly number[];
  readonly wal_position: number | null;
  readonly lag_ms: number | null;
  readonly replayed: number | null;
}

export class VitalsReader {
  readonly #lag = new ReplicaLag();
  #walStart: number | undefined;
  #walBytes = 0;
  #databaseBytes: number | undefined;
  #sizedAt = Number.NEGATIVE_INFINITY;
  #sizingMs = 0;

  /** `isHurried`: something may have to be cancelled within milliseconds. */
  async read(
    session: Session,
    from: { readonly own: Own; readonly seen: SeenByWatch; readonly isHurried: boolean },
  ): Promise<Vitals | undefined> {
    const { own, seen, isHurried } = from;
    const row = await tolerated<VitalsRow>(session, VITALS(IS_OWN[own.match]), [own.name, own.pid ?? 0]);
    if (row === undefined) return undefined;
    if (row.wal_position !== null) {
      this.#walStart ??= row.wal_position;
      this.#walBytes = Math.max(this.#walBytes, row.wal_position - this.#walStart);
    }
    const build =
      row.slow_pids.length === 0 ? undefined : await tolerated<Build>(session, PROGRESS, [row.slow_pids]);
    if (!isHurried || this.#sizingMs < QUICK_SIZE_MS) await this.#size(session);
    return {
      at: new Date().toISOString(),
      ...seen,
      connections: row.connections,
      active: row.active,
      maxConnections: row.max_connections,
      walBytes: this.#walBytes,
      ...this.#replicaLag(row),
      databaseBytes: this.#databaseBytes,
      build: build === undefined ? undefined : { ...build, done: build.done ?? 0, total: build.total ?? 0 },
    };
  }

  #replicaLag({
    wal_position,
    replayed,
    lag_ms,
  }: VitalsRow): Pick<Vitals, 'replicaLagMs' | 'replicaLagBytes'> {
    if (wal_position === null || replayed === null) {
      return { replicaLagMs: undefined, replicaLagBytes: undefined };
    }
    const seenMs = this.#lag.lagMs(performance.now(), wal_position, replayed);
    const replicaLagBytes = Math.max(0, wal_position - replayed);
    // The server goes on telling the last lag for a while after the replica has caught up.
    const replicaLagMs = replicaLagBytes === 0 ? 0 : Math.round(Math.max(lag_ms ?? 0, seenMs));
    return { replicaLagMs, replicaLagBytes };
  }

  async #size(session: Session): Promise<void> {
    const now = performance.now();
    if (now - this.#sizedAt < SIZE_EVERY_MS) return;
    this.#sizedAt = now;
    const sql = 'SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::float8 AS bytes';
    this.#databaseBytes = (await tolerated<{ bytes: number }>(session, sql))?.bytes;
    this.#sizingMs = performance.now() - now;
  }
}

/** A refused query is no reason to do without the others; a lost session is one to get another. */
async function tolerated<Row>(
  session: Session,
  sql: string,
  values?: readonly unknown[],
): Promise<Row | undefined> {
  try {
    return (await session.query<Row>(sql, values)).rows[0];
  } catch (error) {
    if (!(error instanceof StatementFailed) || error.sqlState.startsWith('57P')) throw error;
    return undefined;
  }
}
