/** Reads what only a database knows about its tables: how large they are, how fast they are read in full, and who lately used them. */
import type { Session } from '../ports/database';
import { SQLSTATE, StatementFailed } from '../ports/database';
import type { CatalogName } from '../sql/catalog';
import type { DatabaseFacts } from './rules/rule';
import { measureScan } from './scan-speed';
import { readUses } from './statement-uses';

interface Size {
  readonly rows: number;
  readonly bytes: number;
}

interface SizeRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly bytes: number;
  readonly rows: number;
  /** Parents, of a partition or an inheriting table. */
  readonly parents: readonly number[];
}

/** In a session that only reads. Nothing that it asks waits for a lock of the application. */
export async function readDatabaseFacts(session: Session): Promise<DatabaseFacts> {
  const rows = await readSizes(session);
  const sizes = sizesByName(rows);
  const largest = rows.reduce<SizeRow | undefined>(
    (most, row) => (row.bytes > (most?.bytes ?? 0) ? row : most),
    undefined,
  );
  const bytesPerSecond = largest === undefined ? undefined : await measureScan(session, largest);
  const uses = await readUses(session);
  return {
    serverVersion: await serverVersion(session),
    sizeOf: (relation) => sizes.get(keyOf(relation)),
    bytesPerSecond,
    lastUse: (relation, column) => uses?.lastOf(relation, column),
  };
}

const keyOf = ({ schema, name }: Pick<CatalogName, 'schema' | 'name'>): string =>
  JSON.stringify([schema, name]);

async function serverVersion(session: Session): Promise<number> {
  const { rows } = await session.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  return rows[0]?.version ?? 0;
}

const LOCK_WAIT_MS = 200;

async function readSizes(session: Session): Promise<readonly SizeRow[]> {
  try {
    await session.query('begin read only');
    await session.query("select set_config('lock_timeout', $1, true)", [String(LOCK_WAIT_MS)]);
    return (await session.query<SizeRow>(sizes('pg_relation_size(c.oid)'))).rows;
  } catch (error) {
    // It locks each table for reading, which waits behind whoever holds one exclusively.
    if (!(error instanceof StatementFailed) || error.sqlState !== SQLSTATE.lockNotAvailable) throw error;
  } finally {
    await session.query('rollback');
  }
  return (await session.query<SizeRow>(sizes(PAGES_OF_LATE))).rows;
}

/** As of the last VACUUM or ANALYZE. */
const PAGES_OF_LATE = "c.relpages::bigint * current_setting('block_size')::bigint";

/** Rows as the planner reckons: the density of the last VACUUM or ANALYZE, on the file as large as it is now. */
const sizes = (bytes: string): string => `
select c.oid::bigint::float8 as oid, n.nspname as schema, c.relname as name, size.bytes::float8 as bytes,
       coalesce(case when c.reltuples >= 0 and c.relpages > 0
                       then c.reltuples::float8 / (c.relpages * current_setting('block_size')::float8) * size.bytes end,
                s.n_live_tup::float8, 0) as rows,
       array(select h.inhparent::bigint::float8 from pg_inherits h where h.inhrelid = c.oid) as parents
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_stat_all_tables s on s.relid = c.oid
 cross join lateral (select case when c.relkind = 'p' then 0 else ${bytes} end as bytes) as size
 where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't'
   and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_toast%'`;

/** A partitioned table is as large as its partitions: a statement on it reads them all. */
function sizesByName(rows: readonly SizeRow[]): ReadonlyMap<string, Size> {
  const children = new Map<number, SizeRow[]>();
  for (const row of rows) {
    for (const parent of row.parents) children.set(parent, [...(children.get(parent) ?? []), row]);
  }
  const total = (row: SizeRow): Size =>
    (children.get(row.oid) ?? []).map(total).reduce(sum, { rows: Math.round(row.rows), bytes: row.bytes });
  return new Map(rows.map((row) => [keyOf(row), total(row)]));
}

const sum = (one: Size, other: Size): Size => ({
  rows: one.rows + other.rows,
  bytes: one.bytes + other.bytes,
});
