/** Turns measurements into results with their limits: the worst of all rounds for waits, ratios within a round. */
import { type BenchResult, median, type Unit } from '../measure';
import type { CaseName } from './cases';
import { differenceBetween, type EndState } from './end-state';
import type { Measurement } from './measure-run';
import type { RunnerName } from './messages';
import type { Score } from './score';

export const NAIVE: readonly RunnerName[] = ['prisma', 'dbmate'];

/** Builds of the same index with nobody else about, in ms. */
export interface IdlePair {
  readonly plainMs: number;
  readonly byHandMs: number;
  readonly concurrentlyMs: number;
}

export interface Facts {
  readonly measurements: readonly Measurement[];
  readonly idle: readonly IdlePair[];
  /** Of the small template. */
  readonly untouched: EndState;
  readonly backfilledRows: number;
}

/** In ms: the budget. */
const WORST_STALL: Readonly<Record<CaseName, number>> = {
  index: 100,
  'foreign-key': 100,
  backfill: 100,
  'lock-queue': 100,
  'rotating-250': 250,
  'rotating-100': 100,
};
const TWENTY_TIMES: readonly CaseName[] = ['index', 'backfill', 'lock-queue'];
const ROTATING_WITHIN_S = 10;
/** With less, no holder's end is near enough: they overlap by half of their 300 ms. */
const ROTATING_BUDGET_MS = 150;

type Limit = Pick<BenchResult, 'limit' | 'limitIs'>;
const atMost = (limit: number): Limit => ({ limit });
const atLeast = (limit: number): Limit => ({ limit, limitIs: 'least' });

export function resultsOf(facts: Facts): readonly BenchResult[] {
  return [
    ...groupsOf(facts.measurements).flatMap((group) => resultsOfGroup(group, facts)),
    ...idleResults(facts.idle),
  ];
}

/** The rounds of each case and runner. */
export function groupsOf(measurements: readonly Measurement[]): readonly (readonly Measurement[])[] {
  const groups = new Map<string, Measurement[]>();
  for (const one of measurements) {
    const key = `${one.case} ${one.runner}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

function resultsOfGroup(group: readonly Measurement[], facts: Facts): readonly BenchResult[] {
  const first = group[0];
  if (first === undefined) return [];
  const isOurs = first.runner === 'godwit';
  const result = (metric: string, value: number, unit: Unit, limit?: Limit): BenchResult => ({
    case: first.case,
    runner: first.runner,
    metric,
    value,
    unit,
    ...(isOurs ? limit : {}),
  });
  const worst = (field: keyof Score, of: 'before' | 'during' = 'during'): number =>
    Math.max(...group.map((one) => one[of][field]));
  const total = (field: keyof Score): number => group.reduce((sum, { during }) => sum + during[field], 0);
  const isRotating250 = first.case === 'rotating-250';
  return [
    result('worst stall', worst('worstMs'), 'ms', atMost(WORST_STALL[first.case])),
    result('worst stall of reads', worst('worstReadMs'), 'ms'),
    result('worst stall of writes', worst('worstWriteMs'), 'ms'),
    result('worst wait before', worst('worstMs', 'before'), 'ms'),
    result('p99 before', worst('p99Ms', 'before'), 'ms'),
    result('p99 during', worst('p99Ms'), 'ms'),
    result('requests over 100 ms', total('over100Ms'), 'count'),
    result('requests over 1 s', total('overSecond'), 'count'),
    result(
      'errors',
      group.reduce((sum, { errors }) => sum + errors.length, 0),
      'count',
      atMost(0),
    ),
    result(
      'total time',
      mean(group.map(secondsOf)),
      's',
      isRotating250 ? atMost(ROTATING_WITHIN_S) : undefined,
    ),
    result('WAL', mean(group.map(({ walBytes }) => walBytes / 1e6)), 'MB'),
    result('measured in noise', group.filter(({ contaminated }) => contaminated).length, 'count'),
    ...(first.case === 'backfill' ? throughput(group, facts, result) : []),
    ...(isOurs ? NAIVE.flatMap((naive) => stallRatio(group, naive, facts, result)) : []),
    ...(first.case === 'rotating-100' ? refusal(group, facts, result) : []),
  ];
}

type MakeResult = (metric: string, value: number, unit: Unit, limit?: Limit) => BenchResult;

/** Of all rounds the one in which the difference was smallest. */
function stallRatio(
  ours: readonly Measurement[],
  naive: RunnerName,
  { measurements }: Facts,
  result: MakeResult,
): readonly BenchResult[] {
  const ratios = ours.flatMap((our) => {
    const other = measurements.find((one) => one.runner === naive && isSameRound(one, our));
    return other === undefined ? [] : [other.during.worstMs / our.during.worstMs];
  });
  const limit = ours.some((our) => TWENTY_TIMES.includes(our.case)) ? atLeast(20) : undefined;
  return ratios.length === 0
    ? []
    : [result(`${naive}'s worst stall to ours`, Math.min(...ratios), 'x', limit)];
}

function throughput(
  group: readonly Measurement[],
  { measurements, backfilledRows }: Facts,
  result: MakeResult,
): readonly BenchResult[] {
  const rate = (one: Measurement): number => backfilledRows / secondsOf(one);
  const ratios = group.flatMap((our) => {
    const naive = measurements.filter((one) => NAIVE.includes(one.runner) && isSameRound(one, our));
    return naive.length === 0 ? [] : [rate(our) / mean(naive.map(rate))];
  });
  const isNaive = group.some(({ runner }) => NAIVE.includes(runner));
  return [
    result('rows a second', mean(group.map(rate)), 'rows/s'),
    ...(isNaive || ratios.length === 0
      ? []
      : [result('rows a second to those of one UPDATE', mean(ratios), 'x', atLeast(0.9))]),
  ];
}

/** It changes nothing, names who is in the way, and the budget that would do. */
function refusal(
  group: readonly Measurement[],
  { untouched }: Facts,
  result: MakeResult,
): readonly BenchResult[] {
  const changed = group.filter(({ endState }) => differenceBetween(untouched, endState) !== undefined);
  const named = group.map(
    ({ ran, holders }) => holders.filter((pid) => ran.message.includes(String(pid))).length,
  );
  const budgets = group.map(({ ran }) => Number(/--max-blocking (\d+)/.exec(ran.message)?.[1] ?? 0));
  return [
    result(
      'refused',
      group.filter(({ ran }) => ran.outcome === 'refused').length,
      'count',
      atLeast(group.length),
    ),
    result('changes left behind', changed.length, 'count', atMost(0)),
    result('holders named, of two', Math.min(...named), 'count', atLeast(2)),
    result('budget named that would do', Math.min(...budgets), 'ms', atLeast(ROTATING_BUDGET_MS)),
  ];
}

function idleResults(pairs: readonly IdlePair[]): readonly BenchResult[] {
  if (pairs.length === 0) return [];
  const result = (runner: RunnerName, metric: string, value: number, unit: Unit, limit: Limit = {}) => ({
    case: 'concurrently-idle',
    runner,
    metric,
    value,
    unit,
    ...limit,
  });
  return [
    result('plain-client', 'plain build', median(pairs.map(({ plainMs }) => plainMs)), 'ms'),
    result(
      'lock-timeout-retry',
      'concurrent build by hand to plain build',
      median(pairs.map(({ plainMs, byHandMs }) => byHandMs / plainMs)),
      'x',
    ),
    result('godwit', 'concurrent build', median(pairs.map(({ concurrentlyMs }) => concurrentlyMs)), 'ms'),
    result(
      'godwit',
      'concurrent build to plain build',
      median(pairs.map(({ plainMs, concurrentlyMs }) => concurrentlyMs / plainMs)),
      'x',
      atMost(1.3),
    ),
  ];
}

/** What no number says: unequal end states, writes that were lost. */
export function faultsOf(measurements: readonly Measurement[]): readonly string[] {
  return measurements.flatMap((one) => {
    const name = `${one.case}, ${one.runner}, round ${one.rep}`;
    const reference = measurements.find((other) => isSameRound(other, one)) ?? one;
    const difference = differenceBetween(reference.endState, one.endState);
    const lost = one.writes - one.endState.writes;
    const expected = one.case === 'rotating-100' ? 'refused' : 'applied';
    return [
      ...(difference === undefined
        ? []
        : [`${name}: not the end state of ${reference.runner} in ${difference}`]),
      ...(lost === 0 ? [] : [`${name}: ${lost} of ${one.writes} writes of the application were lost`]),
      ...(one.ran.outcome === expected ? [] : [`${name}: ${one.ran.outcome}. ${one.ran.message}`]),
      ...(one.errors[0] === undefined
        ? []
        : [`${name}: ${one.errors.length} errors, the first: ${one.errors[0]}`]),
    ];
  });
}

const isSameRound = (one: Measurement, other: Measurement): boolean =>
  one.case === other.case && one.rep === other.rep;

export const secondsOf = ({ ran }: Measurement): number => (ran.to - ran.from) / 1000;

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
