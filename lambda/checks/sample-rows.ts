/** Fills the tables of a throw-away database with a few deterministic rows each, as far as their constraints let it. */
import { messageOf } from '../domain/errors';
import { type Session, StatementFailed } from '../ports/database';
import { quoted } from '../sql/names';
import { type ProbeTable, readTables } from './probes/columns';
import { PALETTES, type Palette, sampleValue } from './sample-values';

export interface Sampled {
  readonly tables: number;
  /** Tables that took no row, with what the server said of the last one. */
  readonly empty: readonly { readonly table: string; readonly reason: string }[];
}

/** More than one value of everything, NULLs among them, and no more than a test can afford. */
const ROWS = 7;

interface Reference {
  readonly table: string;
  readonly columns: readonly number[];
  readonly references: string;
  readonly referenced: readonly string[];
}

export async function addSampleRows(session: Session): Promise<Sampled> {
  const tables = [...(await readTables(session)).values()];
  const { rows: references } = await session.query<Reference>(REFERENCES);
  const empty: { table: string; reason: string }[] = [];
  for (const table of inOrder(tables, references)) {
    const own = references.filter((reference) => reference.table === table.oid);
    const reason = await fill(session, table, own, tables);
    if (reason !== undefined) empty.push({ table: table.name, reason });
  }
  return { tables: tables.length, empty };
}

/** Those that others reference come first; where they go round in a circle, in any order. */
function inOrder(tables: readonly ProbeTable[], references: readonly Reference[]): readonly ProbeTable[] {
  const done: ProbeTable[] = [];
  let left = [...tables];
  while (left.length > 0) {
    const isFree = ({ oid }: ProbeTable): boolean =>
      references.every(
        (reference) =>
          reference.table !== oid ||
          reference.references === oid ||
          !left.some((other) => other.oid === reference.references),
      );
    const free = left.filter(isFree);
    const next = free.length > 0 ? free : left.slice(0, 1);
    done.push(...next);
    left = left.filter((table) => !next.includes(table));
  }
  return done;
}

/** What the server said, where no row at all was taken. */
async function fill(
  session: Session,
  table: ProbeTable,
  references: readonly Reference[],
  tables: readonly ProbeTable[],
): Promise<string | undefined> {
  let taken = 0;
  let reason = 'it has no columns that can be written';
  for (let row = 1; row <= ROWS; row += 1) {
    for (const palette of PALETTES) {
      const refusal = await insert(session, insertion({ table, references, tables, row, palette }));
      if (refusal === undefined) {
        taken += 1;
        break;
      }
      reason = refusal;
    }
  }
  const { rows } = await session.query<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM ${table.name}) AS some`,
  );
  return taken > 0 || rows[0]?.some === true ? undefined : reason;
}

async function insert(session: Session, sql: string): Promise<string | undefined> {
  try {
    await session.query(sql);
    return undefined;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    return messageOf(error);
  }
}

interface Insertion {
  readonly table: ProbeTable;
  readonly references: readonly Reference[];
  readonly tables: readonly ProbeTable[];
  readonly row: number;
  readonly palette: Palette;
}

function insertion({ table, references, tables, row, palette }: Insertion): string {
  const given = table.columns.flatMap((column, position) => {
    if (!column.isWritable) return [];
    const reference = references.find(({ columns }) => columns.includes(column.number));
    const value =
      reference === undefined
        ? sampleValue(column, { row, position, palette })
        : referencedValue(reference, column.number, { row, tables });
    return value === undefined ? [] : [{ name: quoted(column.name), value }];
  });
  if (given.length === 0) return `INSERT INTO ${table.name} DEFAULT VALUES`;
  return `INSERT INTO ${table.name} (${given.map(({ name }) => name).join(', ')}) VALUES (${given.map(({ value }) => value).join(', ')})`;
}

/** The same row of the referenced table for every column of the key. */
function referencedValue(
  { columns, references, referenced }: Reference,
  column: number,
  { row, tables }: Pick<Insertion, 'row' | 'tables'>,
): string | undefined {
  const name = tables.find(({ oid }) => oid === references)?.name;
  const target = referenced[columns.indexOf(column)];
  if (name === undefined || target === undefined) return undefined;
  return `(SELECT ${quoted(target)} FROM ${name} ORDER BY ctid OFFSET ${row} % greatest(1, (SELECT count(*) FROM ${name})) LIMIT 1)`;
}

const REFERENCES = `
SELECT k.conrelid::text AS table, k.conkey::int[] AS columns, k.confrelid::text AS references,
       array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(number, place)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place) AS referenced
  FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0`;
