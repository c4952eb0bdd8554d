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
  | { readonly problem: string };

/** By invariant file. */
export type Readings = Readonly<Record<string, Reading>>;

const MOST_DIFFERENCES_SHOWN = 5;

export function parseInvariant({ file, sql }: InvariantFile): Invariant {
  const header = new Map<string, string>();
  const lines = sql.split('\n');
  for (const line of lines) {
    if (!line.startsWith('--')) break;
    const colon = line.indexOf(':');
    if (colon > 0) header.set(line.slice(2, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const wrong = (problem: string, remedy: string): MigrationsFolderError =>
    new MigrationsFolderError({ file, line: 1, problem, remedy });

  const name = header.get('invariant');
  if (!name) throw wrong('the header names no invariant', 'Begin the file with "-- invariant: <name>".');
  const severity = header.get('severity') ?? 'error';
  if (severity !== 'error' && severity !== 'warning') {
    throw wrong(`severity "${severity}" is unknown`, 'Use error or warning.');
  }
  const expect = header.get('expect') ?? 'same';
  if (expect !== 'same' && expect !== 'none') throw wrong(`expect "${expect}" is unknown`, 'Use same or none.');
  const key = (header.get('key') ?? '').split(',').map((column) => column.trim()).filter((column) => column !== '');
  if (key.length === 0) throw wrong('the header names no key', 'Add "-- key: <column>[, <column>]".');
  return { file, name, severity, expect, key, written: header.get('written'), sql };
}

export function compare(invariant: Invariant, before: Reading | undefined, after: Reading | undefined): InvariantOutcome {
  const outcome = (verdict: InvariantOutcome['verdict'], differences: readonly string[]): InvariantOutcome => ({
    name: invariant.name,
    severity: invariant.severity,
    verdict,
    before: describe(invariant, before),
    after: describe(invariant, after),
    differences: shorten(differences),
  });
  if (!after || 'problem' in after) return outcome('indeterminate', [after ? after.problem : 'not read']);
  if (!before || 'problem' in before) return outcome('indeterminate', [before ? before.problem : 'not read']);
  const differences =
    invariant.expect === 'none' ? newViolations(invariant, before, after) : changedRows(invariant, before, after);
  return outcome(differences.length === 0 ? 'held' : 'broken', differences);
}

type Rows = { readonly rows: readonly ReadingRow[] };

/** Violations that were there before are no harm done by this migration; they are told of by the reading itself. */
function newViolations(invariant: Invariant, before: Rows, after: Rows): string[] {
  const known = new Set(before.rows.map((row) => keyOf(invariant, row)));
  return after.rows
    .filter((row) => !known.has(keyOf(invariant, row)))
    .map((row) => `${keyOf(invariant, row)}: ${JSON.stringify(row)}`);
}

function changedRows(invariant: Invariant, before: Rows, after: Rows): string[] {
  const earlier = byKey(invariant, before);
  const later = byKey(invariant, after);
  const differences: string[] = [];
  for (const [key, row] of earlier) {
    const now = later.get(key);
    if (!now) differences.push(`${key}: gone`);
    else if (!writtenSince(invariant, row, now)) differences.push(...changes(key, row, now));
  }
  for (const [key, row] of later) {
    if (!earlier.has(key) && !(invariant.written && isLaterThanAll(invariant.written, row, before))) {
      differences.push(`${key}: new`);
    }
  }
  return differences;
}

const writtenSince = (invariant: Invariant, before: ReadingRow, after: ReadingRow): boolean =>
  invariant.written !== undefined && before[invariant.written] !== after[invariant.written];

/** A row that is new is the application's where it was written after everything that the first reading saw. */
function isLaterThanAll(written: string, row: ReadingRow, before: Rows): boolean {
  const at = row[written];
  return at != null && before.rows.every((earlier) => (earlier[written] ?? '') < at);
}

function changes(key: string, before: ReadingRow, after: ReadingRow): string[] {
  const columns = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...columns]
    .filter((column) => before[column] !== after[column])
    .map((column) => `${key}: ${column} ${before[column] ?? 'null'} → ${after[column] ?? 'null'}`);
}

const byKey = (invariant: Invariant, rows: Rows): Map<string, ReadingRow> =>
  new Map(rows.rows.map((row) => [keyOf(invariant, row), row]));

const keyOf = (invariant: Invariant, row: ReadingRow): string =>
  invariant.key.map((column) => row[column] ?? 'null').join(', ');

function describe(invariant: Invariant, reading: Reading | undefined): string {
  if (!reading) return 'not read';
  if ('problem' in reading) return reading.problem;
  const noun = invariant.expect === 'none' ? 'violation' : 'row';
  return `${reading.rows.length} ${noun}${reading.rows.length === 1 ? '' : 's'}`;
}

function shorten(differences: readonly string[]): readonly string[] {
  if (differences.length <= MOST_DIFFERENCES_SHOWN) return differences;
  const rest = differences.length - MOST_DIFFERENCES_SHOWN;
  return [...differences.slice(0, MOST_DIFFERENCES_SHOWN), `and ${rest} more`];
}
