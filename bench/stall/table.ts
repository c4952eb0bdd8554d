/** The measurements as a table for people: ranges over the rounds, the machine's own worst wait beside each stall. */
import type { BenchResult } from '../measure';
import { aligned, rangeOf, verdictOf } from '../table';
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
  return [
    ...aligned(
      [['case', 'runner', ...COLUMNS.map(([name]) => name), ''], ...groupsOf(measurements).map(rowOf)],
      2,
    ),
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
