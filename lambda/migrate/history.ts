/** What the ledger says of each migration, read once a session: while that lives, its lock keeps others from writing there. */
import type { Session } from '../ports/database';
import { isApplied, isUnfinished, type LedgerRow, type LedgerTable, readLedger } from './ledger';

export class LedgerHistory {
  readonly table: LedgerTable;
  #readBy: Session | undefined;
  #rows: ReadonlyMap<string, LedgerRow> = new Map();

  constructor(table: LedgerTable) {
    this.table = table;
  }

  /** The migration's row that counts: the latest that is not rolled back. */
  async rowOf(session: Session, migration: string): Promise<LedgerRow | undefined> {
    if (this.#readBy !== session) {
      this.#rows = rowsThatCount(await readLedger(session, this.table));
      this.#readBy = session;
    }
    return this.#rows.get(migration);
  }

  /** For migrations that write to the ledger themselves. */
  forget(): void {
    this.#readBy = undefined;
  }
}

function rowsThatCount(rows: readonly LedgerRow[]): ReadonlyMap<string, LedgerRow> {
  const counting = new Map<string, LedgerRow>();
  for (const row of rows.filter(isUnfinished)) counting.set(row.name, row);
  for (const row of rows.filter(isApplied)) counting.set(row.name, row);
  return counting;
}
