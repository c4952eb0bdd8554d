/** Counts what was written after a migration where its down script would lose it. */
import { type LostWrite, placeOf } from '../domain/lost-write';
import type { WritesAtRisk } from '../domain/rollback-plan';
import { type Session, SQLSTATE, StatementFailed } from '../ports/database';
import { quoted } from '../sql/names';
import type { TablesWritten } from '../sql/tables-written';

export interface WritesSought {
  readonly lost: readonly LostWrite[];
  /** The ledger's row that was written in the last transaction of the migration; `undefined` where it did not get so far. */
  readonly finished: { readonly ledger: string; readonly rowId: string } | undefined;
  /** The next transaction when the migration began; `undefined` for one that was a single transaction, or where nobody looked. */
  readonly begun: string | undefined;
  readonly writtenByMigration: TablesWritten;
  /** What is not there counts as unwritten; otherwise nobody knows what its name stands for. */
  readonly absentIsEmpty: boolean;
}

/** All tables together: a person is waiting. */
const LIMIT_MS = 60_000;

/**
 * Rows of transactions that began to write after the migration did: every row carries its own transaction's id. A row of
 * which another column was changed is counted as well.
 */
export async function writesSince(session: Session, sought: WritesSought): Promise<readonly WritesAtRisk[]> {
  const deadline = performance.now() + LIMIT_MS;
  const counted: WritesAtRisk[] = [];
  for (const table of new Set(sought.lost.map((place) => place.table))) {
    const places = sought.lost.filter((place) => place.table === table);
    const since = performance.now() < deadline ? sinceOf(table, sought) : undefined;
    const rows = since === undefined ? undefined : await rowsSince(session, places, since);
    for (const [index, place] of places.entries()) {
      counted.push({ place: placeOf(place), rows: rowsOf(rows?.[index], sought) });
    }
  }
  return counted;
}

type Count = number | 'absent' | undefined;

const rowsOf = (count: Count, { absentIsEmpty }: WritesSought): number | undefined =>
  count === 'absent' ? (absentIsEmpty ? 0 : undefined) : count;

interface Since {
  readonly condition: string;
  readonly values: readonly string[];
}

/** `undefined` where rows of the migration cannot be told from those of the application. */
function sinceOf(table: string, { begun, finished, writtenByMigration }: WritesSought): Since | undefined {
  const isItsOwn =
    writtenByMigration === 'any' || [...writtenByMigration].some((name) => table.endsWith(quoted(name)));
  if (begun !== undefined && !isItsOwn) {
    return { condition: 'age(t.xmin) <= age($1::text::xid8::xid)', values: [begun] };
  }
  return finished === undefined
    ? undefined
    : {
        condition: `age(t.xmin) < (SELECT age(xmin) FROM ${finished.ledger} WHERE id = $1)`,
        values: [finished.rowId],
      };
}

async function rowsSince(
  session: Session,
  places: readonly LostWrite[],
  since: Since,
): Promise<readonly Count[]> {
  const together = await countOf(session, places, since);
  if (together !== 'absent' || places.length === 1) return asCounts(together, places);
  const counts: Count[] = [];
  for (const place of places) counts.push(...asCounts(await countOf(session, [place], since), [place]));
  return counts;
}

const asCounts = (
  counts: readonly number[] | 'absent' | undefined,
  places: readonly LostWrite[],
): readonly Count[] => (Array.isArray(counts) ? counts : places.map(() => counts as Count));

/** Of places in one table. */
async function countOf(
  session: Session,
  places: readonly LostWrite[],
  { condition, values }: Since,
): Promise<readonly number[] | 'absent' | undefined> {
  const counts = places.map(({ column, how }) =>
    // A column that goes takes nothing along where it is NULL.
    how === 'dropped' && column !== undefined ? `count(t.${quoted(column)})` : `count(*)`,
  );
  // Named, so that it must be there, though every row counts.
  const columns = places.flatMap(({ column }) => (column === undefined ? [] : [`t.${quoted(column)}`]));
  try {
    const { rows } = await session.query<{ counts: string[] }>(
      `SELECT array[${counts.join(', ')}]::text[] AS counts
         FROM (SELECT ${['t.xmin', ...new Set(columns)].join(', ')} FROM ${places[0]?.table} AS t) AS t
        WHERE ${condition}`,
      values,
    );
    return (rows[0]?.counts ?? []).map(Number);
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    return ABSENT.includes(error.sqlState) ? 'absent' : undefined;
  }
}

const ABSENT: readonly string[] = [SQLSTATE.undefinedTable, SQLSTATE.undefinedColumn];
