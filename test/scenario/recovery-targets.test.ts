/** Where recovery can go: to an LSN and to a moment, on every timeline, and up to when all of it is in the archive. */
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Home } from '../../lambda/adapters/embedded/cluster-files';
import { EmbeddedEndpoint } from '../../lambda/adapters/embedded/endpoint';
import { parseLsn } from '../../lambda/adapters/embedded/wal';
import { CommitReader } from '../../lambda/adapters/embedded/wal-file';
import type { RecoveryTarget } from '../../lambda/ports/recovery';
import { readyInstance, readyRestorePoint } from '../contract/recovery.contract';
import { isWhole } from '../support/bounded';
import { ask, type RecoveryOnCluster, recoveryOnCluster, refusal } from '../support/cluster-marks';

let under: RecoveryOnCluster;
let endpoint: EmbeddedEndpoint;
let home: Home;
beforeAll(async () => {
  under = await recoveryOnCluster();
  endpoint = new EmbeddedEndpoint(under.on.cluster);
  home = (await under.on.cluster.kit()).home;
}, 60_000);
afterAll(() => under?.dispose());

const lsnNow = async (): Promise<string> =>
  (await ask<{ lsn: string }>(under.on.database, 'SELECT pg_current_wal_lsn()::text AS lsn')).lsn;
/** By the server's clock, at a millisecond in which nothing is committed. */
const momentNow = async (): Promise<string> => {
  await under.pause();
  const { at } = await ask<{ at: Date }>(under.on.database, 'SELECT clock_timestamp() AS at');
  await under.pause();
  return at.toISOString();
};
const marksAt = async (target: RecoveryTarget): Promise<readonly string[]> => {
  const marks = await under.marksIn(await readyInstance(under, 'look', target));
  await under.recovery.discardInstance('look');
  return marks;
};
const refused = (target: RecoveryTarget): Promise<string> => refusal(under, 'refused', target);
/** Waits until the segment that is so many before the one with this position is in the archive. */
const archived = async (lsn: string, before: number): Promise<void> => {
  const { segment } = await ask<{ segment: string }>(
    under.on.database,
    `SELECT pg_walfile_name('${lsn}'::pg_lsn - ${before * SEGMENT_BYTES}) AS segment`,
  );
  while (!(await readdir(join(home.archives, '1'))).includes(segment)) await under.pause();
};
const switchWal = async (): Promise<void> => {
  const { lsn } = await ask<{ lsn: string }>(under.on.database, 'SELECT pg_switch_wal()::text AS lsn');
  await archived(lsn, 0);
};

describe('up to when everything could be brought back', () => {
  const until = async (): Promise<number> =>
    new Date((await under.recovery.restorableUntil()) ?? '').getTime();
  const commitTime = async (mark: string): Promise<number> => {
    await under.write(mark);
    const { at } = await ask<{ at: Date }>(
      under.on.database,
      `SELECT pg_xact_commit_timestamp(xmin) AS at FROM marks WHERE mark = '${mark}'`,
    );
    return at.getTime();
  };
  const killPostmaster = async (): Promise<void> => {
    const status = await under.on.cluster.status();
    if (status.state !== 'running') throw new Error(`the cluster is ${status.state}`);
    process.kill(status.pid, 'SIGKILL');
    await under.on.cluster.ensureStarted();
  };

  it('is unknown without a base backup, however much WAL is archived', async () => {
    await under.write('before-all');
    await switchWal();
    expect(await under.recovery.restorableUntil()).toBeUndefined();
  });

  it('lies before a commit whose segment is not archived, and is now once it is', async () => {
    await readyRestorePoint(under, 'first');
    const archivedAll = Date.now();
    expect(await until()).toBeGreaterThanOrEqual(archivedAll);
    const first = await commitTime('not-archived');
    await under.write('not-archived-either');
    expect(await until()).toBeLessThan(first);
    expect(first - (await until())).toBeLessThanOrEqual(2);
    await switchWal();
    const before = Date.now();
    expect(await until()).toBeGreaterThanOrEqual(before);
  });

  it('lies before a commit whose record begins in an archived segment and ends in the next', async () => {
    const lost = (await commitAcrossSegments()).getTime();
    await archived(await lsnNow(), 1);
    expect(await until()).toBeLessThanOrEqual(lost);
    expect(lost - (await until())).toBeLessThanOrEqual(2);
  });

  if (isWhole) {
    it('rests on every commit that the server knows of, and on its time', async () => {
      const { database } = under.on;
      await ask(database, 'CREATE TABLE many (note text)');
      await switchWal();
      await ask(
        database,
        `DO $$ BEGIN
         FOR i IN 1..300 LOOP INSERT INTO many VALUES (repeat(md5(i::text), i)); COMMIT; END LOOP;
       END $$`,
      );
      const { times } = await ask<{ times: readonly Date[] }>(
        database,
        'SELECT array_agg(pg_xact_commit_timestamp(xmin)) AS times FROM many',
      );
      const lsn = await lsnNow();
      const { segment, place } = await ask<{ segment: string; place: number }>(
        database,
        `SELECT file_name AS segment, file_offset AS place FROM pg_walfile_name_offset('${lsn}')`,
      );
      const start = parseLsn(lsn) - BigInt(place);
      const wal = await readFile(join(home.pgData, 'pg_wal', segment));
      const found = new CommitReader().commitsIn(wal, start, parseLsn(lsn)).map(({ at }) => at);
      expect(times).toHaveLength(300);
      expect(found).toEqual(expect.arrayContaining([...times]));
      expect(found.length - times.length).toBeLessThan(5);
    });
  }

  it('is now after a clean restart, and is not after a kill while commits are not archived', async () => {
    await under.write('clean');
    await under.on.cluster.stop();
    await under.on.cluster.ensureStarted();
    const restarted = Date.now();
    expect(await until()).toBeGreaterThanOrEqual(restarted);

    const lost = await commitTime('checkpointed');
    await ask(under.on.database, 'CHECKPOINT');
    await killPostmaster();
    expect(await until()).toBeLessThan(lost);
    expect(lost - (await until())).toBeLessThanOrEqual(2);
    await switchWal();
    const before = Date.now();
    expect(await until()).toBeGreaterThanOrEqual(before);
  });

  it('is unknown where the archive is gone, and ends at a gap in it', async () => {
    const archive = join(home.archives, '1');
    const lost = await commitTime('before-gap');
    await switchWal();
    const gap =
      (await readdir(archive))
        .filter((file) => /^[0-9A-F]{24}$/.test(file))
        .sort()
        .at(-1) ?? '';
    await rename(join(archive, gap), `${archive}-${gap}`);
    await under.write('behind-gap');
    await switchWal();
    expect(await until()).toBeLessThan(lost);
    await rename(`${archive}-${gap}`, join(archive, gap));
    const before = Date.now();
    expect(await until()).toBeGreaterThanOrEqual(before);

    await rename(archive, `${archive}-away`);
    expect(await under.recovery.restorableUntil()).toBeUndefined();
    await rename(`${archive}-away`, archive);
  });
});

describe('an LSN', () => {
  beforeAll(() => readyRestorePoint(under, 'before-lsn'));

  it('is returned to exactly: what was committed before it is there, the commit that begins there is not', async () => {
    const session = await under.on.database.connect({ applicationName: 'godwit-test' });
    await session.query('BEGIN');
    await session.query(`INSERT INTO marks VALUES ('lsn-after')`);
    await under.write('lsn-before');
    const lsn = await lsnNow();
    await session.query('COMMIT');
    await session.close();
    const marks = await marksAt({ kind: 'lsn', lsn });
    expect(marks).toContain('lsn-before');
    expect(marks).not.toContain('lsn-after');
  });

  it.each([
    ['is malformed', 'DROP TABLE marks', /DROP TABLE marks.*0\/1A2B3C4/],
    ['is empty', '', /0\/1A2B3C4/],
    ['lies in the future', 'FFFFFF/0', /FFFFFF\/0: it lies in the future/],
    ['lies before the first base backup', '0/1', /the earliest LSN .* is [0-9A-F]+\/[0-9A-F]+/],
  ])('is refused when it %s', async (_, lsn, message) => {
    expect(await refused({ kind: 'lsn', lsn })).toMatch(message);
  });
});

// A shorter one is in the tests of the cut-over.
if (isWhole) {
  describe('after a cut-over', () => {
    const cutOver = async (target: RecoveryTarget, name: string): Promise<void> => {
      await readyInstance(under, name, target);
      expect(await endpoint.cutOver(name, `before-${name}`)).toBe('passed');
    };
    const newIn = async (target: RecoveryTarget): Promise<readonly string[]> =>
      (await marksAt(target)).filter((mark) => mark.startsWith('line-'));
    const moments: string[] = [];
    let firstLsn: string;

    it('nothing of the new history can be returned to before its first restore point, which is said', async () => {
      await under.write('line-1');
      await readyRestorePoint(under, 'point-1');
      firstLsn = await lsnNow();
      await under.write('line-1-later');
      moments.push(await momentNow());
      await cutOver({ kind: 'restore-point', name: 'point-1' }, 'back-1');

      expect(await under.recovery.restorableUntil()).toBeUndefined();
      expect(await refused({ kind: 'lsn', lsn: await lsnNow() })).toContain('take a restore point first');
      expect(await refused({ kind: 'time', at: await momentNow() })).toContain(
        'moment after a restore point',
      );
    });

    it('a moment and an LSN of the new history are returned to once there is a restore point', async () => {
      await readyRestorePoint(under, 'point-2');
      await under.write('line-2');
      const lsn = await lsnNow();
      moments.push(await momentNow());
      await under.write('line-2-later');
      expect(await newIn({ kind: 'lsn', lsn })).toEqual(['line-1', 'line-2']);
      expect(await newIn({ kind: 'time', at: moments[1] ?? '' })).toEqual(['line-1', 'line-2']);
      expect(new Date((await under.recovery.restorableUntil()) ?? '').getTime()).toBeGreaterThan(
        new Date(moments[1] ?? '').getTime(),
      );
    });

    it('an LSN of the history that was left is refused', async () => {
      expect(await refused({ kind: 'lsn', lsn: firstLsn })).toMatch(/the earliest LSN/);
    });

    it('a moment of an earlier history is returned to, also one after its last commit', async () => {
      await cutOver({ kind: 'time', at: moments[1] ?? '' }, 'back-2');
      await readyRestorePoint(under, 'point-3');
      await under.write('line-3');
      expect(await newIn({ kind: 'time', at: moments[0] ?? '' })).toEqual(['line-1', 'line-1-later']);
      const lsn = await lsnNow();
      await under.write('line-3-later');
      expect(await newIn({ kind: 'lsn', lsn })).toEqual(['line-1', 'line-2', 'line-3']);
    });
  });
}

const SEGMENT_BYTES = 16 * 1_048_576;
const PAGE_BYTES = 8_192;
/** So much of it is left that a commit begins in it and does not end in it. */
const LEFT_BYTES = 16;

/** Answers when the commit was whose record begins at the end of one segment and ends in the next. */
async function commitAcrossSegments(): Promise<Date> {
  const { database } = under.on;
  const left = async (): Promise<number> =>
    (
      await ask<{ left: number }>(
        database,
        `SELECT (${SEGMENT_BYTES} - (pg_current_wal_insert_lsn() - '0/0') % ${SEGMENT_BYTES})::int AS left`,
      )
    ).left;
  const fill = (bytes: number) =>
    ask(database, `SELECT pg_logical_emit_message(false, 'fill', repeat('x', ${bytes}))`);
  for (let rest = await left(); rest > PAGE_BYTES - 1_000 || rest < 2_000; rest = await left()) {
    // Pages have headers of 24 bytes.
    await fill(rest < 2_000 ? 4_000 : Math.max(rest - Math.ceil(rest / PAGE_BYTES) * 24 - 5_000, 500));
  }
  const before = await left();
  await fill(304);
  const overhead = before - (await left()) - 304;
  await fill((await left()) - LEFT_BYTES - overhead);
  expect(await left()).toBe(LEFT_BYTES);
  // Nothing but an id: that transaction does not wait until its commit is on disk.
  const { at } = await ask<{ at: Date }>(database, 'SELECT pg_current_xact_id(), clock_timestamp() AS at');
  expect(await left()).toBeGreaterThan(LEFT_BYTES);
  return at;
}
