/** Order-independent checksums of whole tables: whether every row is as it was, where nobody else writes (on a clone). */
import type { Session } from '../ports/database';

export interface TableContent {
  readonly rows: string;
  readonly checksum: string;
}

/** By quoted table name. */
export type Contents = Readonly<Record<string, TableContent>>;

/** The signal is looked at between two tables. */
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

const TABLES = `
select format('%I.%I', n.nspname, c.relname) as name,
       string_agg(format('t.%I', a.attname), ', ' order by a.attname) as columns
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relkind = 'r'
   and n.nspname not in ('pg_catalog', 'information_schema', '_godwit')
   and n.nspname not like 'pg\\_%'
   and c.relname <> '_prisma_migrations'
 group by n.nspname, c.relname
 order by 1`;
