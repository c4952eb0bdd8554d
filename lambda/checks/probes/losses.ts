/** What a down script did to written values: which columns are gone, which hold another value, which rows are gone. */
import type { LostWrite } from '../../domain/lost-write';
import { type Session, StatementFailed } from '../../ports/database';
import { type ProbeColumn, type ProbeTable, successorOf, successorOfColumn, type Tables } from './columns';
import { type Cells, type ProbedColumn, type ProbedTable, readCells } from './write';

export interface Loss {
  /** As it was before the down script. */
  readonly table: ProbeTable;
  /** Absent where whole rows go. */
  readonly column?: ProbeColumn;
  readonly how: LostWrite['how'];
}

/** Whether other values stand there, so that it can be told what becomes of them. */
export const wasWritten = (
  { table, column }: Pick<Loss, 'table' | 'column'>,
  probed: readonly ProbedTable[],
): boolean =>
  probed.some(
    (each) =>
      each.table.oid === table.oid &&
      (column === undefined ||
        each.columns.some(
          (other) => other.column.number === column.number && !each.refused.includes(other.column.name),
        )),
  );

/**
 * Tables and columns that are gone, those without rows among them. Where another one has taken the name, its values
 * tell, if there are any.
 */
export function goneSince(before: Tables, now: Tables, probed: readonly ProbedTable[]): readonly Loss[] {
  return [...before.values()].flatMap((table): readonly Loss[] => {
    const successor = successorOf(table, now);
    const isOther = successor?.oid !== table.oid;
    if (successor === undefined || (isOther && !wasWritten({ table }, probed)))
      return [{ table, how: 'dropped' }];
    return table.columns
      .filter((column) => {
        const after = successorOfColumn(table, column, successor);
        if (after === undefined) return column.isWritable;
        return (
          (isOther || after.number !== column.number) &&
          isTold(column) &&
          !wasWritten({ table, column }, probed)
        );
      })
      .map((column) => ({ table, column, how: 'dropped' }));
  });
}

/** A key tells its rows; what the server computes, nobody writes. */
const isTold = ({ isKey, isWritable }: ProbeColumn): boolean => isWritable && !isKey;

export interface Following {
  readonly losses: readonly Loss[];
  /** What is still there, under its present name, holding what it holds now. */
  readonly probed: readonly ProbedTable[];
}

/** What became of written values. Columns and tables that are gone are {@link goneSince}'s to tell. */
export async function follow(
  session: Session,
  probed: readonly ProbedTable[],
  now: Tables,
): Promise<Following> {
  const losses: Loss[] = [];
  const followed: ProbedTable[] = [];
  for (const each of probed) {
    const result = await followOne(session, each, now);
    losses.push(...result.losses);
    followed.push(...result.probed);
  }
  return { losses, probed: followed };
}

async function followOne(session: Session, probed: ProbedTable, now: Tables): Promise<Following> {
  const { table, keys } = probed;
  const successor = successorOf(table, now);
  if (successor === undefined) return { losses: [], probed: [] };
  const pairs = probed.columns.flatMap((each) => {
    const column = successorOfColumn(table, each.column, successor);
    return column === undefined ? [] : [{ each, column }];
  });
  const key = table.columns
    .filter(({ isKey }) => isKey)
    .map((column) => successorOfColumn(table, column, successor));
  const rows = isComplete(key)
    ? await readCells(session, { table: successor, keys, columns: pairs.map(({ column }) => column), key })
    : undefined;
  // Without its key nothing tells a row from another.
  if (rows === undefined || !rows.every((row) => row !== undefined)) {
    return { losses: [{ table, how: 'deleted' }], probed: [] };
  }
  const losses: Loss[] = [];
  const columns: ProbedColumn[] = [];
  for (const [index, { each, column }] of pairs.entries()) {
    const written = rows.map((row) => row[index] ?? null);
    if (await isSame(session, each, written)) columns.push({ ...each, column, written });
    else losses.push({ table, column: each.column, how: 'overwritten' });
  }
  return { losses, probed: [{ ...probed, table: successor, columns }] };
}

const isComplete = (key: readonly (ProbeColumn | undefined)[]): key is readonly ProbeColumn[] =>
  key.every((column) => column !== undefined);

async function isSame(session: Session, { column, written }: ProbedColumn, is: Cells): Promise<boolean> {
  const differing = is.flatMap((value, row) => (value === written[row] ? [] : [row]));
  const found = differing.map((row) => is[row] ?? null);
  const expected = differing.map((row) => written[row] ?? null);
  if (found.some((value, index) => (value === null) !== (expected[index] === null))) return false;
  if (found.length === 0) return true;
  // Another type may only put it otherwise: 5 and 5.00.
  for (const type of [column.type, 'numeric', 'jsonb']) {
    if (await isSameAs(session, type, found, expected)) return true;
  }
  return false;
}

async function isSameAs(session: Session, type: string, found: Cells, expected: Cells): Promise<boolean> {
  try {
    const { rows } = await session.query<{ same: boolean | null }>(
      `select bool_and(found::${type} is not distinct from expected::${type}) as same
         from unnest($1::text[], $2::text[]) as cell(found, expected)`,
      [found, expected],
    );
    return rows[0]?.same === true;
  } catch (error) {
    // The type is gone, does not take the value, or knows no equality.
    if (error instanceof StatementFailed) return false;
    throw error;
  }
}
