/** The database is lost, or whoever brings it back is killed: what there is of restore points leads back all the same. */
import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bounded } from '../support/bounded';
import { godwit, startGodwit } from '../support/cli';
import { processesUnder } from '../support/cluster';
import { useSmallRuns } from '../support/small-runs';

const small = useSmallRuns();
const { project, sql, startFromInit, total } = small;
const ask = (...args: string[]) => godwit([...args, '--json', '--data-dir', small.dataDir]);
const cluster = (): string => join(small.dataDir, 'cluster');
const snapshot = async (): Promise<{ name: string; at: string }> => {
  const { result } = await ask('snapshot', '--prisma', await project());
  return (result as { restorePoint: { name: string; at: string } }).restorePoint;
};

describe('a cluster', () => {
  let before: string | undefined;
  beforeAll(async () => {
    await startFromInit();
    before = await total();
  });

  const empty = async (): Promise<void> => {
    await godwit(['down', '--data-dir', small.dataDir]);
    for (const entry of await readdir(cluster())) await rm(join(cluster(), entry), { recursive: true });
  };
  const LOSSES = [
    // Its server goes on for a while without files.
    ['whose data directory is deleted beneath its server', () => rm(cluster(), { recursive: true }), 'name'],
    [
      'whose data directory is garbage',
      async () => {
        await empty();
        await writeFile(join(cluster(), 'PG_VERSION'), 'garbage');
      },
      'at',
    ],
    [
      'that has a garbage file',
      async () => {
        await godwit(['down', '--data-dir', small.dataDir]);
        await writeFile(join(cluster(), 'global', 'pg_control'), 'garbage');
      },
      'name',
    ],
  ] as const;

  test.each(bounded(LOSSES, 2))('%s comes back on the same URL', async (_, lose, to) => {
    const point = await snapshot();
    await sql('delete from "Account"');
    await lose();
    const lost = await ask('up');
    expect(lost.code).not.toBe(0);
    expect(lost.stderr).toContain(`godwit restore --to ${point.name}`);
    expect(lost.stderr).not.toContain('godwit reset');
    // What tells whether a restore may be counted on can still be read.
    expect((await ask('drill', '--last')).stderr).toContain('There was no drill yet');

    const args = ['restore', '--to', point[to], '--yes', '--json', '--data-dir', small.dataDir];
    const restored = await godwit(args, { env: { DATABASE_URL: small.url } });
    expect(restored).toMatchObject({ code: 0, result: { status: 'succeeded' } });
    expect((await ask('up')).result).toMatchObject({ url: small.url });
    expect(await total()).toBe(before);
    expect(processesUnder(cluster())).toHaveLength(1);
  });
});

test.each(bounded(['ValidateRestored', 'CutOver'], 1))(
  'a run that is killed in %s restores all the same',
  async (step) => {
    await startFromInit();
    const before = await total();
    const prisma = await project({ name: '20260103000000_lossy', up: 'UPDATE "Account" SET "balance" = 0;' });
    const args = ['run', '--json', '--data-dir', small.dataDir, '--prisma', prisma, '--skip-rehearsal'];
    const options = ['--approve', 'auto', '--restore', 'auto'];
    const killed = startGodwit([...args, ...options]);
    await killed.sees((line) => line.step === step);
    killed.child.kill('SIGKILL');
    await killed.finished;
    expect(await godwit([...args, ...options])).toMatchObject({ code: 1, result: { status: 'restored' } });
    expect(await total()).toBe(before);
  },
);

test('nothing is left of what was recorded once the cluster is deleted', async () => {
  expect(existsSync(join(small.dataDir, 'proofs'))).toBe(true);
  expect(await ask('reset', '--yes')).toMatchObject({ code: 0 });
  expect(existsSync(small.dataDir)).toBe(false);
});
