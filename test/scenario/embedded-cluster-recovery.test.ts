/** Recovery on an embedded cluster when things go wrong: damage, dead archives, killed processes. */
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedRecovery } from '../../lambda/adapters/embedded/recovery';
import { readBaseBackup, saveBaseBackup } from '../../lambda/adapters/embedded/recovery-records';
import { type Database, withSession } from '../../lambda/ports/database';
import { readyInstance, readyRestorePoint } from '../contract/recovery.contract';
import { isWhole } from '../support/bounded';
import { processesUnder } from '../support/cluster';
import { type RecoveryOnCluster, recoveryOnCluster } from '../support/cluster-marks';
import { runChild } from '../support/cluster-processes';

const OPTIONS = { applicationName: 'godwit-test', statementTimeoutMs: 30_000 } as const;

let under: RecoveryOnCluster;
beforeAll(async () => {
  under = await recoveryOnCluster({ limits: { archiveMs: 10_000 } });
}, 60_000);
afterAll(() => under?.dispose());
afterEach(async () => {
  for (const name of await under.recovery.listInstances()) await under.recovery.discardInstance(name);
});

const ask = async <Row>(database: Database, sql: string): Promise<Row> =>
  withSession(database, OPTIONS, async (session) => (await session.query<Row>(sql)).rows[0] as Row);
const home = async () => (await under.on.cluster.kit()).home;
const archive = async (): Promise<string> => join((await home()).archives, '1');
const clone = (name: string): Promise<Database> =>
  readyInstance(under, `${name}-clone`, { kind: 'restore-point', name });
const failure = async (name: string): Promise<string> => {
  for (;;) {
    const state = await under.recovery.inspectInstance(name);
    if (state.state === 'failed') return state.reason;
    if (state.state !== 'creating') throw new Error(`${name} is ${state.state}`);
    await under.pause();
  }
};

describe('a base backup that is taken while the database is written to', () => {
  const CHECKSUM = `SELECT count(*)::int AS rows, md5(string_agg(l::text, ',' ORDER BY id)) AS checksum FROM ledger l`;

  it('leads back to exactly the state of the restore point, though tables vanish and shrink meanwhile', async () => {
    const { database } = under.on;
    await withSession(database, OPTIONS, async (session) => {
      await session.query(
        'CREATE TABLE ledger (id bigserial PRIMARY KEY, amount numeric(36, 18), note text)',
      );
      await session.query(
        `INSERT INTO ledger (amount, note) SELECT random() * 1e9, repeat(md5(i::text), 3) FROM generate_series(1, 60000) i`,
      );
    });
    let stopped = false;
    const writing = keepWriting(database, () => stopped);
    const restorePoint = readyRestorePoint(under, 'exact');
    await restorePoint;
    stopped = true;
    await writing;
    await readyRestorePoint(under, 'settled');
    const before = await ask(database, CHECKSUM);
    await withSession(database, OPTIONS, async (session) => {
      await session.query('UPDATE ledger SET amount = 0');
      await session.query('DROP TABLE ledger');
    });
    const restored = await clone('settled');
    expect(await ask(restored, CHECKSUM)).toEqual(before);
    expect(await ask(restored, `SELECT count(*)::int AS bad FROM ledger WHERE amount IS NULL`)).toEqual({
      bad: 0,
    });
    expect(await ask(await clone('exact'), 'SELECT count(*) > 60000 AS more FROM ledger')).toEqual({
      more: true,
    });
    expect(await ask(database, `SELECT to_regclass('ledger') AS gone`)).toEqual({ gone: null });
  });
});

describe('a clone', () => {
  it('archives nothing, least of all into the archive that it was made from', async () => {
    await readyRestorePoint(under, 'quiet');
    const copy = await clone('quiet');
    const before = await readdir(await archive());
    expect(await ask(copy, 'SHOW archive_mode')).toEqual({ archive_mode: 'off' });
    await ask(copy, 'SELECT pg_switch_wal()');
    await ask(copy, 'CHECKPOINT');
    expect(await readdir(await archive())).toEqual(before);
  });

  it('that lost its server is reported as failed, and is made anew when begun again', async () => {
    await readyRestorePoint(under, 'killed');
    const copy = await clone('killed');
    const { pid } = await ask<{ pid: number }>(
      copy,
      `SELECT (pg_stat_file('postmaster.pid') IS NOT NULL)::text, split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid`,
    );
    process.kill(pid, 'SIGKILL');
    await under.pause();
    expect(await failure('killed-clone')).toContain('has stopped');
    expect(await ask(await clone('killed'), 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  it('is not given out under a name that stands for another target', async () => {
    await readyRestorePoint(under, 'first-target');
    await readyRestorePoint(under, 'second-target');
    await clone('first-target');
    await expect(
      under.recovery.beginInstance('first-target-clone', { kind: 'restore-point', name: 'second-target' }),
    ).rejects.toMatchObject({ name: 'RecoveryRefused', message: expect.stringContaining('first-target') });
  });
});

describe('a moment since which nothing was committed', () => {
  it('can be returned to all the same', async () => {
    await readyRestorePoint(under, 'still');
    await under.write('before-still');
    const { at } = await ask<{ at: Date }>(under.on.database, 'SELECT clock_timestamp() AS at');
    // Dates end at milliseconds: the next one surely lies after the commit.
    const moment = new Date(at.getTime() + 1).toISOString();
    await under.pause();
    const copy = await readyInstance(under, 'still-clone', { kind: 'time', at: moment });
    expect(await under.marksIn(copy)).toContain('before-still');
  });
});

describe('a moment that cannot be returned to', () => {
  it('is refused when it lies in the future', async () => {
    await readyRestorePoint(under, 'now');
    const at = new Date(Date.now() + 3_600_000).toISOString();
    await under.recovery.beginInstance('future', { kind: 'time', at });
    expect(await failure('future')).toContain('future');
    await under.recovery.discardInstance('future');
  });

  it('is refused with the earliest one when it lies before the first base backup', async () => {
    await readyRestorePoint(under, 'first');
    await under.recovery.beginInstance('past', { kind: 'time', at: '2020-01-01T00:00:00Z' });
    expect(await failure('past')).toMatch(/earliest moment .* \d{4}-/);
    await under.recovery.discardInstance('past');
  });
});

describe('an archive that takes nothing', () => {
  const withoutArchive = async (work: (folder: string) => Promise<void>): Promise<void> => {
    const folder = await archive();
    await rename(folder, `${folder}-away`);
    try {
      await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
      await rename(`${folder}-away`, folder);
    }
  };

  if (isWhole) {
    it('is reported with its path, fails restore points in time, and is found well once it is repaired', async () => {
      await withoutArchive(async (folder) => {
        const began = Date.now();
        const health = await under.recovery.archiving();
        expect(Date.now() - began).toBeLessThan(7_000);
        expect(health).toMatchObject({ healthy: false, evidence: expect.stringContaining(folder) });
        await expect(readyRestorePoint(under, 'nowhere')).rejects.toThrow(folder);
      });
      expect(await under.recovery.archiving()).toMatchObject({ healthy: true });
      expect(await readyRestorePoint(under, 'nowhere')).toMatchObject({ name: 'nowhere' });
    }, 40_000);

    it('is reported with the reason of the server when it may not write there', async () => {
      await withoutArchive(async (folder) => {
        // A file in the folder's place: nobody can write into it, not even root.
        await writeFile(folder, '');
        const { healthy, evidence } = await under.recovery.archiving();
        expect(healthy).toBe(false);
        expect(evidence).toMatch(/archiving [0-9A-F]{24} failed.*server says/s);
      });
      expect(await under.recovery.archiving()).toMatchObject({ healthy: true });
    }, 40_000);

    if (isWhole) {
      it('that lost a segment makes the next restore point begin with a base backup of its own', async () => {
        await under.write('before-loss');
        await readyRestorePoint(under, 'before-loss');
        const backups = await readdir((await home()).baseBackups);
        const segments = (await readdir(await archive()))
          .filter((file) => /^[0-9A-F]{24}$/.test(file))
          .sort();
        await rm(join(await archive(), segments.at(-1) ?? ''));
        await readyRestorePoint(under, 'after-loss');
        expect(await readdir((await home()).baseBackups)).toHaveLength(backups.length + 1);
        expect(await under.marksIn(await clone('after-loss'))).toContain('before-loss');
      });
    }
  }
});

describe('a process that dies', () => {
  it('in the middle of a base backup leaves nothing that counts, and the restore point can be begun anew', async () => {
    const { baseBackups } = await home();
    await rm(baseBackups, { recursive: true, force: true });
    const { signal, stderr } = await runChild('die-in-restore-point', under.on.dataDir, 'half-made');
    expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
    expect(await readdir(baseBackups)).toHaveLength(1);
    expect(await under.recovery.inspectRestorePoint('half-made')).toEqual({ state: 'absent' });
    expect((await under.recovery.listRestorePoints()).map(({ name }) => name)).not.toContain('half-made');
    await under.write('after-half-made');
    await readyRestorePoint(under, 'half-made');
    expect(await readdir(baseBackups)).toHaveLength(1);
    expect(await under.marksIn(await clone('half-made'))).toContain('after-half-made');
  });

  it('leaves instances behind that the next one stops and deletes', async () => {
    await readyRestorePoint(under, 'orphan');
    const { stdout, signal } = await runChild('die-with-instance', under.on.dataDir, 'orphan');
    expect({ answer: JSON.parse(stdout), signal }).toEqual({ answer: { state: 'ready' }, signal: 'SIGKILL' });
    const { instances } = await home();
    expect(processesUnder(join(instances, 'orphan-clone'))).not.toEqual([]);
    expect(await under.recovery.listInstances()).not.toContain('orphan-clone');
    const next = new EmbeddedRecovery(under.on.cluster);
    expect(await next.inspectInstance('orphan-clone')).toEqual({ state: 'absent' });
    expect(processesUnder(join(instances, 'orphan-clone'))).toEqual([]);
    expect(await readdir(instances)).not.toContain('orphan-clone');
    await next.close();
  });
});

describe('recovery that is closed', () => {
  it('stops what it began and leaves neither processes nor files', async () => {
    const recovery = new EmbeddedRecovery(under.on.cluster);
    const own = { ...under, recovery };
    await readyRestorePoint(own, 'closed');
    await readyInstance(own, 'closed-ready', { kind: 'restore-point', name: 'closed' });
    await recovery.beginInstance('closed-creating', { kind: 'restore-point', name: 'closed' });
    await recovery.close();
    const { instances } = await home();
    expect(processesUnder(instances)).toEqual([]);
    expect(await readdir(instances)).toEqual([]);
  });
});

describe('restore points that are too many', () => {
  it('are forgotten, the oldest first, and those that are kept can be returned to', async () => {
    const recovery = new EmbeddedRecovery(under.on.cluster, { keepRestorePoints: 2 });
    const own = { ...under, recovery };
    for (const name of ['many-1', 'many-2', 'many-3']) {
      await under.write(name);
      await readyRestorePoint(own, name);
    }
    expect((await recovery.listRestorePoints()).map(({ name }) => name)).toEqual(['many-3', 'many-2']);
    const database = await readyInstance(own, 'many-clone', { kind: 'restore-point', name: 'many-2' });
    const marks = await under.marksIn(database);
    expect(marks).toContain('many-2');
    expect(marks).not.toContain('many-3');
    await recovery.close();
  });
});

describe('a restore that has just begun', () => {
  it('keeps what it needs, although newer restore points take the place of its own meanwhile', async () => {
    const recovery = new EmbeddedRecovery(under.on.cluster, { keepRestorePoints: 1 });
    const own = { ...under, recovery };
    await under.write('in-use');
    await readyRestorePoint(own, 'in-use');
    const { baseBackups } = await home();
    const [id = ''] = await readdir(baseBackups);
    const backup = await readBaseBackup(await home(), id);
    if (backup === undefined) throw new Error('there is no base backup');
    // The next restore point begins with a base backup of its own then, and nothing else needs this one.
    await saveBaseBackup(await home(), { ...backup, leadsNowhere: 'for this test' });
    await recovery.beginInstance('in-use-clone', { kind: 'restore-point', name: 'in-use' });
    await readyRestorePoint(own, 'newer');
    expect((await recovery.listRestorePoints()).map(({ name }) => name)).toEqual(['newer']);
    const copy = await readyInstance(own, 'in-use-clone', { kind: 'restore-point', name: 'in-use' });
    expect(await under.marksIn(copy)).toContain('in-use');
    await recovery.discardInstance('in-use-clone');
    await readyRestorePoint(own, 'newest');
    expect(await readdir(baseBackups)).not.toContain(id);
    await recovery.close();
  });
});

/** Grows, shrinks, makes and drops tables, as a busy application and its maintenance do. */
async function keepWriting(database: Database, stopped: () => boolean): Promise<void> {
  await withSession(database, OPTIONS, async (session) => {
    for (let round = 0; !stopped(); round += 1) {
      await session.query(`INSERT INTO ledger (amount, note) SELECT 1, 'new' FROM generate_series(1, 500)`);
      await session.query(`UPDATE ledger SET amount = amount + 1 WHERE id % 97 = ${round % 97}`);
      await session.query(`CREATE TABLE scratch AS SELECT repeat('x', 1000) FROM generate_series(1, 3000)`);
      await session.query('TRUNCATE scratch');
      await session.query('DROP TABLE scratch');
    }
  });
}
