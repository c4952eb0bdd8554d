/** Tables and verdicts for people, alike in all benchmarks. */
import { type BenchResult, fallsShort, limitOf, shown } from './measure';

/** Words to the left, in as many columns as are named, and figures to the right. */
export function aligned(rows: readonly (readonly string[])[], wordColumns = 1): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const cellOf = (cell: string, column: number): string =>
    column < wordColumns ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => `  ${row.map(cellOf).join('  ')}`.trimEnd());
}

export function rangeOf(values: readonly number[]): string {
  const shown = [Math.min(...values), Math.max(...values)].map((value) =>
    value < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value)),
  );
  return shown[0] === shown[1] ? (shown[0] ?? '') : shown.join('–');
}

export const verdictOf = (result: BenchResult): string =>
  `  ${fallsShort(result) ? 'falls short' : 'ok         '}  ${result.case}, ${result.runner}, ${result.metric}: ` +
  `${shown(result.value, result.unit)} (${limitOf(result)})`;
