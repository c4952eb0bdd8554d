/** How much a restore would lose: what was written since the restore point, as far as Postgres counts it. */

/** Cumulative counters of a server, read at one moment. */
export interface WriteCounters {
  /** ISO 8601, by the server's clock. */
  readonly at: string;
  /** The next transaction id, in decimal: every transaction that writes takes one. */
  readonly nextTransaction: string;
  /** Counters of a server that was reset, or crashed, since begin anew: only those of one epoch can be compared. */
  readonly epoch: string;
  /** By oid, since a table that is renamed remains the same. Rolled back changes are counted, too. */
  readonly tables: Counted;
  /** The other databases of the server, by oid: a restore takes all of them back. */
  readonly databases: Counted;
  /** Quoted names with schema. No recovery brings back what they hold. */
  readonly unlogged: readonly string[];
}

export type Counted = Readonly<Record<string, NamedChanges>>;

interface NamedChanges extends RowChanges {
  /** Of tables quoted, and with schema. */
  readonly name: string;
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
  /** Other databases of the server that were changed; absent where none was, or where that is not known. */
  readonly databases?: readonly DatabaseLoss[];
  /** Tables that come back empty; absent where there are none. */
  readonly unlogged?: readonly string[];
}

export interface TableLoss extends RowChanges {
  readonly table: string;
  /** Its name at the restore point, where that was another. */
  readonly formerly?: string;
  /** Dropped since: what is known was counted before, so that more may have been changed. */
  readonly isGone?: true;
  /** How many of the rows were changed while the migration ran: its own changes are among them. */
  readonly whileMigrating: number;
}

export interface DatabaseLoss {
  readonly database: string;
  /** At most so many: changes of the catalog, which the server itself makes as well, are among them. */
  readonly rows: number;
  readonly isGone?: true;
}

export interface Readings {
  readonly restorePoint: WriteCounters;
  /** Around the migration's work; absent where it never began, and the second where it crashed. */
  readonly migration?: { readonly before: WriteCounters; readonly after?: WriteCounters };
  readonly now: WriteCounters;
}

export function dataLossWindow({ restorePoint, migration, now }: Readings): DataLossWindow {
  const isCounted = restorePoint.epoch === now.epoch;
  const databases = isCounted ? databaseLosses(restorePoint.databases, now.databases) : [];
  return {
    since: restorePoint.at,
    until: now.at,
    transactions: Number(BigInt(now.nextTransaction) - BigInt(restorePoint.nextTransaction)),
    tables: isCounted ? tableLosses(restorePoint.tables, migration, now.tables) : undefined,
    ...(databases.length === 0 ? {} : { databases }),
    ...(now.unlogged.length === 0 ? {} : { unlogged: now.unlogged }),
  };
}

/** What came and went since is lost with or without a restore. */
function tableLosses(from: Counted, migration: Readings['migration'], to: Counted): readonly TableLoss[] {
  const [before, after] = [migration?.before.tables ?? {}, migration?.after?.tables];
  const known = { ...from, ...before, ...after, ...to };
  return Object.entries(known)
    .filter(([oid]) => oid in from || oid in to)
    .map(([oid, last]): TableLoss => {
      const was = from[oid]?.name;
      return {
        table: last.name,
        ...(was === undefined || was === last.name ? {} : { formerly: was }),
        ...(oid in to ? {} : { isGone: true }),
        ...changesBetween(from[oid], last),
        whileMigrating: after === undefined ? 0 : rowsOf(changesBetween(before[oid], after[oid])),
      };
    })
    .filter((loss) => rowsOf(loss) > 0 || loss.isGone)
    .sort((a, b) => rowsOf(b) - rowsOf(a) || a.table.localeCompare(b.table));
}

function databaseLosses(from: Counted, to: Counted): readonly DatabaseLoss[] {
  return Object.entries({ ...from, ...to })
    .map(
      ([oid, last]): DatabaseLoss => ({
        database: last.name,
        rows: rowsOf(changesBetween(from[oid], last)),
        ...(oid in to ? {} : { isGone: true }),
      }),
    )
    .filter(({ rows, isGone }) => rows > 0 || isGone);
}

const NONE: RowChanges = { inserted: 0, updated: 0, deleted: 0 };

/** What is new counts from nothing, and so does what has counted less than before: somebody reset its counters. */
function changesBetween(before: RowChanges = NONE, after: RowChanges = NONE): RowChanges {
  const isAnew = KINDS.some((kind) => after[kind] < before[kind]);
  const since = (kind: keyof RowChanges): number => after[kind] - (isAnew ? 0 : before[kind]);
  return { inserted: since('inserted'), updated: since('updated'), deleted: since('deleted') };
}

const KINDS = ['inserted', 'updated', 'deleted'] as const;

export const rowsOf = ({ inserted, updated, deleted }: RowChanges): number => inserted + updated + deleted;

const MOST_TABLES_NAMED = 3;

/** For people, without a full stop: `12 transactions wrote since …: 9 rows of "public"."Wallet" (4 new, 5 changed)`. */
export const describeWindow = (window: DataLossWindow): string =>
  [describeTables(window), ...alsoLost(window)].join('; ');

/** What a restore takes back, or does not bring back, beside the rows of the tables. */
export const alsoLost = ({ databases = [], unlogged = [] }: DataLossWindow): readonly string[] => [
  ...(databases.length > 0
    ? [
        `a restore takes the other databases of the server back as well: ${databases.map(describeDatabase).join(', ')}`,
      ]
    : []),
  ...(unlogged.length > 0 ? [`unlogged tables come back empty: ${unlogged.join(', ')}`] : []),
];

function describeTables({ since, until, transactions, tables }: DataLossWindow): string {
  const when = `between ${since} and ${until}`;
  if (transactions === 0) return `nothing was written ${when}`;
  const wrote = `at most ${transactions} transactions wrote ${when}`;
  if (tables === undefined) return `${wrote}; which rows is not known, for the server's counters began anew`;
  if (tables.length === 0) return `${wrote}, and no row of a table was changed`;
  const named = tables.slice(0, MOST_TABLES_NAMED).map(describeTable);
  const more = tables.length - named.length;
  return `${wrote}: ${named.join(', ')}${more > 0 ? `, and rows of ${more} more tables` : ''}`;
}

export const notesOn = ({ formerly, isGone }: TableLoss): readonly string[] => [
  ...(formerly === undefined ? [] : [`formerly ${formerly}`]),
  ...(isGone ? ['gone since, perhaps with more'] : []),
];

function describeTable(loss: TableLoss): string {
  const kinds = [
    ...(loss.inserted > 0 ? [`${loss.inserted} new`] : []),
    ...(loss.updated > 0 ? [`${loss.updated} changed`] : []),
    ...(loss.deleted > 0 ? [`${loss.deleted} deleted`] : []),
  ];
  const known = [
    ...notesOn(loss),
    ...(kinds.length > 0 ? [kinds.join(', ')] : []),
    ...(loss.whileMigrating > 0
      ? [`${loss.whileMigrating} while the migration ran, its own among them`]
      : []),
  ];
  return `${loss.isGone ? 'at least ' : ''}${rowsOf(loss)} rows of ${loss.table} (${known.join('; ')})`;
}

const describeDatabase = ({ database, rows, isGone }: DatabaseLoss): string =>
  isGone ? `${database}, which is gone since` : `at most ${rows} rows of ${database}`;
