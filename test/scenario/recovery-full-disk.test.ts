/** The disk of base backups, of instances or of the archive is full: the database serves on, and is told what to do. */
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Home, homeAt } from '../../lambda/adapters/embedded/cluster-files';
import { readyInstance, readyRestorePoint } from '../contract/recovery.contract';
import { isWhole } from '../support/bounded';
import { processesUnder } from '../support/cluster';
import { ask, type RecoveryOnCluster, recoveryOnCluster, refusal } from '../support/cluster-marks';
import { canMount, withSmallDisk, withSmallFiles } from '../support/full-disk';

const MEGABYTE = 1_048_576;
/** Room enough for a copy, as far as bytes are counted, and none for all of its files. */
const FILLS_UP = { bytes: 512 * MEGABYTE, files: 300 };
const TOO_SMALL = { bytes: 20 * MEGABYTE, files: 100_000 };
/** Less than a segment. */
const ARCHIVE_BYTES = 8 * MEGABYTE;

let under: RecoveryOnCluster;
let home: Home;
beforeAll(async () => {
  under = await recoveryOnCluster({ limits: { archiveMs: 10_000 } });
  home = homeAt((await under.on.cluster.facts()).home);
  await mkdir(home.baseBackups, { mode: 0o755 });
  await mkdir(home.instances, { mode: 0o755 });
}, 60_000);
afterAll(() => under?.dispose());

const pointRefusal = async (name: string): Promise<string> => {
  let state = await under.recovery.beginRestorePoint(name);
  while (state.state === 'creating') {
    await under.pause();
    state = await under.recovery.inspectRestorePoint(name);
  }
  if (state.state !== 'failed') throw new Error(`${name} is ${state.state}`);
  return state.reason;
};
const servesOn = async (mark: string): Promise<void> => {
  await under.write(mark);
  expect(await under.marksIn('serving')).toContain(mark);
  expect(await under.on.cluster.ensureStarted()).toMatchObject({ url: under.on.url, startedByUs: false });
};

it('a base backup that does not fit is not begun', async () => {
  // As large as a file gets, and without a block of its own.
  const huge = join(home.pgData, 'base', 'huge');
  await writeFile(huge, '');
  await truncate(huge, 8 * 1024 ** 4);
  expect(await pointRefusal('huge')).toMatch(
    /basebackups.*needs \d+ MB, and \d+ MB are free.*Free some space/,
  );
  await servesOn('while there is no room for a base backup');
  expect(await readdir(home.baseBackups)).toEqual([]);
  await rm(huge);
  await readyRestorePoint(under, 'huge');
});

// Nobody else can make a disk that is full.
if (canMount)
  describe('a disk that is filled by a copy', () => {
    it('loses the half of a base backup, which can be begun again', async () => {
      const points = await under.recovery.listRestorePoints();
      await withSmallDisk(home.baseBackups, FILLS_UP, async (makeRoom) => {
        expect(await pointRefusal('backup')).toMatch(/basebackups.*a copy filled it.*Free some space/);
        await servesOn('while the disk of base backups is full');
        expect(await readdir(home.baseBackups)).toEqual([]);
        expect(await under.recovery.listRestorePoints()).toEqual(points);
        await makeRoom();
        await readyRestorePoint(under, 'backup');
      });
    });

    if (isWhole) {
      it('loses the half of an instance, which can be begun again', async () => {
        await readyRestorePoint(under, 'instance');
        const target = { kind: 'restore-point', name: 'instance' } as const;
        await withSmallDisk(home.instances, FILLS_UP, async (makeRoom) => {
          expect(await refusal(under, 'full', target)).toMatch(
            /instances.*a copy filled it.*Free some space/,
          );
          await servesOn('while the disk of instances is full');
          expect(await readdir(home.instances)).toEqual([]);
          expect(processesUnder(home.instances)).toEqual([]);
          expect(await under.recovery.listInstances()).toEqual([]);
          await makeRoom();
          expect(await under.marksIn(await readyInstance(under, 'full', target))).not.toEqual([]);
          await under.recovery.discardInstance('full');
        });
      });

      it('is spared where the copy of an instance would not fit', async () => {
        await withSmallDisk(home.instances, TOO_SMALL, async () => {
          const reason = await refusal(under, 'large', { kind: 'restore-point', name: 'instance' });
          expect(reason).toMatch(/instances.*needs \d+ MB, and \d+ MB are free.*Free some space/);
          await servesOn('while there is no room for an instance');
        });
      });
    }
  });

it('an archive on a full disk is told of, fails restore points in time, and loses nothing', async () => {
  const archive = join(home.archives, '1');
  const { user } = await under.on.cluster.kit();
  const { pid } = await ask<{ pid: number }>(
    under.on.database,
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'archiver'`,
  );
  const onFullDisk = (work: (makeRoom: () => Promise<unknown>) => Promise<void>): Promise<void> =>
    canMount
      ? withSmallDisk(archive, { bytes: ARCHIVE_BYTES, files: 100_000 }, work)
      : withSmallFiles({ pid, owner: user }, ARCHIVE_BYTES, work);
  await onFullDisk(async (makeRoom) => {
    expect(await under.recovery.archiving()).toEqual({
      healthy: false,
      evidence: expect.stringMatching(
        /archive\/1 does not receive segments.*(No space left|File too large).*has room/,
      ),
    });
    expect(await pointRefusal('nowhere')).toMatch(/archive\/1.*has room/);
    expect(await readdir(home.restorePoints)).not.toContain('nowhere.json');
    await servesOn('while the disk of the archive is full');
    await makeRoom();
    expect(await under.recovery.archiving()).toMatchObject({ healthy: true });
    await readyRestorePoint(under, 'nowhere');
    const marks = await under.marksIn(
      await readyInstance(under, 'all', { kind: 'restore-point', name: 'nowhere' }),
    );
    expect(marks).toEqual(await under.marksIn('serving'));
    expect((await readdir(archive)).filter((file) => !/^[0-9A-F]{24}/.test(file))).toEqual([]);
    await under.recovery.discardInstance('all');
  });
}, 60_000);
