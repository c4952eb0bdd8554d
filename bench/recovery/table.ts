/** The rounds as a table for people: ranges where there was more than one. */
import type { BenchResult } from '../measure';
import { aligned, rangeOf, verdictOf } from '../table';
import type { Measurement } from './measure-round';
import { groupsOf, megabytesPerSecond } from './results';

const COLUMNS: readonly (readonly [string, (one: Measurement) => number])[] = [
  ['backup s', ({ backupMs }) => backupMs / 1000],
  ['MB/s', megabytesPerSecond],
  ['stall ms', ({ during }) => during.worstMs],
  ['(before)', ({ before }) => before.worstMs],
  ['p99', ({ during }) => during.p99Ms],
  ['(before)', ({ before }) => before.p99Ms],
  ['point ms', ({ pointMs }) => pointMs],
  ['WAL MB', ({ walBytes }) => walBytes / 1e6],
  ['restore s', ({ restoreMs }) => restoreMs / 1000],
  ['copy', ({ phases }) => phases.copyMs / 1000],
  ['sync', ({ phases }) => phases.settleMs / 1000],
  ['replay', ({ phases }) => phases.replayMs / 1000],
  ['promote', ({ phases }) => phases.promoteMs / 1000],
  ['answer', ({ phases }) => phases.answerMs / 1000],
];

export const tableOf = (
  measurements: readonly Measurement[],
  results: readonly BenchResult[],
): readonly string[] => [
  ...aligned([
    ['', ...COLUMNS.map(([name]) => name)],
    ...groupsOf(measurements).map((group) => [
      group[0]?.contestant ?? '',
      ...COLUMNS.map(([, read]) => rangeOf(group.map(read))),
    ]),
  ]),
  ...results.filter(({ limit }) => limit !== undefined).map(verdictOf),
];
