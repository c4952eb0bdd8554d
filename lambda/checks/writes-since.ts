/** Counts what was written after a migration where its down script would lose it. */
import { type LostWrite, placeOf } from '../domain/lost-write';
import type { WritesAtRisk } from '../domain/rollback-plan';
import { type Session, SQLSTATE, StatementFailed } from '../ports/database';
import { quoted } from '../sql/names';

/**
 * Rows of transactions that began to write after the one that finished the migration's ledger row: every row carries
 * its own transaction's id. A row of which another column was changed is counted as well.
 */
export async function writesSince(
  session: Session,
  { ledger, rowId }: { readonly ledger: string; readonly rowId: string },
  lost: readonly LostWrite[],
): Promise<readonly WritesAtRisk[]> {
  const counted: WritesAtRisk[] = [];
  for (const place of lost) {
    counted.push({ place: placeOf(place), rows: await rowsSince(session, { ledger, rowId }, place) });
  }
  return counted;
}

async function rowsSince(
  session: Session,
  { ledger, rowId }: { readonly ledger: string; readonly rowId: string },
  { table, column, how }: LostWrite,
): Promise<number | undefined> {
  // A column that goes takes nothing along where it is NULL.
  const isHeld = how === 'dropped' && column !== undefined ? `AND t.${quoted(column)} IS NOT NULL` : '';
  try {
    const { rows } = await session.query<{ count: string }>(
      `SELECT count(*) FROM ${table} AS t
        WHERE age(t.xmin) < (SELECT age(xmin) FROM ${ledger} WHERE id = $1) ${isHeld}`,
      [rowId],
    );
    return Number(rows[0]?.count ?? 0);
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    // Of a migration that took effect in part it may never have been made.
    return ABSENT.includes(error.sqlState) ? 0 : undefined;
  }
}

const ABSENT: readonly string[] = [SQLSTATE.undefinedTable, SQLSTATE.undefinedColumn];
