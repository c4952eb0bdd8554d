/** The measurements as a table for people: ranges over the rounds, the machine's own worst wait beside each stall. */
import { type BenchResult, fallsShort, limitOf, shown } from '../measure';
import type { Measurement } from './measure-run';
import { groupsOf, secondsOf } from './results';

const COLUMNS: readonly (readonly [string, (one: Measurement) => number])[] = [
  ['total s', (one) => secondsOf(one)],
  ['stall ms', ({ during }) => during.worstMs],
  ['reads', ({ during }) => during.worstReadMs],
  ['writes', ({ during }) => during.worstWriteMs],
  ['(before)', ({ before }) => before.worstMs],
  ['p99', ({ during }) => during.p99Ms],
  ['(before)', ({ before }) => before.p99Ms],
  ['>100 ms', ({ during }) => during.over100Ms],
  ['>1 s', ({ during }) => during.overSecond],
  ['errors', ({ errors }) => errors.length],
  ['WAL MB', ({ walBytes }) => walBytes / 1e6],
];

export function tableOf(
  measurements: readonly Measurement[],
  results: readonly BenchResult[],
): readonly string[] {
  const cells = groupsOf(measurements).map(rowOf);
  const header = ['case', 'runner', ...COLUMNS.map(([name]) => name), ''];
  const widths = header.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const lineOf = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return [
    `  ${lineOf(header)}`,
    ...cells.map((row) => `  ${lineOf(row)}`.trimEnd()),
    ...results.filter(({ limit }) => limit !== undefined).map(verdictOf),
  ];
}

function rowOf(group: readonly Measurement[]): readonly string[] {
  const isNoisy = group.some(({ contaminated }) => contaminated);
  return [
    group[0]?.case ?? '',
    group[0]?.runner ?? '',
    ...COLUMNS.map(([, read]) => rangeOf(group.map(read))),
    isNoisy ? 'contaminated: the machine was not quiet' : '',
  ];
}

function rangeOf(values: readonly number[]): string {
  const shown = [Math.min(...values), Math.max(...values)].map((value) =>
    value < 10 ? String(Math.round(value * 10) / 10) : String(Math.round(value)),
  );
  return shown[0] === shown[1] ? (shown[0] ?? '') : shown.join('–');
}

const verdictOf = (result: BenchResult): string =>
  `  ${fallsShort(result) ? 'falls short' : 'ok         '}  ${result.case}, ${result.runner}, ${result.metric}: ` +
  `${shown(result.value, result.unit)} (${limitOf(result)})`;
