/** Figures from measurements: times are medians of the rounds, waits are the worst of all. */
import { type BenchResult, median, type Unit } from '../measure';
import type { Score } from '../stall/score';
import type { ContestantName } from './contestant';
import type { Measurement } from './measure-round';

/** What an application may wait for a backup. */
const WORST_STALL_MS = 100;

type Limit = Pick<BenchResult, 'limit' | 'limitIs'>;
type MakeResult = (name: string, metric: string, value: number, unit: Unit, limit?: Limit) => BenchResult;

export const groupsOf = (measurements: readonly Measurement[]): readonly (readonly Measurement[])[] =>
  [...new Set(measurements.map(({ contestant }) => contestant))].map((name) =>
    measurements.filter(({ contestant }) => contestant === name),
  );

export const resultsOf = (measurements: readonly Measurement[]): readonly BenchResult[] =>
  groupsOf(measurements).flatMap((group) => resultsOfGroup(group, measurements));

function resultsOfGroup(
  group: readonly Measurement[],
  measurements: readonly Measurement[],
): readonly BenchResult[] {
  const runner = group[0]?.contestant ?? 'godwit';
  const isOurs = runner === 'godwit';
  const result: MakeResult = (name, metric, value, unit, limit) => ({
    case: name,
    runner,
    metric,
    value,
    unit,
    // The others are measured, not judged.
    ...(isOurs ? limit : {}),
  });
  const middle = (read: (one: Measurement) => number): number => median(group.map(read));
  const worst = (of: 'before' | 'during', field: keyof Score): number =>
    Math.max(...group.map((one) => one[of][field]));
  const count = (read: (one: Measurement) => readonly string[]): number =>
    group.reduce((sum, one) => sum + read(one).length, 0);
  return [
    result(
      'backup',
      'base backup under two writers',
      middle(({ backupMs }) => backupMs / 1000),
      's',
    ),
    result(
      'backup',
      'data',
      middle(({ dataBytes }) => dataBytes / 1e6),
      'MB',
    ),
    result('backup', 'data a second', middle(megabytesPerSecond), 'MB/s'),
    result('backup', 'worst stall', worst('during', 'worstMs'), 'ms', { limit: WORST_STALL_MS }),
    result('backup', 'worst wait in as long a time before', worst('before', 'worstMs'), 'ms'),
    result('backup', 'p99 during', worst('during', 'p99Ms'), 'ms'),
    result('backup', 'p99 before', worst('before', 'p99Ms'), 'ms'),
    result(
      'backup',
      'errors',
      count(({ errors }) => errors),
      'count',
      { limit: 0 },
    ),
    result(
      'restore point',
      'on the base backup there is',
      middle(({ pointMs }) => pointMs),
      'ms',
    ),
    result(
      'restore',
      'to the first answer',
      middle(({ restoreMs }) => restoreMs / 1000),
      's',
    ),
    result(
      'restore',
      'copy',
      middle(({ phases }) => phases.copyMs),
      'ms',
    ),
    result(
      'restore',
      'sync and begin',
      middle(({ phases }) => phases.settleMs),
      'ms',
    ),
    result(
      'restore',
      'replay',
      middle(({ phases }) => phases.replayMs),
      'ms',
    ),
    result(
      'restore',
      'promote',
      middle(({ phases }) => phases.promoteMs),
      'ms',
    ),
    result(
      'restore',
      'answer',
      middle(({ phases }) => phases.answerMs),
      'ms',
    ),
    result(
      'restore',
      'WAL since the backup began',
      middle(({ walBytes }) => walBytes / 1e6),
      'MB',
    ),
    result(
      'restore',
      'tables that differ',
      count(({ differing }) => differing),
      'count',
      { limit: 0 },
    ),
    ...(isOurs ? againstPeer(group, 'pgbackrest', measurements, result, { limit: 1 }) : []),
    ...(isOurs ? againstPeer(group, 'pg_basebackup', measurements, result) : []),
  ];
}

/** Of all rounds the one that was worst for us. */
function againstPeer(
  ours: readonly Measurement[],
  peer: ContestantName,
  measurements: readonly Measurement[],
  result: MakeResult,
  limit?: Limit,
): readonly BenchResult[] {
  const ratios = ours.flatMap((our) => {
    const other = measurements.find(({ contestant, round }) => contestant === peer && round === our.round);
    return other === undefined ? [] : [our.restoreMs / other.restoreMs];
  });
  return ratios.length === 0
    ? []
    : [result('restore', `to that of ${peer}, worst round`, Math.max(...ratios), 'x', limit)];
}

export const megabytesPerSecond = ({ dataBytes, backupMs }: Measurement): number =>
  dataBytes / backupMs / 1000;

/** What no number says. */
export const faultsOf = (measurements: readonly Measurement[]): readonly string[] =>
  measurements.flatMap(({ contestant, round, differing, errors }) => {
    const name = `${contestant}, round ${round}`;
    return [
      ...(differing.length === 0 ? [] : [`${name}: not as at the restore point: ${differing.join(', ')}`]),
      ...(errors[0] === undefined ? [] : [`${name}: ${errors.length} errors, the first: ${errors[0]}`]),
    ];
  });
