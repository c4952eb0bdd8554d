/** How long a person waits: for the version, for an empty run, for the main job, for a long history, and for the tests. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, type BenchReport, type BenchResult, median, reportOf, time } from './measure';
import { benchSmallMigrations } from './small-migrations';

export type { BenchOptions };

export async function benchStartup({ projectRoot, quick, signal, tell }: BenchOptions): Promise<BenchReport> {
  const results: BenchResult[] = [];
  const record = (name: string, metric: string, value: number, limit: number): void => {
    results.push({ case: name, runner: 'godwit', metric, value: Math.round(value), unit: 'ms', limit });
    tell(`${name}: ${Math.round(value)} ms (limit ${limit} ms)`);
  };
  const godwit = (...args: string[]) =>
    time({
      command: process.execPath,
      args: [join(projectRoot, 'dist', 'godwit.mjs'), ...args],
      cwd: projectRoot,
      signal,
    });

  record(
    '--version',
    'median of processes',
    median(await repeat(quick ? 5 : 15, () => godwit('--version'))),
    300,
  );

  const folder = await mkdtemp(join(tmpdir(), 'godwit-bench-'));
  // As root the server runs as another user, who has to pass.
  await chmod(folder, 0o755);
  try {
    const dataDir = join(folder, 'data');
    const main = await repeat(quick ? 1 : 3, async (round) => {
      await godwit('reset', '--yes', '--data-dir', dataDir);
      tell(`main job, round ${round + 1}`);
      return godwit('demo', '--data-dir', dataDir, '--quiet');
    });
    record('npm start, installed', 'median of processes', median(main), 45_000);
    const empty = await repeat(quick ? 3 : 7, () => godwit('run', '--data-dir', dataDir, '--quiet'));
    record('nothing to do', 'median of processes', median(empty), 3_000);
    await godwit('reset', '--yes', '--data-dir', dataDir);

    const rounds = quick ? 1 : 3;
    results.push(...(await benchSmallMigrations({ projectRoot, folder, rounds, signal, tell })));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (!quick) {
    record(
      'npm test',
      'one process',
      await time({ command: 'npm', args: ['test'], cwd: projectRoot, signal }),
      240_000,
    );
  }
  return reportOf('startup', results);
}

async function repeat(times: number, work: (round: number) => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let round = 0; round < times; round += 1) values.push(await work(round));
  return values;
}
