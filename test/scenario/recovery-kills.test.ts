/** Processes die while an instance is being recovered: it is said of what, and nothing of the instance is left. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Home, homeAt } from '../../lambda/adapters/embedded/cluster-files';
import { pidExists } from '../../lambda/adapters/embedded/processes';
import { EmbeddedRecovery } from '../../lambda/adapters/embedded/recovery';
import { readyInstance, readyRestorePoint } from '../contract/recovery.contract';
import { bounded } from '../support/bounded';
import { processesUnder } from '../support/cluster';
import { ask, type RecoveryOnCluster, recoveryOnCluster } from '../support/cluster-marks';
import { runChild } from '../support/cluster-processes';

let under: RecoveryOnCluster;
let home: Home;
const target = { kind: 'restore-point', name: 'point' } as const;

beforeAll(async () => {
  under = await recoveryOnCluster();
  home = homeAt((await under.on.cluster.facts()).home);
  await under.write('kept');
  await readyRestorePoint(under, 'begin');
  // Something to replay: whoever is to be killed in recovery must still be in it.
  await ask(
    under.on.database,
    `CREATE TABLE replayed AS SELECT i, repeat('x', 500) AS note FROM generate_series(1, 60000) i`,
  );
  await readyRestorePoint(under, 'point');
}, 60_000);
afterAll(() => under?.dispose());

/** Looks as often as it can. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise(setImmediate);
  }
}

const postmasterOf = async (instance: string): Promise<number | undefined> => {
  const text = await readFile(join(home.instances, instance, 'data', 'postmaster.pid'), 'utf8').catch(
    () => '',
  );
  return Number(text.split('\n')[0]) || undefined;
};
const startupProcessOf = async (instance: string): Promise<number | undefined> => {
  const postmaster = await postmasterOf(instance);
  if (postmaster === undefined) return undefined;
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').catch(() => '');
  for (const child of children.trim().split(' ').filter(Boolean)) {
    const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('startup recovering')) return Number(child);
  }
  return undefined;
};

let stopped: number | undefined;
/** A process that stands still does not notice that its postmaster is gone. */
const postmasterOfStopped = async (instance: string): Promise<number | undefined> => {
  const startup = await startupProcessOf(instance);
  if (startup === undefined) return undefined;
  process.kill(startup, 'SIGSTOP');
  stopped = startup;
  return postmasterOf(instance);
};

const VICTIMS = [
  ['the postmaster of one that does not notice', postmasterOfStopped, /it was ended by SIGKILL/],
  ['the process that replays WAL', startupProcessOf, /startup process .* was terminated by signal 9/],
  ['the postmaster', postmasterOf, /it was ended by SIGKILL/],
] as const;
it.each(bounded(VICTIMS, 2))('fails when %s is killed in the middle of it', async (_, find, why) => {
  await under.recovery.beginInstance('killed', target);
  const pid = await until(() => find('killed'));
  process.kill(pid, 'SIGKILL');
  const state = await until(async () => {
    const now = await under.recovery.inspectInstance('killed');
    return now.state === 'creating' ? undefined : now;
  });
  expect(state).toEqual({ state: 'failed', reason: expect.stringMatching(why) });
  expect(state).toMatchObject({ reason: expect.stringContaining('recovered to point') });
  expect(processesUnder(home.instances)).toEqual([]);
  expect(stopped !== undefined && pidExists(stopped)).toBe(false);
  expect(await readdir(home.instances)).toEqual([]);
  expect(await under.recovery.listInstances()).toEqual([]);
  expect(await under.on.cluster.ensureStarted()).toMatchObject({ url: under.on.url, startedByUs: false });
});

it('is begun again afterwards, and opened with the name and the password of the URL of the application', async () => {
  const instance = await readyInstance(under, 'killed', target);
  const [own, application] = [new URL(await instance.connectionString()), new URL(under.on.url)];
  expect([own.username, own.password, own.pathname]).toEqual([
    application.username,
    application.password,
    application.pathname,
  ]);
  expect(own.port).not.toBe(application.port);
  expect(await under.marksIn(instance)).toEqual(['kept']);
  await under.recovery.discardInstance('killed');
});

it('leaves nothing when it is discarded in the middle of it', async () => {
  await under.recovery.beginInstance('discarded', target);
  await until(() => postmasterOf('discarded'));
  await under.recovery.discardInstance('discarded');
  expect(processesUnder(home.instances)).toEqual([]);
  expect(await readdir(home.instances)).toEqual([]);
});

const ENDS = [
  ['is killed', 'die-in-instance', { code: null, signal: 'SIGKILL' }],
  ['ends', 'exit-in-instance', { code: 1, signal: null }],
] as const;
it.each(bounded(ENDS, 1))(
  'leaves nothing that the next process does not clear away when its own %s',
  async (_, command, end) => {
    const { code, signal, stderr } = await runChild(command, under.on.dataDir, 'point');
    expect({ code, signal, stderr }).toEqual({ ...end, stderr: '' });
    if (end.signal === null) {
      // Its last act; the server is gone without anybody's help.
      while (processesUnder(home.instances).length > 0) await under.pause();
    } else {
      expect(processesUnder(home.instances)).not.toEqual([]);
    }
    const next = new EmbeddedRecovery(under.on.cluster);
    expect(await next.inspectInstance('point-clone')).toEqual({ state: 'absent' });
    expect(processesUnder(home.instances)).toEqual([]);
    expect(await readdir(home.instances)).toEqual([]);
    await next.close();
  },
);
