/** Reads how much WAL there has been and how large the database is. */
import type { Session } from '../../ports/database';

export interface DiskReading {
  /** Position in the WAL, in bytes. */
  readonly wal: number;
  readonly databaseBytes: number;
}

/** Within somebody's transaction a refused query would end it: what the role may not see counts as 0. */
const READ = `
SELECT CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_current_wal_insert_lsn()', 'EXECUTE')
         THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::float8 ELSE 0 END AS wal,
       CASE WHEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CONNECT')
         THEN pg_catalog.pg_database_size(pg_catalog.current_database())::float8 ELSE 0 END AS bytes`;

export async function readDisk(session: Session): Promise<DiskReading> {
  const { rows } = await session.query<{ wal: number; bytes: number }>(READ);
  return { wal: rows[0]?.wal ?? 0, databaseBytes: rows[0]?.bytes ?? 0 };
}

export const costBetween = (before: DiskReading, after: DiskReading) => ({
  walBytes: Math.max(0, after.wal - before.wal),
  grownBytes: after.databaseBytes - before.databaseBytes,
  databaseBytes: after.databaseBytes,
});
