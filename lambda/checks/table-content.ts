/** Order-independent checksums of whole tables: whether every row is as it was, where nobody else writes (on a clone). */
import type { Session } from '../ports/database';

export interface TableContent {
  readonly rows: string;
  readonly checksum: string;
}

/** By quoted table name. */
export type Contents = Readonly<Record<string, TableContent>>;

/** Of tables that a recovery brings back, i.e. not of unlogged ones. The signal is looked at between two tables. */
export async function readContents(session: Session, signal?: AbortSignal): Promise<Contents> {
  const { rows: tables } = await session.query<{ name: string; columns: string }>(TABLES);
  const contents: Record<string, TableContent> = {};
  for (const { name, columns } of tables) {
    signal?.throwIfAborted();
    const { rows } = await session.query<TableContent>(contentQuery(`${name} as t`, columns));
    const content = rows[0];
    if (content) contents[name] = content;
  }
  return contents;
}

/**
 * Tables that were emptied, written anew, dropped or renamed since the session's snapshot was taken: TRUNCATE and rewrites
 * leave nothing for older snapshots to see. What was read before stays locked, and cannot be among them afterwards.
 */
export async function replacedSinceSnapshot(session: Session): Promise<readonly string[]> {
  const { rows } = await session.query<{ name: string }>(REPLACED);
  return rows.map(({ name }) => name);
}

/** Columns in order of name: a column that was dropped and added again stands at the end. */
export const contentQuery = (source: string, columns: string): string =>
  `select count(*)::text as rows, coalesce(sum(hashtextextended(row(${columns})::text, 0)::numeric), 0)::text as checksum from ${source}`;

/** Names of tables whose content differs, or that only one side has. */
export const differingTables = (before: Contents, after: Contents): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => {
      const [was, is] = [before[name], after[name]];
      return was?.rows !== is?.rows || was?.checksum !== is?.checksum;
    })
    .sort();

/** The functions look at what is there now, the catalog's rows are those of the snapshot. */
const REPLACED = `
select format('%I.%I', n.nspname, c.relname) as name
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm') and c.relpersistence = 'p'
   and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
   and (pg_relation_filenode(c.oid) is distinct from c.relfilenode
        or to_regclass(format('%I.%I', n.nspname, c.relname)) is distinct from c.oid::regclass)
 order by 1`;

const TABLES = `
select format('%I.%I', n.nspname, c.relname) as name,
       string_agg(format('t.%I', a.attname), ', ' order by a.attname) as columns
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relkind = 'r'
   and c.relpersistence = 'p'
   and n.nspname not in ('pg_catalog', 'information_schema', '_godwit')
   and n.nspname not like 'pg\\_%'
   and c.relname <> '_prisma_migrations'
 group by n.nspname, c.relname
 order by 1`;
