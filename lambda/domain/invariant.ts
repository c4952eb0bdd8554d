/** Invariants: queries whose answers must survive a migration, how they are declared, and how two readings compare. */
import { MigrationsFolderError } from './errors';
import type { InvariantFile } from './migration';
import type { InvariantOutcome } from './run';

export interface Invariant {
  readonly file: string;
  readonly name: string;
  readonly severity: 'error' | 'warning';
  /** `same`: keyed rows are equal before and after; `none`: the query returns violations, and there must be none. */
  readonly expect: 'same' | 'none';
  /** Columns that identify a row. */
  readonly key: readonly string[];
  /** Column that tells when the application last wrote the row: a difference is explained where it changed. */
  readonly written: string | undefined;
  readonly sql: string;
}

export type ReadingRow = Readonly<Record<string, string | null>>;

/** An invariant's measured value; a query that failed gives `problem` instead of rows. */
export type Reading =
  | { readonly rows: readonly ReadingRow[]; readonly durationMs: number }
  | {
      readonly problem: string;
      /** What it reads is not there: its tables may be made by the very migration, or were taken away by it. */
      readonly isAbsent?: boolean;
    };

/** By invariant file. */
export type Readings = Readonly<Record<string, Reading>>;

const MOST_DIFFERENCES_SHOWN = 5;

export function parseInvariant(found: InvariantFile): Invariant {
  const { file } = found;
  const sql = found.sql.replace(/^\uFEFF/, '');
  const header = readHeader(sql);
  const wrong = (problem: string, remedy: string): MigrationsFolderError =>
    new MigrationsFolderError({ file, line: 1, problem, remedy });

  const name = header.get('invariant');
  if (!name) throw wrong('the header names no invariant', 'Begin the file with "-- invariant: <name>".');
  const severity = header.get('severity') ?? 'error';
  if (severity !== 'error' && severity !== 'warning') {
    throw wrong(`severity "${severity}" is unknown`, 'Use error or warning.');
  }
  const expect = header.get('expect') ?? 'same';
  if (expect !== 'same' && expect !== 'none')
    throw wrong(`expect "${expect}" is unknown`, 'Use same or none.');
  const key = (header.get('key') ?? '')
    .split(',')
    .map((column) => column.trim())
    .filter((column) => column !== '');
  if (key.length === 0) throw wrong('the header names no key', 'Add "-- key: <column>[, <column>]".');
  return { file, name, severity, expect, key, written: header.get('written'), sql };
}

/** Of a word that occurs twice the first counts: a description may hold anything, colons included. */
function readHeader(sql: string): ReadonlyMap<string, string> {
  const header = new Map<string, string>();
  for (const line of sql.split('\n')) {
    if (!line.startsWith('--')) break;
    const colon = line.indexOf(':');
    const word = line.slice(2, colon).trim().toLowerCase();
    if (colon > 0 && !header.has(word)) header.set(word, line.slice(colon + 1).trim());
  }
  return header;
}

export interface ComparisonOptions {
  /** After a way back everything is as before, absence included; after a migration an absence is not to be told from a slip of the pen. */
  readonly isBack?: boolean;
  /** What is read after is an earlier state, restored: it lacks what was written from there up to the reading before. */
  readonly isEarlier?: boolean;
}

export function compare(
  invariant: Invariant,
  before: Reading | undefined,
  after: Reading | undefined,
  { isBack = false, isEarlier = false }: ComparisonOptions = {},
): InvariantOutcome {
  const outcome = (
    verdict: InvariantOutcome['verdict'],
    differences: readonly string[],
  ): InvariantOutcome => ({
    name: invariant.name,
    severity: invariant.severity,
    verdict,
    before: describe(invariant, before),
    after: describe(invariant, after),
    differences: shorten(differences),
  });
  if (isBack && isAbsent(before) && isAbsent(after)) return outcome('held', []);
  if (!after || 'problem' in after) return outcome('indeterminate', [after ? after.problem : 'not read']);
  if (isAbsent(before)) {
    // Nothing was there to be harmed, but what must never be must not begin now either.
    return outcome(...verdictOf(invariant.expect === 'none' ? newViolations(invariant, NOTHING, after) : []));
  }
  if (!before || 'problem' in before) return outcome('indeterminate', [before ? before.problem : 'not read']);
  const unusable = keyProblem(invariant, before) ?? keyProblem(invariant, after);
  if (unusable !== undefined) return outcome('indeterminate', [unusable]);
  const differences =
    invariant.expect === 'none'
      ? newViolations(invariant, before, after)
      : isEarlier
        ? changedRows(invariant, before, after, UNWRITTEN)
        : changedRows(invariant, before, after, WRITTEN);
  return outcome(...verdictOf(differences));
}

const NOTHING = { rows: [] } as const;

export const isAbsent = (reading: Reading | undefined): boolean =>
  reading !== undefined && 'problem' in reading && reading.isAbsent === true;

const verdictOf = (differences: readonly string[]): ['held' | 'broken', readonly string[]] => [
  differences.length === 0 ? 'held' : 'broken',
  differences,
];

type Rows = { readonly rows: readonly ReadingRow[] };

/** Rows that share a key hide each other, and with them what happened to them. */
function keyProblem(invariant: Invariant, { rows }: Rows): string | undefined {
  const named = [...invariant.key, ...(invariant.written ? [invariant.written] : [])];
  const missing = named.find((column) => rows.some((row) => !Object.hasOwn(row, column)));
  if (missing !== undefined) return `the query gives no column "${missing}", which the header names`;
  if (invariant.expect === 'none') return undefined;
  const seen = new Set<string>();
  for (const row of rows) {
    const key = keyOf(invariant, row);
    if (seen.has(key)) return `several rows have the key ${shownKey(invariant, row)}`;
    seen.add(key);
  }
  return undefined;
}

/** Violations that were there before are no harm done by this migration; they are told of by the reading itself. */
function newViolations(invariant: Invariant, before: Rows, after: Rows): string[] {
  const known = new Set(before.rows.map((row) => keyOf(invariant, row)));
  return after.rows
    .filter((row) => !known.has(keyOf(invariant, row)))
    .map((row) => `${shownKey(invariant, row)}: ${JSON.stringify(row)}`);
}

/** Which differences the application made. */
interface Excuses {
  changed(written: string, before: ReadingRow, after: ReadingRow): boolean;
  gone(written: string, row: ReadingRow, after: Rows): boolean;
  added(written: string, row: ReadingRow, before: Rows): boolean;
}

function changedRows(invariant: Invariant, before: Rows, after: Rows, excuses: Excuses): string[] {
  const { written } = invariant;
  const [was, is] = [byKey(invariant, before), byKey(invariant, after)];
  const differences: string[] = [];
  for (const [key, row] of was) {
    const now = is.get(key);
    if (now === undefined) {
      if (written === undefined || !excuses.gone(written, row, after))
        differences.push(`${shownKey(invariant, row)}: gone`);
    } else if (written === undefined || !excuses.changed(written, row, now))
      differences.push(...changes(shownKey(invariant, row), row, now));
  }
  for (const [key, row] of is) {
    if (!was.has(key) && (written === undefined || !excuses.added(written, row, before)))
      differences.push(`${shownKey(invariant, row)}: new`);
  }
  return differences;
}

/** Only a later time is a write: rows that were deleted take the group's latest write with them. */
const isLater = (written: string, earlier: ReadingRow, later: ReadingRow): boolean =>
  (earlier[written] ?? '') < (later[written] ?? '');

/** A row that only the later reading has is the application's where it was written after all that the other saw. */
function isLaterThanAll(written: string, row: ReadingRow, earlier: Rows): boolean {
  return row[written] != null && earlier.rows.every((other) => isLater(written, other, row));
}

const WRITTEN: Excuses = { changed: isLater, gone: () => false, added: isLaterThanAll };

const UNWRITTEN: Excuses = {
  changed: (written, before, after) => isLater(written, after, before),
  gone: isLaterThanAll,
  added: () => false,
};

function changes(key: string, before: ReadingRow, after: ReadingRow): string[] {
  const columns = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...columns]
    .filter((column) => before[column] !== after[column])
    .map((column) => `${key}: ${column} ${shownValue(before[column])} → ${shownValue(after[column])}`);
}

/** A query with `*` gains and loses columns with its tables. */
const shownValue = (value: string | null | undefined): string =>
  value === undefined ? 'absent' : (value ?? 'null');

const byKey = (invariant: Invariant, rows: Rows): Map<string, ReadingRow> =>
  new Map(rows.rows.map((row) => [keyOf(invariant, row), row]));

/** Unlike a mere joining of the values: `a, b` with `c` is another key than `a` with `b, c`, and null is not `null`. */
const keyOf = (invariant: Invariant, row: ReadingRow): string =>
  JSON.stringify(invariant.key.map((column) => row[column] ?? null));

const shownKey = (invariant: Invariant, row: ReadingRow): string =>
  invariant.key.map((column) => row[column] ?? 'null').join(', ');

function describe(invariant: Invariant, reading: Reading | undefined): string {
  if (!reading) return 'not read';
  if (isAbsent(reading)) return 'not there';
  if ('problem' in reading) return reading.problem;
  const noun = invariant.expect === 'none' ? 'violation' : 'row';
  return `${reading.rows.length} ${noun}${reading.rows.length === 1 ? '' : 's'}`;
}

function shorten(differences: readonly string[]): readonly string[] {
  if (differences.length <= MOST_DIFFERENCES_SHOWN) return differences;
  const rest = differences.length - MOST_DIFFERENCES_SHOWN;
  return [...differences.slice(0, MOST_DIFFERENCES_SHOWN), `and ${rest} more`];
}
