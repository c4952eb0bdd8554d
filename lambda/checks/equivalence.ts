/** Whether two databases that were migrated in two ways ended as the same: every object of the schema, every row, every sequence. */
import type { Session } from '../ports/database';
import { differenceOf, pictureCatalog } from './catalog';
import { contentQuery, type TableContent } from './table-content';

export interface Ends {
  /** After the migration as it was written. */
  readonly original: Session;
  readonly rewritten: Session;
  /** Another one like the first, asked for where rows differ: what differs there, too, is made anew by each run. */
  again(): Promise<Session>;
}

export interface Comparison {
  readonly differences: readonly string[];
  /** What is not the same, and no application that names its columns can see. */
  readonly notes: readonly string[];
}

export async function compareEnds(ends: Ends): Promise<Comparison> {
  const { original, rewritten } = ends;
  const { lost, added } = differenceOf(await pictureCatalog(original), await pictureCatalog(rewritten));
  const schema = [
    ...lost.map((line) => `only the original leaves: ${line}`),
    ...added.map((line) => `only the rewritten form leaves: ${line}`),
  ];
  // Tables that do not correspond have no rows to be compared.
  if (schema.length > 0) return { differences: schema, notes: [] };
  const data = await compareRows(ends);
  const order = await compareOrder(original, rewritten);
  const sequences = await compareSequences(original, rewritten);
  return { differences: [...data.differences, ...sequences], notes: [...data.notes, ...order] };
}

interface Table {
  readonly name: string;
  readonly columns: readonly string[];
}

async function compareRows({ original, rewritten, again }: Ends): Promise<Comparison> {
  const differences: string[] = [];
  const notes: string[] = [];
  for (const { name, columns } of await tablesOf(original)) {
    const content = (session: Session, of: readonly string[]) => contentOf(session, name, of);
    if (isSame(await content(original, columns), await content(rewritten, columns))) continue;
    const other = await again();
    const unstable: string[] = [];
    for (const column of columns) {
      if (!isSame(await content(original, [column]), await content(other, [column]))) unstable.push(column);
    }
    const stable = columns.filter((column) => !unstable.includes(column));
    const [was, is] = [await content(original, stable), await content(rewritten, stable)];
    if (!isSame(was, is))
      differences.push(
        `${name} holds other rows: ${was.rows} and ${is.rows}, not the same in ${stable.join(', ')}`,
      );
    for (const column of unstable) {
      const [expected, found] = [
        await nullsOf(original, name, column),
        await nullsOf(rewritten, name, column),
      ];
      if (expected === found)
        notes.push(`${name}.${column} has other values at each run, and one in as many rows`);
      else differences.push(`${name}.${column} is NULL in ${found} rows instead of ${expected}`);
    }
  }
  return { differences, notes };
}

const isSame = (one: TableContent, other: TableContent): boolean =>
  one.rows === other.rows && one.checksum === other.checksum;

async function contentOf(session: Session, table: string, columns: readonly string[]): Promise<TableContent> {
  const row = columns.length === 0 ? 'null' : columns.map((column) => `t.${column}`).join(', ');
  const { rows } = await session.query<TableContent>(contentQuery(`${table} as t`, row));
  return rows[0] ?? { rows: '0', checksum: '0' };
}

async function nullsOf(session: Session, table: string, column: string): Promise<string> {
  const { rows } = await session.query<{ nulls: string }>(
    `select count(*) filter (where ${column} is null)::text as nulls from ${table}`,
  );
  return rows[0]?.nulls ?? '0';
}

async function compareOrder(original: Session, rewritten: Session): Promise<readonly string[]> {
  const now = new Map((await tablesOf(rewritten)).map(({ name, columns }) => [name, columns]));
  return (await tablesOf(original)).flatMap(({ name, columns }) => {
    const order = now.get(name) ?? [];
    const isKept = columns.every((column, index) => order[index] === column);
    return isKept ? [] : [`the columns of ${name} stand in another order: ${order.join(', ')}`];
  });
}

async function tablesOf(session: Session): Promise<readonly Table[]> {
  return (await session.query<Table>(TABLES)).rows;
}

async function compareSequences(original: Session, rewritten: Session): Promise<readonly string[]> {
  const [was, is] = [await sequencesOf(original), await sequencesOf(rewritten)];
  return was.flatMap(({ name, next }) => {
    const other = is.find((sequence) => sequence.name === name)?.next;
    return other === next
      ? []
      : [`the sequence ${name} stands at ${other ?? 'nothing'} instead of ${next ?? 'nothing'}`];
  });
}

async function sequencesOf(session: Session): Promise<readonly { name: string; next: string | null }[]> {
  return (await session.query<{ name: string; next: string | null }>(SEQUENCES)).rows;
}

const TABLES = `
select format('%I.%I', n.nspname, c.relname) as name,
       array_agg(format('%I', a.attname) order by a.attnum) as columns
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relkind = 'r' and n.nspname not in ('information_schema', '_godwit') and not starts_with(n.nspname, 'pg_')
   and c.relname <> '_prisma_migrations'
 group by n.nspname, c.relname
 order by 1`;

const SEQUENCES = `
select format('%I.%I', schemaname, sequencename) as name, last_value::text as next
  from pg_sequences where schemaname <> '_godwit' order by 1`;
