/** One measurement: a fresh database under load, one migration by one runner, and how long the load's users waited. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../lambda/ports/database';
import type { CaseName } from './cases';
import { Child } from './child';
import type { BenchCluster, Template } from './cluster';
import { type EndState, readEndState } from './end-state';
import { startHolders } from './holders';
import type { Ran, RunnerName } from './messages';
import { isQuiet, now, overlapping, type Sample, type Score, scoreOf } from './score';
import type { Sizes } from './tables';

export interface Surroundings {
  readonly cluster: BenchCluster;
  readonly projectRoot: string;
  readonly sizes: Readonly<Record<Template, Sizes>>;
  readonly signal: AbortSignal;
}

export interface Wanted {
  readonly case: CaseName;
  readonly runner: RunnerName;
  readonly rep: number;
}

export interface Measurement extends Wanted {
  readonly ran: Ran;
  readonly before: Score;
  readonly during: Score;
  readonly errors: readonly string[];
  /** In spite of waiting for it, the machine was not quiet before the migration. */
  readonly contaminated: boolean;
  readonly walBytes: number;
  readonly endState: EndState;
  /** Of sessions that held the table. */
  readonly holders: readonly number[];
  /** Writes that were answered well; the end state has to have as many. */
  readonly writes: number;
}

export const LOAD = { ratePerSecond: 500, poolSize: 16, seed: 20251122 } as const;
const SETTLE_MS = 300;
const BEFORE_MS = 1_000;
const QUIET_ATTEMPTS = 3;
const AFTER_MS = 500;

export const templateOf = (name: CaseName): Template =>
  name === 'index' || name === 'foreign-key' ? 'large' : 'small';

export async function measureRun(around: Surroundings, wanted: Wanted): Promise<Measurement> {
  const template = templateOf(wanted.case);
  const database = await around.cluster.freshDatabase(template);
  const url = await database.connectionString();
  const children: Child[] = [];
  const start = async (program: string): Promise<Child> => {
    const child = await Child.start(join(around.projectRoot, 'dist', program));
    children.push(child);
    return child;
  };
  try {
    const runner = await start('bench-runner.mjs');
    const { projectRoot, cluster } = around;
    const request = { runner: wanted.runner, case: wanted.case, url, projectRoot, scratch: cluster.folder };
    await runner.ask({ type: 'prepare', request }, 'prepared');
    const load = await start('bench-load.mjs');
    await load.ask({ type: 'load', options: { ...LOAD, ...around.sizes[template], url } }, 'loading');
    await sleep(SETTLE_MS, undefined, { signal: around.signal });
    const before = await quietTime(load, around.signal);
    const measured = await underLoad(around, { database, load, runner, wanted });
    const { samples, ...rest } = measured;
    const during = scoreOf(overlapping(samples, { from: rest.ran.from, to: rest.ran.to + AFTER_MS }));
    const errors = samples.flatMap(({ error }) => error ?? []);
    const writes = samples.filter(({ kind, error }) => kind === 'write' && error === undefined).length;
    const endState = await readEndState(database);
    return { ...wanted, ...rest, before, during, errors, writes, endState, contaminated: !isQuiet(before) };
  } finally {
    await Promise.all(children.map((child) => child.end()));
    await around.cluster.drop(database);
  }
}

interface Scene {
  readonly database: Database;
  readonly load: Child;
  readonly runner: Child;
  readonly wanted: Wanted;
}

async function underLoad(
  { cluster, signal }: Surroundings,
  { database, load, runner, wanted }: Scene,
): Promise<Pick<Measurement, 'ran' | 'walBytes' | 'holders'> & { readonly samples: readonly Sample[] }> {
  const walBefore = await walPosition(cluster);
  const holders = await startHolders(wanted.case, database);
  try {
    const { ran } = await untilAborted(runner.ask({ type: 'run' }, 'ran'), signal);
    const walBytes = (await walPosition(cluster)) - walBefore;
    await sleep(AFTER_MS, undefined, { signal });
    const { samples } = await untilAborted(load.ask({ type: 'stop' }, 'samples'), signal);
    return { ran, walBytes, holders: holders?.pids ?? [], samples };
  } finally {
    await holders?.end();
  }
}

/** A machine that does something else is waited for, but not for ever. */
export async function quietTime(load: Child, signal: AbortSignal): Promise<Score> {
  for (let attempt = 1; ; attempt += 1) {
    const from = now();
    await sleep(BEFORE_MS, undefined, { signal });
    const { samples } = await load.ask({ type: 'look' }, 'samples');
    const score = scoreOf(overlapping(samples, { from, to: now() }));
    if (isQuiet(score) || attempt === QUIET_ATTEMPTS) return score;
  }
}

const walPosition = (cluster: BenchCluster): Promise<number> =>
  cluster.maintain(async (session) => {
    const { rows } = await session.query<{ bytes: string }>(
      "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bytes",
    );
    return Number(rows[0]?.bytes);
  });

export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) onAbort();
  });
}
