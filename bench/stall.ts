/** How long the users of a busy application wait because of a migration: Godwit against others, in one session. */
import { type BenchAnswer, type BenchOptions, reportOf } from './measure';
import { type CaseName, MIGRATIONS } from './stall/cases';
import { BenchCluster } from './stall/cluster';
import { readEndState } from './stall/end-state';
import { buildWhileIdle } from './stall/idle';
import { type Measurement, measureRun, type Surroundings, type Wanted } from './stall/measure-run';
import type { RunnerName } from './stall/messages';
import { faultsOf, type IdlePair, resultsOf } from './stall/results';
import { dbmateBinary } from './stall/runners/dbmate';
import { tableOf } from './stall/table';

interface Plan {
  readonly sizes: Surroundings['sizes'];
  readonly rounds: number;
  readonly idleRounds: number;
  readonly runners: Readonly<Record<CaseName, readonly RunnerName[]>>;
}

const ALL: readonly RunnerName[] = ['prisma', 'dbmate', 'lock-timeout-retry', 'godwit'];
const TWO: readonly RunnerName[] = ['prisma', 'godwit'];
const OURS: readonly RunnerName[] = ['godwit'];

const WHOLE: Plan = {
  sizes: { small: { wallets: 100_000, balances: 500_000 }, large: { wallets: 100_000, balances: 2_000_000 } },
  rounds: 2,
  idleRounds: 3,
  runners: {
    index: ALL,
    'foreign-key': ALL,
    backfill: ALL,
    'lock-queue': ALL,
    'rotating-250': OURS,
    'rotating-100': OURS,
  },
};

const QUICK: Plan = {
  sizes: { small: { wallets: 50_000, balances: 100_000 }, large: { wallets: 50_000, balances: 1_000_000 } },
  rounds: 1,
  idleRounds: 1,
  runners: {
    index: TWO,
    'foreign-key': OURS,
    backfill: TWO,
    'lock-queue': TWO,
    'rotating-250': OURS,
    'rotating-100': OURS,
  },
};

export async function benchStall({ projectRoot, quick, signal, tell }: BenchOptions): Promise<BenchAnswer> {
  const plan = quick ? QUICK : WHOLE;
  if (dbmateBinary(projectRoot) === undefined) tell('dbmate has no build for this platform: it is left out');
  tell('Starting a server, and filling its tables');
  const cluster = await BenchCluster.start(projectRoot);
  try {
    await cluster.makeTemplates(plan.sizes.small, plan.sizes.large);
    const around: Surroundings = { cluster, projectRoot, sizes: plan.sizes, signal };
    const untouched = await readEndState(await cluster.template('small'));
    const measurements: Measurement[] = [];
    for (const wanted of inOrder(plan, projectRoot)) {
      signal.throwIfAborted();
      const measured = await measureRun(around, wanted);
      measurements.push(measured);
      tell(wordsOf(measured));
    }
    const idle: IdlePair[] = [];
    for (let round = 0; round < plan.idleRounds; round += 1) {
      idle.push(await buildWhileIdle(around, round));
      tell('concurrently-idle');
    }
    const facts = { measurements, idle, untouched, backfilledRows: plan.sizes.small.balances };
    const results = resultsOf(facts);
    const report = reportOf('stall', results, faultsOf(measurements));
    return { ...report, table: [aboutOf(plan), ...tableOf(measurements, results)] };
  } finally {
    await cluster.remove();
  }
}

/** Runners of a case follow each other, in turned order in the next round: what drifts hits none of them alone. */
function inOrder({ runners, rounds }: Plan, projectRoot: string): readonly Wanted[] {
  const available = (runner: RunnerName): boolean =>
    runner !== 'dbmate' || dbmateBinary(projectRoot) !== undefined;
  return Array.from({ length: rounds }, (_, index) => index + 1).flatMap((rep) =>
    (Object.keys(MIGRATIONS) as CaseName[]).flatMap((name) => {
      const there = runners[name].filter(available);
      return (rep % 2 === 1 ? there : there.toReversed()).map((runner) => ({ case: name, runner, rep }));
    }),
  );
}

/** What the figures are figures of. */
const aboutOf = ({ sizes: { small, large } }: Plan): string =>
  `500 requests a second, open loop, waits from when a request was due; index and foreign-key on ${large.balances} ` +
  `rows, the others on ${small.balances}; data in memory where there is room. Ranges are over the rounds, (before) is without a migration.`;

const wordsOf = ({ case: name, runner, rep, during, before, ran }: Measurement): string =>
  `${name}, ${runner}, round ${rep}: ${ran.outcome} in ${Math.round(ran.to - ran.from)} ms, ` +
  `worst stall ${Math.round(during.worstMs)} ms (before ${Math.round(before.worstMs)} ms)`;
