/** Restored clusters that take over: over and over again, and although processes die in the middle of it. */
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import {
  currentLineage,
  cutOverFile,
  type Home,
  homeAt,
  saveFacts,
} from '../../lambda/adapters/embedded/cluster-files';
import { readPlan, withNewLineage } from '../../lambda/adapters/embedded/cut-over-swap';
import { EmbeddedEndpoint } from '../../lambda/adapters/embedded/endpoint';
import { withFileLock } from '../../lambda/adapters/embedded/file-lock';
import { EmbeddedRecovery } from '../../lambda/adapters/embedded/recovery';
import {
  makingLock,
  readInstance,
  readPoint,
  saveInstance,
} from '../../lambda/adapters/embedded/recovery-records';
import { findRunning, stopServer } from '../../lambda/adapters/embedded/server';
import { withSession } from '../../lambda/ports/database';
import { readyInstance, readyRestorePoint } from '../contract/recovery.contract';
import { bounded } from '../support/bounded';
import { processesUnder, projectRoot } from '../support/cluster';
import { type RecoveryOnCluster, recoveryOnCluster } from '../support/cluster-marks';

const OPTIONS = { applicationName: 'godwit-test' } as const;

let under: RecoveryOnCluster;
let endpoint: EmbeddedEndpoint;
let home: Home;

beforeAll(async () => {
  under = await recoveryOnCluster();
  endpoint = new EmbeddedEndpoint(under.on.cluster);
  home = (await under.on.cluster.kit()).home;
}, 60_000);
afterAll(() => under?.dispose());

const restored = async (name: string, point: string): Promise<string> => {
  await readyInstance(under, name, { kind: 'restore-point', name: point });
  return name;
};
const served = (): Promise<readonly string[]> => under.marksIn('serving');
const timeline = async (): Promise<number> => {
  const { rows } = await withSession(under.on.database, OPTIONS, (session) =>
    session.query<{ timeline: number }>(
      `SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS timeline`,
    ),
  );
  return rows[0]?.timeline ?? 0;
};

it('returns again and again, also to what lies before an earlier return', async () => {
  await under.write('one');
  await readyRestorePoint(under, 'after-one');
  await under.write('lost-1');
  expect(await endpoint.cutOver(await restored('back-1', 'after-one'), 'before-back-1')).toBe('passed');
  expect(await served()).toEqual(['one']);
  const second = await timeline();

  await under.write('two');
  await readyRestorePoint(under, 'after-two');
  await under.write('lost-2');
  expect(await endpoint.cutOver(await restored('back-2', 'after-two'), 'before-back-2')).toBe('passed');
  expect(await served()).toEqual(['one', 'two']);
  expect(await timeline()).toBeGreaterThan(second);

  await under.write('three');
  await readyRestorePoint(under, 'after-three');
  expect(
    await under.marksIn(await readyInstance(under, 'three', { kind: 'restore-point', name: 'after-three' })),
  ).toEqual(['one', 'three', 'two']);
  await under.recovery.discardInstance('three');

  // Both branched off where their timelines were numbered alike.
  expect(await endpoint.cutOver(await restored('back-3', 'after-one'), 'before-back-3')).toBe('passed');
  expect(await served()).toEqual(['one']);
  expect(await under.recovery.archiving()).toMatchObject({ healthy: true });
  await under.write('four');
  await readyRestorePoint(under, 'after-four');
  await under.write('after-after-four');
  const four = await readyInstance(under, 'four', { kind: 'restore-point', name: 'after-four' });
  expect(await under.marksIn(four)).toEqual(['four', 'one']);
  await under.recovery.discardInstance('four');
  expect(await endpoint.cutOver(await restored('back-4', 'after-two'), 'before-back-4')).toBe('passed');
  expect(await served()).toEqual(['one', 'two']);
});

it('keeps the URL, the password and the data of what it replaced', async () => {
  await under.write('kept');
  await readyRestorePoint(under, 'kept');
  await under.write('only-in-the-old');
  await endpoint.cutOver(await restored('replacement', 'kept'), 'the-old');
  expect((await under.on.cluster.ensureStarted()).url).toBe(under.on.url);
  expect(await readdir(home.kept)).toContain('the-old');
  expect(processesUnder(join(home.kept, 'the-old'))).toEqual([]);
  expect(await readdir(home.instances)).not.toContain('replacement');

  // Looked at as for forensics: in a copy, as a cluster of its own.
  const folder = join(under.on.dataDir, '..', 'forensics');
  const facts = await under.on.cluster.facts();
  await mkdir(folder, { mode: 0o755 });
  await cp(join(home.kept, 'the-old'), homeAt(folder).pgData, { recursive: true, preserveTimestamps: true });
  await ownLike(under.on.cluster, homeAt(folder).pgData);
  await writeFile(homeAt(folder).marker, facts.id);
  await saveFacts(folder, { ...facts, home: folder });
  const old = EmbeddedCluster.at(folder, { projectRoot, fsync: false });
  const { database } = await old.ensureStarted();
  expect(await under.marksIn(database)).toContain('only-in-the-old');
  expect(await served()).not.toContain('only-in-the-old');
  await old.reset();
});

it('refuses to keep two clusters under one name, and serves on', async () => {
  await readyRestorePoint(under, 'unnamed');
  await restored('unnamed', 'unnamed');
  await expect(endpoint.cutOver('unnamed', 'the-old')).rejects.toMatchObject({ name: 'RecoveryRefused' });
  expect(await endpoint.inspect()).toEqual({ state: 'serving' });
  expect(await served()).toContain('kept');
  await under.recovery.discardInstance('unnamed');
});

describe('a restore point beside a cut-over', () => {
  const serving = async (): Promise<number> => currentLineage(await under.on.cluster.facts()).number;
  const concluded = async (name: string): Promise<unknown> => {
    for (;;) {
      const { state, ...more } = await under.recovery.inspectRestorePoint(name);
      if (state !== 'creating') return { state, ...more };
      await under.pause();
    }
  };

  it('that is being finished does not take the archive of the new history for one that nobody needs', async () => {
    await readyRestorePoint(under, 'beside');
    await restored('beside', 'beside');
    const lineage = (await serving()) + 1;
    await under.on.cluster.locked(async () => {
      await under.recovery.beginRestorePoint('finishing');
      // All that is left of it is to clear away, for which it waits.
      while ((await readPoint(home, 'finishing')) === undefined) await under.pause();
      const plan = { instance: 'beside', keepAs: 'before-beside', lineage, at: new Date().toISOString() };
      await writeFile(cutOverFile(under.on.dataDir), JSON.stringify(plan));
      await under.on.cluster.startLocked();
    });
    expect(await concluded('finishing')).toMatchObject({ state: 'ready' });
    expect(await serving()).toBe(lineage);
    expect(await readdir(home.archives)).toContain(String(lineage));
    expect(await under.recovery.archiving()).toMatchObject({ healthy: true });
  });

  it('that waited for its turn meanwhile is one of the new history', async () => {
    await under.write('before-waiting');
    await readyRestorePoint(under, 'turn');
    await restored('turn', 'turn');
    await withFileLock(makingLock(home), { waitMs: 1_000 }, async () => {
      await under.recovery.beginRestorePoint('waiting');
      await endpoint.cutOver('turn', 'before-turn');
    });
    expect(await concluded('waiting')).toMatchObject({ state: 'ready' });
    expect(await readPoint(home, 'waiting')).toMatchObject({ lineage: await serving() });
    const clone = await readyInstance(under, 'waiting', { kind: 'restore-point', name: 'waiting' });
    expect(await under.marksIn(clone)).toContain('before-waiting');
    await under.recovery.discardInstance('waiting');
  });
});

it('goes on where a cut-over stopped the instance and got no further', async () => {
  await readyRestorePoint(under, 'stopped');
  await restored('stopped', 'stopped');
  await stopServer(join(home.instances, 'stopped', 'data'), home.log);
  expect(await endpoint.cutOver('stopped', 'before-stopped')).toBe('passed');
  expect(await readdir(home.kept)).toContain('before-stopped');
});

describe('a cut-over whose replacement is lost', () => {
  it('is not taken for one that is complete: the old data is not served, and the way back is named', async () => {
    await under.write('at-lost');
    await readyRestorePoint(under, 'lost');
    await endpoint.fence('going back');
    await restored('lost', 'lost');
    const before = await under.on.cluster.facts();
    const lineage = currentLineage(before).number + 1;
    const plan = { instance: 'lost', keepAs: 'before-lost', lineage, at: new Date().toISOString() };
    await stopServer(join(home.instances, 'lost', 'data'), home.log);
    await stopServer(home.pgData, home.log);
    await writeFile(cutOverFile(under.on.dataDir), JSON.stringify(plan));
    await rm(join(home.instances, 'lost'), { recursive: true });
    await expect(under.on.cluster.ensureStarted()).rejects.toMatchObject({
      name: 'ClusterDamaged',
      message: expect.stringMatching(/lost.*`godwit restore --to lost`/s),
    });
    expect(await under.on.cluster.facts()).toEqual(before);
    expect(await findRunning(home.pgData)).toBeUndefined();
  });

  it('is superseded by the next one', async () => {
    await restored('found', 'lost');
    expect(await endpoint.cutOver('found', 'before-found')).toBe('passed');
    expect(await served()).toContain('at-lost');
    expect(await endpoint.inspect()).toEqual({ state: 'serving' });
    expect(await under.recovery.archiving()).toMatchObject({ healthy: true });
  });

  it('cannot be discarded as long as it is planned', async () => {
    await readyRestorePoint(under, 'planned');
    await restored('planned', 'planned');
    const folder = join(home.instances, 'planned');
    let refused: Promise<void> | undefined;
    await under.on.cluster.locked(async () => {
      const discarding = under.recovery.discardInstance('planned');
      await under.pause();
      const plan = { instance: 'planned', keepAs: 'never', lineage: 99, at: new Date().toISOString() };
      await writeFile(cutOverFile(under.on.dataDir), JSON.stringify(plan));
      refused = expect(discarding).rejects.toMatchObject({ name: 'RecoveryRefused' });
    });
    await refused;
    expect(await readFile(join(folder, 'instance.json'), 'utf8')).toContain('planned');
    await rm(cutOverFile(under.on.dataDir));
    await under.recovery.discardInstance('planned');
  });
});

describe('a cut-over whose process dies', () => {
  /** What it had done when it died; the plan was written before all of it. */
  const POINTS: Readonly<Record<string, (instance: string) => Promise<void>>> = {
    'before anything was stopped': async () => undefined,
    'when the old cluster was stopped': async () => {
      await stopServer(home.pgData, home.log);
    },
    'when the old cluster was set aside': async (instance) => {
      await stopServer(join(home.instances, instance, 'data'), home.log);
      await stopServer(home.pgData, home.log);
      await rename(home.pgData, join(home.kept, `${instance}-old`));
    },
    'when the new one was put in its place': async (instance) => {
      await POINTS['when the old cluster was set aside']?.(instance);
      await rename(join(home.instances, instance, 'data'), home.pgData);
    },
    'when what it was made in was deleted': async (instance) => {
      await POINTS['when the new one was put in its place']?.(instance);
      await rm(join(home.instances, instance), { recursive: true });
    },
    'when the new history was written down': async (instance) => {
      await POINTS['when what it was made in was deleted']?.(instance);
      const facts = await under.on.cluster.facts();
      const plan = await readPlan(under.on.dataDir);
      if (plan === undefined) throw new Error('there is no plan');
      await saveFacts(under.on.dataDir, withNewLineage(facts, plan));
    },
  };

  it.each(bounded(Object.keys(POINTS).reverse(), 3).map((point, index) => ({ point, index })))(
    'is carried out $point, by whoever comes next',
    async ({ point, index }) => {
      const instance = `dying-${index}`;
      const keepAs = `${instance}-old`;
      await under.write(`at-${instance}`);
      await readyRestorePoint(under, instance);
      await under.write(`after-${instance}`);
      await endpoint.fence('going back');
      await restored(instance, instance);
      const { lineages } = await under.on.cluster.facts();
      const lineage = (lineages.at(-1)?.number ?? 0) + 1;
      const plan = { instance, keepAs, lineage, at: new Date().toISOString() };
      await writeFile(cutOverFile(under.on.dataDir), JSON.stringify(plan));
      await orphan(instance);
      await POINTS[point]?.(instance);

      expect(await endpoint.inspect()).toMatchObject({ state: 'cutting-over' });
      // Another process: its recovery sweeps, and must not sweep this away.
      const cluster = EmbeddedCluster.at(under.on.dataDir, { projectRoot, fsync: false });
      const recovery = new EmbeddedRecovery(cluster);
      await recovery.listInstances();
      // Half of them are finished by a start, half by the cut-over that is asked for again.
      if (index % 2 === 0) await cluster.ensureStarted();
      expect(await new EmbeddedEndpoint(cluster).cutOver(instance, keepAs)).toBe('passed');
      expect(await endpoint.inspect()).toEqual({ state: 'serving' });
      expect(await served()).toContain(`at-${instance}`);
      expect(await served()).not.toContain(`after-${instance}`);
      expect((await cluster.facts()).lineages.filter(({ number }) => number >= lineage)).toHaveLength(1);
      expect(await readdir(home.kept)).toContain(keepAs);
      await under.write(`on-${instance}`);
      expect(await recovery.archiving()).toMatchObject({ healthy: true });
      await recovery.close();
    },
  );
});

/** As if the process that made the instance were gone, which a sweep would clean up after. */
async function orphan(instance: string): Promise<void> {
  const record = await readInstance(home, instance);
  if (record === undefined) throw new Error(`there is no ${instance}`);
  await saveInstance(home, { ...record, owner: { pid: 2 ** 22 + 1, startedAt: '1' } });
}

async function ownLike(cluster: EmbeddedCluster, folder: string): Promise<void> {
  const { user } = await cluster.kit();
  if (user === undefined) return;
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  await promisify(execFile)('chown', ['-R', `${user.uid}:${user.gid}`, folder]);
}
