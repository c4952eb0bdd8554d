/** Restore points and instances that several begin at once, and what stands in the way of them. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { type Home, homeAt } from '../../lambda/adapters/embedded/cluster-files';
import { markOf } from '../../lambda/adapters/embedded/processes';
import { EmbeddedRecovery } from '../../lambda/adapters/embedded/recovery';
import { readInstance, saveInstance } from '../../lambda/adapters/embedded/recovery-records';
import type { RecoveryTarget } from '../../lambda/ports/recovery';
import { readyInstance, readyRestorePoint } from '../contract/recovery.contract';
import { projectRoot } from '../support/cluster';
import { type RecoveryOnCluster, recoveryOnCluster } from '../support/cluster-marks';

let under: RecoveryOnCluster;
let home: Home;
const target = { kind: 'restore-point', name: 'point' } as const;

beforeAll(async () => {
  under = await recoveryOnCluster();
  home = homeAt((await under.on.cluster.facts()).home);
  await under.write('kept');
  await readyRestorePoint(under, 'point');
}, 60_000);
afterAll(() => under?.dispose());

const outcome = async (recovery: EmbeddedRecovery, instance: string): Promise<unknown> => {
  for (;;) {
    const state = await recovery.inspectInstance(instance);
    if (state.state !== 'creating') return state;
    await under.pause();
  }
};

it('a restore point that two begin at once is one, and stays where it was said to be', async () => {
  const other = new EmbeddedRecovery(under.on.cluster, { keepRestorePoints: 50 });
  // Neither has anything else to do first.
  await other.listRestorePoints();
  const [one, two] = await Promise.all([
    readyRestorePoint(under, 'twice'),
    readyRestorePoint({ ...under, recovery: other }, 'twice'),
  ]);
  expect(two).toEqual(one);
  expect(await under.recovery.inspectRestorePoint('twice')).toEqual({ state: 'ready', restorePoint: one });
  await other.close();
});

it('a restore point may have any name', async () => {
  expect(await readyRestorePoint(under, 'making')).toMatchObject({ name: 'making' });
});

describe('an instance that another process has begun in the meantime', () => {
  /** Whoever started us lives for as long as we do. */
  const theirs = {
    owner: markOf(process.ppid),
    target,
    baseBackup: 'theirs',
    state: 'creating',
    port: 0,
  } as const;

  const beginBeside = (name: string, asked: RecoveryTarget): Promise<void> =>
    under.on.cluster.locked(async () => {
      await under.recovery.beginInstance(name, asked);
      await mkdir(join(home.instances, name), { recursive: true });
      await saveInstance(home, { ...theirs, name });
    });
  const theirsIsLeft = async (name: string) => {
    expect(await readInstance(home, name)).toEqual({ ...theirs, name });
    await rm(join(home.instances, name), { recursive: true });
  };

  it('is left to that one', async () => {
    await beginBeside('theirs', target);
    // It is theirs to go on with: what is asked for again is what they make.
    for (let looks = 0; looks < 20; looks += 1) {
      expect(await under.recovery.beginInstance('theirs', target)).toEqual({ state: 'creating' });
      await under.pause();
    }
    await theirsIsLeft('theirs');
  });

  it('is no way to another target', async () => {
    await readyRestorePoint(under, 'another');
    await beginBeside('elsewhere', { kind: 'restore-point', name: 'another' });
    expect(await outcome(under.recovery, 'elsewhere')).toEqual({
      state: 'failed',
      reason: expect.stringContaining('recovered to another target (point)'),
    });
    await theirsIsLeft('elsewhere');
    await under.recovery.discardInstance('elsewhere');
  });
});

describe('what cannot be removed', () => {
  // Deeper than a path may be long.
  const leave = (name: string): void => {
    execFileSync('mkdir', [join(home.instances, name)]);
    execFileSync(
      'sh',
      ['-c', `for i in $(seq 25); do mkdir ${'d'.repeat(200)} && cd -P ${'d'.repeat(200)}; done`],
      {
        cwd: join(home.instances, name),
      },
    );
  };
  const remove = (name: string) => promisify(execFile)('rm', ['-r', join(home.instances, name)]);

  it('of an earlier process is told of, and is in the way of nobody', async () => {
    await mkdir(home.instances, { recursive: true });
    leave('buried');
    const told: string[] = [];
    const log = (message: string): void => void told.push(message);
    const cluster = EmbeddedCluster.at(under.on.dataDir, { projectRoot, fsync: false, log });
    const next = { ...under, recovery: new EmbeddedRecovery(cluster, { keepRestorePoints: 50 }) };
    try {
      expect(await readyRestorePoint(next, 'in-spite')).toMatchObject({ name: 'in-spite' });
      expect(told).toContainEqual(expect.stringMatching(/buried.*ENAMETOOLONG.*by hand/s));
      expect(await readdir(home.instances)).toContain('buried');
      await next.recovery.beginInstance('buried', target);
      expect(await outcome(next.recovery, 'buried')).toEqual({
        state: 'failed',
        reason: expect.stringMatching(/^Instance buried: .*cannot be removed.*by hand/s),
      });
    } finally {
      await remove('buried');
    }
    expect(await under.marksIn(await readyInstance(next, 'buried', target))).toEqual(['kept']);
    await next.recovery.close();
  });
});

it('what an earlier process left is cleared away as soon as that is possible again', async () => {
  const next = new EmbeddedRecovery(under.on.cluster);
  await rename(home.instances, `${home.instances}-away`);
  await writeFile(home.instances, '');
  await expect(next.listRestorePoints()).rejects.toThrow('ENOTDIR');
  await rm(home.instances);
  await rename(`${home.instances}-away`, home.instances);
  expect(await next.listRestorePoints()).not.toEqual([]);
  await next.close();
});

describe('what takes longer than it may', () => {
  it('is an instance, which says so, and what to do', async () => {
    const hasty = new EmbeddedRecovery(under.on.cluster, { limits: { instanceMs: 1 } });
    await hasty.beginInstance('hasty', target);
    expect(await outcome(hasty, 'hasty')).toEqual({
      state: 'failed',
      reason: expect.stringMatching(
        /^Instance hasty, recovered to point, took longer than 0.001 s .*Begin it again/s,
      ),
    });
    expect(await readdir(home.instances)).not.toContain('hasty');
    await hasty.close();
  });

  it('is a base backup, which says so, and what to do', async () => {
    const hasty = new EmbeddedRecovery(under.on.cluster, { limits: { baseBackupMs: 1 } });
    await rename(home.baseBackups, `${home.baseBackups}-away`);
    try {
      await expect(readyRestorePoint({ ...under, recovery: hasty }, 'hasty')).rejects.toThrow(
        /A base backup of the cluster took longer than 0.001 s .*Take the restore point again/s,
      );
      expect(await readdir(home.baseBackups)).toEqual([]);
    } finally {
      await rm(home.baseBackups, { recursive: true, force: true });
      await rename(`${home.baseBackups}-away`, home.baseBackups);
    }
    await hasty.close();
  });
});

it('a restore point that somebody is promised outlives newer ones', async () => {
  const isNeeded = async (name: string): Promise<boolean> => name === 'point';
  const recovery = new EmbeddedRecovery(under.on.cluster, { keepRestorePoints: 1, isNeeded });
  await readyRestorePoint({ ...under, recovery }, 'newest');
  expect((await recovery.listRestorePoints()).map(({ name }) => name)).toEqual(['newest', 'point']);
  expect(await under.marksIn(await readyInstance({ ...under, recovery }, 'promised', target))).toEqual([
    'kept',
  ]);
  await recovery.close();
});
