/** How much a restore would lose: what was written since the restore point, as far as Postgres counts it. */

/** Cumulative counters of a server, read at one moment. */
export interface WriteCounters {
  /** ISO 8601, by the server's clock. */
  readonly at: string;
  /** The next transaction id, in decimal: every transaction that writes takes one. */
  readonly nextTransaction: string;
  /** Counters of a server that was reset, or crashed, since begin anew: only those of one epoch can be compared. */
  readonly epoch: string;
  /** By quoted name with schema. Rolled back changes are counted, too. */
  readonly tables: Readonly<Record<string, RowChanges>>;
}

export interface RowChanges {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export interface DataLossWindow {
  /** ISO 8601. */
  readonly since: string;
  readonly until: string;
  /** At most so many transactions wrote, those of Godwit among them. */
  readonly transactions: number;
  /** Tables that were changed, most rows first; `undefined` where the counters began anew meanwhile. */
  readonly tables: readonly TableLoss[] | undefined;
}

export interface TableLoss extends RowChanges {
  readonly table: string;
  /** How many of the rows were changed while the migration ran: its own changes are among them. */
  readonly whileMigrating: number;
}

export interface Readings {
  readonly restorePoint: WriteCounters;
  /** Around the migration's work; absent where it crashed or never began. */
  readonly migration?: { readonly before: WriteCounters; readonly after: WriteCounters };
  readonly now: WriteCounters;
}

export function dataLossWindow({ restorePoint, migration, now }: Readings): DataLossWindow {
  return {
    since: restorePoint.at,
    until: now.at,
    transactions: Number(BigInt(now.nextTransaction) - BigInt(restorePoint.nextTransaction)),
    tables: restorePoint.epoch === now.epoch ? tableLosses(restorePoint, migration, now) : undefined,
  };
}

function tableLosses(
  from: WriteCounters,
  migration: Readings['migration'],
  to: WriteCounters,
): readonly TableLoss[] {
  return Object.keys(to.tables)
    .map((table) => ({
      table,
      ...changesOf(table, from, to),
      whileMigrating: migration ? rowsOf(changesOf(table, migration.before, migration.after)) : 0,
    }))
    .filter((loss) => rowsOf(loss) > 0)
    .sort((a, b) => rowsOf(b) - rowsOf(a) || a.table.localeCompare(b.table));
}

const NONE: RowChanges = { inserted: 0, updated: 0, deleted: 0 };

/** A table that is new, or was made anew, counts from nothing. */
function changesOf(table: string, from: WriteCounters, to: WriteCounters): RowChanges {
  const before = from.tables[table] ?? NONE;
  const after = to.tables[table] ?? NONE;
  const isAnew = KINDS.some((kind) => after[kind] < before[kind]);
  const since = (kind: keyof RowChanges): number => after[kind] - (isAnew ? 0 : before[kind]);
  return { inserted: since('inserted'), updated: since('updated'), deleted: since('deleted') };
}

const KINDS = ['inserted', 'updated', 'deleted'] as const;

export const rowsOf = ({ inserted, updated, deleted }: RowChanges): number => inserted + updated + deleted;

const MOST_TABLES_NAMED = 3;

/** For people, without a full stop: `12 transactions wrote since …: 9 rows of "public"."Wallet" (4 new, 5 changed)`. */
export function describeWindow({ since, until, transactions, tables }: DataLossWindow): string {
  const when = `between ${since} and ${until}`;
  if (transactions === 0) return `nothing was written ${when}`;
  const wrote = `at most ${transactions} transactions wrote ${when}`;
  if (tables === undefined) return `${wrote}; which rows is not known, for the server's counters began anew`;
  if (tables.length === 0) return `${wrote}, and no row of a table was changed`;
  const named = tables.slice(0, MOST_TABLES_NAMED).map(describeTable);
  const more = tables.length - named.length;
  return `${wrote}: ${named.join(', ')}${more > 0 ? `, and rows of ${more} more tables` : ''}`;
}

function describeTable(loss: TableLoss): string {
  const kinds = [
    ...(loss.inserted > 0 ? [`${loss.inserted} new`] : []),
    ...(loss.updated > 0 ? [`${loss.updated} changed`] : []),
    ...(loss.deleted > 0 ? [`${loss.deleted} deleted`] : []),
  ];
  const own =
    loss.whileMigrating > 0 ? `; ${loss.whileMigrating} while the migration ran, its own among them` : '';
  return `${rowsOf(loss)} rows of ${loss.table} (${kinds.join(', ')}${own})`;
}
