/** How long a person waits: for the version, for an empty run, for the main job, for a long history, and for the tests. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BenchOptions, type BenchReport, type BenchResult, median, reportOf, time } from './measure';
import { plainClient, smallMigrations, writeHistory } from './small-migrations';

export type { BenchOptions };

const HISTORY = 800;
const MEDIAN = 'median of rounds';

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

  /** Interleaved, so that a busy minute of the machine falls on both. */
  const longHistory = async (at: { folder: string; dataDir: string; rounds: number }) => {
    const migrations = smallMigrations(HISTORY);
    const prisma = join(at.folder, 'prisma');
    await writeHistory(prisma, migrations);
    const plain: number[] = [];
    const deploy: number[] = [];
    for (let round = 0; round < at.rounds; round += 1) {
      const args = [join(projectRoot, 'dist', 'godwit.mjs'), 'up', '--json', '--data-dir', at.dataDir];
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: projectRoot, signal });
      const { url } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { url: string };
      tell(`${HISTORY} small migrations, round ${round + 1}`);
      plain.push(await plainClient(url, migrations));
      deploy.push(await godwit('deploy', '--quiet', '--prisma', prisma, '--data-dir', at.dataDir));
      await godwit('reset', '--yes', '--data-dir', at.dataDir);
    }
    const more = deploy.map((whole, round) => (whole - (plain[round] ?? 0)) / HISTORY);
    return {
      plain: Math.round(median(plain)),
      deploy: Math.round(median(deploy)),
      overhead: Math.round(median(more) * 100) / 100,
    };
  };

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

    const { overhead, plain, deploy } = await longHistory({ folder, dataDir, rounds: quick ? 1 : 3 });
    const history = `${HISTORY} small migrations`;
    results.push(
      { case: `${history}: SQL alone`, runner: 'plain client', metric: MEDIAN, value: plain, unit: 'ms' },
      { case: `${history}: deploy`, runner: 'godwit', metric: MEDIAN, value: deploy, unit: 'ms' },
      {
        case: `${history}: more, each`,
        runner: 'godwit',
        metric: 'median of (whole command less SQL alone) / migrations',
        value: overhead,
        unit: 'ms',
        limit: 5,
      },
    );
    tell(`${history}: ${overhead} ms more for each than the SQL alone (limit 5 ms)`);
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
