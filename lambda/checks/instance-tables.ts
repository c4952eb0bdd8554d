/** Reads every table of a recovered instance, row by row, and says of each whether and how much of it could be read. */

import type { DrilledTable } from '../domain/drill';
import { messageOf } from '../domain/errors';
import type { Session } from '../ports/database';
import { ConnectionLost } from '../ports/database';
import { type Contents, contentQuery, type TableContent } from './table-content';

export interface TablesRead {
  readonly tables: readonly DrilledTable[];
  /** Of the application's tables, where all were read whole. */
  readonly contents: Contents | undefined;
  /** `name: what the server said`. */
  readonly problems: readonly string[];
  readonly sampled: readonly string[];
  /** Unlogged: a recovery brings them back empty, whatever they held. */
  readonly unlogged: readonly string[];
}

export interface TablesRequest {
  readonly session: Session;
  /** Larger databases are read in samples of their larger tables. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
  onTable(name: string, done: number, total: number): void;
}

/** Of a table in a database that is too large to be read whole. */
const SAMPLE_BYTES = 200_000_000;

interface Table {
  readonly name: string;
  readonly columns: string | null;
  readonly bytes: string;
  readonly isContent: boolean;
  readonly isUnlogged: boolean;
}

export async function readTables({
  session,
  mostBytes,
  signal,
  onTable,
}: TablesRequest): Promise<TablesRead> {
  // Whoever may not see every row shall be told so, and not be shown fewer.
  await session.query('set row_security = off');
  const { rows: all } = await session.query<Table>(TABLES);
  const isLarge = all.reduce((sum, { bytes }) => sum + Number(bytes), 0) > mostBytes;
  const tables: DrilledTable[] = [];
  const contents: Record<string, TableContent> = {};
  const problems: string[] = [];
  for (const [index, table] of all.entries()) {
    signal.throwIfAborted();
    onTable(table.name, index, all.length);
    const sampled =
      isLarge && Number(table.bytes) > SAMPLE_BYTES ? SAMPLE_BYTES / Number(table.bytes) : undefined;
    try {
      const content = await read(session, table, sampled);
      tables.push({
        name: table.name,
        rows: Number(content.rows),
        ...(sampled === undefined ? {} : { sampled }),
      });
      if (table.isContent) contents[table.name] = content;
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      problems.push(`${table.name}: ${messageOf(error)}`);
    }
  }
  const sampled = tables.filter((table) => table.sampled !== undefined).map(({ name }) => name);
  const unlogged = all.filter(({ isUnlogged }) => isUnlogged).map(({ name }) => name);
  return { tables, contents: sampled.length > 0 ? undefined : contents, problems, sampled, unlogged };
}

async function read(session: Session, table: Table, share: number | undefined): Promise<TableContent> {
  const sample = share === undefined ? '' : ` tablesample system (${share * 100})`;
  const { rows } = await session.query<TableContent>(
    contentQuery(`${table.name} as t${sample}`, table.columns ?? ''),
  );
  return rows[0] ?? { rows: '0', checksum: '0' };
}

/** The bookkeeping of Godwit and Prisma, and what materialized views hold, must be readable, too; it is no content. */
const TABLES = `
select format('%I.%I', n.nspname, c.relname) as name,
       string_agg(format('t.%I', a.attname), ', ' order by a.attname) as columns,
       pg_table_size(c.oid)::text as bytes,
       c.relkind = 'r' and c.relpersistence = 'p' and n.nspname <> '_godwit' and c.relname <> '_prisma_migrations'
         and count(a.attnum) > 0 as "isContent",
       c.relpersistence = 'u' as "isUnlogged"
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where (c.relkind = 'r' or c.relkind = 'm' and c.relispopulated)
   and n.nspname <> 'information_schema'
   and n.nspname not like 'pg\\_%'
 group by c.oid, n.nspname
 order by 1`;
