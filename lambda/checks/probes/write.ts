/** Writes other values into a few rows of each table, column by column, as an application would: what is refused is left. */
import { type Session, StatementFailed } from '../../ports/database';
import { quoted } from '../../sql/names';
import type { ProbeColumn, ProbeTable, Tables } from './columns';
import { otherChoices, otherValue } from './values';

/**
 * `new-ranges`: also what only the schema after the migration can hold, NULL among it.
 * `former-ranges`: only what the former schema could hold, for columns that it had: values that stood there already.
 */
export type Boldness = 'new-ranges' | 'former-ranges';

export type Cells = readonly (string | null)[];

export interface ProbedColumn {
  readonly column: ProbeColumn;
  /** As text, a row of the table each: before, and as it was written. */
  readonly original: Cells;
  readonly written: Cells;
}

export interface ProbedTable {
  readonly table: ProbeTable;
  /** By which its rows are found again: texts of the primary key, in the order of its columns. */
  readonly keys: readonly (readonly string[])[];
  readonly columns: readonly ProbedColumn[];
  /** Names of columns that took no other value. */
  readonly refused: readonly string[];
}

export interface ProbePlan {
  readonly tables: readonly ProbeTable[];
  /** As they were before the migrations. */
  readonly before: Tables;
  readonly boldness: Boldness;
  /** Transactions from this one on were the migrations': rows that they wrote are looked for. */
  readonly since: string;
  readonly signal: AbortSignal;
}

/** The number of the next transaction. */
export async function nextTransaction(session: Session): Promise<string> {
  const { rows } = await session.query<{ next: string }>(
    'select pg_snapshot_xmax(pg_current_snapshot())::text as next',
  );
  return rows[0]?.next ?? '0';
}

/** A table is left out that is empty, without primary key, or not ours to read. */
export async function writeProbes(session: Session, plan: ProbePlan): Promise<readonly ProbedTable[]> {
  const samples: Sample[] = [];
  for (const table of plan.tables) {
    plan.signal.throwIfAborted();
    const sample = await sampleOf(session, table, plan).catch(unreadable);
    if (sample === undefined) continue;
    await inTransaction(session, () => change(session, sample, plan));
    samples.push(sample);
  }
  const probed: ProbedTable[] = [];
  // Only now: what is written to one table may reach another, by a trigger or a cascade.
  for (const { table, keys, candidates, original } of samples) {
    const written = await readCells(session, { table, keys, columns: candidates });
    const columns = candidates.map((column, index) => ({
      column,
      original: original.map((row) => row[index] ?? null),
      written: written.map((row) => row?.[index] ?? null),
    }));
    const isChanged = (each: ProbedColumn): boolean =>
      each.written.some((value, row) => value !== each.original[row]);
    const refused = columns.filter((each) => !isChanged(each)).map(({ column }) => column.name);
    if (written.every((row) => row !== undefined)) probed.push({ table, keys, columns, refused });
  }
  return probed;
}

/** So that a down script that refused the written values meets the former ones. What is gone meanwhile is left. */
export async function putBack(session: Session, probed: readonly ProbedTable[]): Promise<void> {
  for (const { table, keys, columns } of probed) {
    for (const { column, original, written } of columns) {
      if (written.every((value, row) => value === original[row])) continue;
      await tolerating(() => session.query(...update(table, keys, [{ column, texts: original }])));
    }
  }
}

interface Sample {
  readonly table: ProbeTable;
  readonly keys: readonly (readonly string[])[];
  readonly candidates: readonly ProbeColumn[];
  readonly original: readonly Cells[];
}

/** Another role's, maybe. */
function unreadable(error: unknown): undefined {
  if (!(error instanceof StatementFailed)) throw error;
}

const keyOf = ({ columns }: ProbeTable): readonly ProbeColumn[] => columns.filter(({ isKey }) => isKey);

/** Reading a table in full for the rows that a migration wrote must not take long. */
const MOST_BYTES_TO_SCAN = 100_000_000;

async function sampleOf(session: Session, table: ProbeTable, plan: ProbePlan): Promise<Sample | undefined> {
  const key = keyOf(table);
  const candidates = table.columns.filter(({ isKey, isWritable }) => !isKey && isWritable);
  if (key.length === 0) return undefined;
  const names = key.map(({ name }) => quoted(name)).join(', ');
  const backwards = key.map(({ name }) => `${quoted(name)} desc`).join(', ');
  const isScanned = table.bytes <= MOST_BYTES_TO_SCAN;
  const { rows } = await session.query<{ key: string[] }>(
    `select array[${key.map(({ name }) => `${quoted(name)}::text`).join(', ')}] as key from (
       (select ${names} from ${table.name} order by ${names} limit 4)
       union (select ${names} from ${table.name} order by ${backwards} limit 4)
       ${isScanned ? `union (select ${names} from ${table.name} where age(xmin) <= age($1::xid8::xid) limit 4)` : ''}
     ) as sampled order by ${names}`,
    isScanned ? [plan.since] : [],
  );
  const keys = rows.map((row) => row.key);
  if (keys.length === 0) return undefined;
  const cells = await readCells(session, { table, keys, columns: candidates });
  const isComplete = cells.every((row) => row !== undefined);
  return isComplete ? { table, keys, candidates, original: cells as readonly Cells[] } : undefined;
}

/** First all columns at once, which is mostly possible; otherwise each by itself, with one kind of value after the other. */
async function change(session: Session, sample: Sample, plan: ProbePlan): Promise<void> {
  // Whatever a constraint refuses must be refused here, not at COMMIT.
  await session.query('set constraints all immediate');
  const { table, keys } = sample;
  const choices = sample.candidates
    .map((column, index) => assignmentsFor(column, index, sample, plan))
    .filter(([first]) => first !== undefined);
  const attempt = (assignments: readonly Assignment[]): Promise<boolean> =>
    inSavepoint(session, () => session.query(...update(table, keys, assignments)));
  if (choices.length === 0 || (await attempt(choices.flatMap(([first]) => first ?? [])))) return;
  for (const choice of choices) {
    for (const assignment of choice) if (await attempt([assignment])) break;
  }
}

/** From so many rows on, one of them gets a NULL. */
const ROWS_FOR_NULL = 3;

/** What to try, in this order. */
function assignmentsFor(
  column: ProbeColumn,
  index: number,
  { table, keys, original }: Sample,
  { before, boldness }: ProbePlan,
): readonly Assignment[] {
  const former = before.get(table.oid)?.columns.find(({ number }) => number === column.number);
  const values = original.map((row) => row[index] ?? null);
  const moved = neighbours(values);
  const shifted = moved === undefined ? [] : [{ column, texts: moved }];
  if (boldness === 'former-ranges' && former !== undefined) return shifted;
  const choices = otherChoices(column, former, values);
  if (choices !== undefined) return [{ column, texts: choices }, ...shifted];
  const expression = otherValue(column, former);
  if (expression === undefined) return shifted;
  const hasNull = boldness === 'new-ranges' && column.isNullable && keys.length >= ROWS_FOR_NULL;
  const other = hasNull
    ? [
        { column, expression, nullInRow: keys.length },
        { column, expression },
      ]
    : [{ column, expression }];
  return column.isReference ? [...shifted, ...other] : [...other, ...shifted];
}

/** The same values one row on: valid wherever they stand, and unique if they were; `undefined` where nothing would change. */
function neighbours(values: Cells): Cells | undefined {
  const moved = values.map((_, row) => values[(row + 1) % values.length] ?? null);
  return moved.some((value, row) => value !== values[row]) ? moved : undefined;
}

type Assignment = { readonly column: ProbeColumn } & (
  | { readonly texts: Cells }
  | { readonly expression: string; readonly nullInRow?: number }
);

function update(
  table: ProbeTable,
  keys: readonly (readonly string[])[],
  assignments: readonly Assignment[],
): [string, unknown[]] {
  const key = keyOf(table);
  const values: unknown[] = key.map((_, part) => keys.map((texts) => texts[part]));
  const set = assignments.map((assignment) => {
    const { name, type } = assignment.column;
    if ('texts' in assignment) {
      values.push(assignment.texts);
      return `${quoted(name)} = probe.v${values.length}::${type}`;
    }
    const { expression, nullInRow } = assignment;
    const value =
      nullInRow === undefined
        ? expression
        : `case when probe.n = ${nullInRow} then null else ${expression} end`;
    return `${quoted(name)} = ${value}`;
  });
  return [
    `update ${table.name} as t set ${set.join(', ')} from ${unnested(values.length)} where ${matching(key)}`,
    values,
  ];
}

const unnested = (count: number): string => {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const arrays = numbers.map((number) => `$${number}::text[]`).join(', ');
  return `unnest(${arrays}) with ordinality as probe(${numbers.map((number) => `v${number}`).join(', ')}, n)`;
};

/** As the key's own types, so that its index serves. */
const matching = (key: readonly ProbeColumn[]): string =>
  key.map(({ name, type }, part) => `t.${quoted(name)} = probe.v${part + 1}::${type}`).join(' and ');

/** As texts, a row each; `undefined` where the row is not there. */
export async function readCells(
  session: Session,
  {
    table,
    keys,
    columns,
    key = keyOf(table),
  }: {
    readonly table: ProbeTable;
    readonly keys: readonly (readonly string[])[];
    readonly columns: readonly ProbeColumn[];
    /** Its columns as they are now, in the order in which `keys` has them. */
    readonly key?: readonly ProbeColumn[];
  },
): Promise<readonly (Cells | undefined)[]> {
  const texts = columns.map(({ name }) => `t.${quoted(name)}::text`).join(', ');
  const { rows } = await session.query<{ row: number; cells: (string | null)[] }>(
    `select probe.n::int4 as row, array[${texts}]::text[] as cells
       from ${unnested(key.length)} join ${table.name} as t on ${matching(key)}`,
    key.map((_, part) => keys.map((row) => row[part])),
  );
  const found = new Map(rows.map(({ row, cells }) => [row, cells]));
  return keys.map((_, index) => found.get(index + 1));
}

async function inTransaction(session: Session, work: () => Promise<void>): Promise<void> {
  await session.query('begin');
  try {
    await work();
    await session.query('commit');
  } catch (error) {
    await session.query('rollback').catch(() => undefined);
    if (!(error instanceof StatementFailed)) throw error;
  }
}

/** Whether it took effect. */
async function inSavepoint(session: Session, work: () => Promise<unknown>): Promise<boolean> {
  await session.query('savepoint probe');
  const isDone = await tolerating(work);
  await session.query(isDone ? 'release savepoint probe' : 'rollback to savepoint probe');
  return isDone;
}

async function tolerating(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    return false;
  }
}
