/** Reads which relations there are, in which files, and which a backend has locked. */
import type { Session } from '../../ports/database';
import type { LockMode } from '../../sql/lock-modes';
import type { SeenRelation } from './foretold';

export interface RelationFile extends SeenRelation {
  /** Another one after the relation was written anew; null where it has none. */
  readonly file: string | null;
}

/** Locks on others, as indexes, stand in nobody's way without one on their table. */
const IN_QUESTION = `c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname <> 'pg_catalog' AND n.nspname <> '_godwit'`;

const FILES = `
SELECT c.oid AS oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       pg_catalog.pg_relation_filenode(c.oid)::text AS file
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE ${IN_QUESTION}`;

export async function readFiles(session: Session): Promise<ReadonlyMap<number, RelationFile>> {
  const { rows } = await session.query<RelationFile>(FILES);
  return new Map(rows.map((row) => [row.oid, row]));
}

export interface LockRow {
  readonly oid: number;
  readonly mode: LockMode;
  /** Null where it has none, and where the backend has dropped the relation: its lock is held all the same. */
  readonly file: string | null;
}

const LOCKS = (pid: string): string => `
SELECT l.relation AS oid, l.mode, pg_catalog.pg_relation_filenode(l.relation)::text AS file
  FROM pg_catalog.pg_locks l
 WHERE l.pid = ${pid} AND l.locktype = 'relation' AND l.granted
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 ORDER BY 1, 2`;

export const readOwnLocks = async (session: Session): Promise<readonly LockRow[]> =>
  (await session.query<LockRow>(LOCKS('pg_catalog.pg_backend_pid()'))).rows;

export const readLocksOf = async (session: Session, pid: number): Promise<readonly LockRow[]> =>
  (await session.query<LockRow>(LOCKS('$1'), [pid])).rows;
