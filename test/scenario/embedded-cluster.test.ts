/** An embedded cluster through its life: started, killed, shared by processes, deleted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { saveFacts } from '../../lambda/adapters/embedded/cluster-files';
import { freePort } from '../../lambda/adapters/embedded/ports';
import { withSession } from '../../lambda/ports/database';
import {
  disposeCluster,
  processesUnder,
  projectRoot,
  temporaryDataDir,
  useCluster,
} from '../support/cluster';
import { addMark, marksIn, prepareMarks } from '../support/cluster-marks';
import { runChild } from '../support/cluster-processes';

const on = useCluster();
const OPTIONS = { applicationName: 'godwit-test' } as const;

const runningPid = async (): Promise<number> => {
  const status = await on.cluster.status();
  if (status.state !== 'running') throw new Error(`the cluster is ${status.state}`);
  return status.pid;
};
const pgData = async (): Promise<string> => (await on.cluster.kit()).home.pgData;

beforeAll(() => prepareMarks(on.database));
afterEach(() => on.cluster.ensureStarted());

describe('a cluster that is started', () => {
  it('serves the application at the URL that it announces, and to those with the password only', async () => {
    const settings = [
      'listen_addresses',
      'unix_socket_directories',
      'wal_level',
      'data_checksums',
      'server_encoding',
    ];
    const { rows } = await withSession(on.database, OPTIONS, (session) =>
      session.query(`SELECT ${settings.map((name) => `current_setting('${name}') AS ${name}`).join(', ')}`),
    );
    expect(rows).toEqual([
      {
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        wal_level: 'logical',
        data_checksums: 'on',
        server_encoding: 'UTF8',
      },
    ]);
    expect(new URL(on.url).password).toMatch(/^\S{20,}$/);
    expect((await stat(join(on.dataDir, 'cluster.json'))).mode & 0o777).toBe(0o600);
    expect((await readdir(on.dataDir)).filter((file) => /password|lock|new/.test(file))).toEqual([]);
  });

  it('is found running by whoever starts it next', async () => {
    const again = await EmbeddedCluster.at(on.dataDir, { projectRoot, fsync: false }).ensureStarted();
    expect(again).toMatchObject({ url: on.url, startedByUs: false });
  });

  it('comes back at the same URL with its data after it was stopped', async () => {
    await addMark(on.database, 'before-stop');
    expect(await on.cluster.stop()).toBe('stopped');
    expect(await on.cluster.status()).toMatchObject({ state: 'stopped' });
    expect(await on.cluster.stop()).toBe('not-running');
    expect(await on.cluster.ensureStarted()).toMatchObject({ url: on.url, startedByUs: true });
    expect(await marksIn(on.database)).toContain('before-stop');
  });

  it('comes back with all that was committed after its postmaster was killed', async () => {
    const open = await on.database.connect(OPTIONS);
    await open.query(`BEGIN`);
    await open.query(`INSERT INTO marks VALUES ('never-committed')`);
    await addMark(on.database, 'before-kill');
    // Busy, a backend does not notice for a while that its postmaster is gone, and keeps the data directory in use.
    const busy = open
      .query(
        `DO $$ BEGIN WHILE clock_timestamp() < statement_timestamp() + interval '1 s' LOOP END LOOP; END $$`,
      )
      .catch((error: Error) => error.name);
    await untilBusy(open.backendPid);
    process.kill(await runningPid(), 'SIGKILL');
    expect(await on.cluster.ensureStarted()).toMatchObject({ url: on.url, startedByUs: true });
    expect(await marksIn(on.database)).toContain('before-kill');
    expect(await marksIn(on.database)).not.toContain('never-committed');
    await busy;
    await open.close();
  });

  it('starts although its old process id belongs to another program by now', async () => {
    const { user } = await on.cluster.kit();
    process.kill(await runningPid(), 'SIGKILL');
    const other = await started(spawn('sleep', ['60'], { cwd: '/', stdio: 'ignore', ...user }));
    const pidFile = join(await pgData(), 'postmaster.pid');
    const lines = (await readFile(pidFile, 'utf8')).split('\n');
    await writeFile(pidFile, [String(other.pid), ...lines.slice(1)].join('\n'));
    try {
      expect(await on.cluster.status()).toMatchObject({ state: 'stopped' });
      expect(await on.cluster.ensureStarted()).toMatchObject({ url: on.url, startedByUs: true });
      expect(other.exitCode).toBeNull();
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('is started once when two processes start it at the same time', async () => {
    await on.cluster.stop();
    const outcomes = await Promise.all([runChild('start', on.dataDir), runChild('start', on.dataDir)]);
    expect(outcomes.map(({ stderr }) => stderr)).toEqual(['', '']);
    const answers = outcomes.map(({ stdout }) => JSON.parse(stdout) as { url: string; startedByUs: boolean });
    expect(answers.map(({ url }) => url)).toEqual([on.url, on.url]);
    expect(answers.map(({ startedByUs }) => startedByUs).sort()).toEqual([false, true]);
  });
});

describe('a port that another program holds', () => {
  let holder: Server;
  const hold = (port: number): Promise<void> =>
    new Promise((resolve) => {
      holder = createServer((socket) => socket.resume()).listen(port, '127.0.0.1', () => resolve());
    });
  afterEach(() => new Promise((resolve) => holder.close(resolve)));

  it('is named when it was asked for', async () => {
    const port = await freePort();
    await hold(port);
    await on.cluster.stop();
    const picky = EmbeddedCluster.at(on.dataDir, { projectRoot, fsync: false, port });
    await expect(picky.ensureStarted()).rejects.toMatchObject({
      name: 'PortInUse',
      port,
      message: expect.stringContaining(String(port)),
    });
  });

  it('is left for another one when it was not asked for, which is told and kept', async () => {
    const { port } = on.database.address;
    await on.cluster.stop();
    await hold(port);
    const told: string[] = [];
    const cluster = EmbeddedCluster.at(on.dataDir, {
      projectRoot,
      fsync: false,
      log: (line) => told.push(line),
    });
    const moved = await cluster.ensureStarted();
    expect(moved.database.address.port).not.toBe(port);
    expect(told).toEqual([expect.stringContaining(`Port ${port}`)]);
    await cluster.stop();
    expect((await cluster.ensureStarted()).url).toBe(moved.url);
    await cluster.stop();
    await new Promise((resolve) => holder.close(resolve));
    expect(
      (await EmbeddedCluster.at(on.dataDir, { projectRoot, fsync: false, port }).ensureStarted()).url,
    ).toBe(on.url);
  });
});

describe('a cluster that cannot start', () => {
  const broken = async (breakIt: () => Promise<() => Promise<void>>): Promise<unknown> => {
    await on.cluster.stop();
    const repair = await breakIt();
    try {
      return await on.cluster.ensureStarted().catch((error: unknown) => error);
    } finally {
      await repair();
    }
  };
  const changed = async (file: string, content: string): Promise<() => Promise<void>> => {
    const path = join(await pgData(), file);
    const before = await readFile(path, 'utf8');
    await writeFile(path, content);
    return () => writeFile(path, before);
  };

  it('shows the last lines of the log', async () => {
    expect(await broken(() => changed('postgresql.auto.conf', `shared_buffers = 'a lot'\n`))).toMatchObject({
      name: 'ServerFailed',
      message: expect.stringMatching(/a lot/),
      logFile: expect.stringContaining('postgres.log'),
    });
  });

  it('names both versions when another major version made it', async () => {
    expect(await broken(() => changed('PG_VERSION', '16\n'))).toMatchObject({
      name: 'ClusterVersionMismatch',
      found: '16',
      expected: '18',
    });
  });

  it('is not replaced by an empty one when its files are gone', async () => {
    const folder = await pgData();
    const error = await broken(async () => {
      await rename(folder, `${folder}-away`);
      return () => rename(`${folder}-away`, folder);
    });
    expect(error).toMatchObject({ name: 'ClusterDamaged', message: expect.stringContaining(folder) });
  });
});

describe('a data directory', () => {
  it('is not touched where a cluster lies that somebody else made', async () => {
    const dataDir = await temporaryDataDir();
    const theirs = join(dataDir, 'cluster', 'precious');
    await mkdir(dirname(theirs), { recursive: true });
    await writeFile(theirs, 'data');
    const cluster = EmbeddedCluster.at(dataDir, { projectRoot, fsync: false });
    await expect(cluster.ensureStarted()).rejects.toMatchObject({ name: 'FolderNotOurs' });
    await expect(cluster.reset()).rejects.toMatchObject({ name: 'FolderNotOurs' });
    expect(await readFile(theirs, 'utf8')).toBe('data');
    await rm(dirname(dataDir), { recursive: true });
  });

  it('never leads to the deletion of a folder without our marker', async () => {
    const dataDir = await temporaryDataDir();
    const theirs = join(dirname(dataDir), 'theirs');
    await mkdir(join(theirs, 'archive'), { recursive: true });
    await mkdir(dataDir);
    await writeFile(join(theirs, 'archive', 'precious'), 'data');
    await saveFacts(dataDir, { ...(await on.cluster.facts()), home: theirs });
    const cluster = EmbeddedCluster.at(dataDir, { projectRoot, fsync: false });
    await expect(cluster.reset()).rejects.toMatchObject({ name: 'FolderNotOurs', folder: theirs });
    expect(await readFile(join(theirs, 'archive', 'precious'), 'utf8')).toBe('data');
    await rm(dirname(dataDir), { recursive: true });
  });

  it('is not made by asking about it', async () => {
    const dataDir = await temporaryDataDir();
    const cluster = EmbeddedCluster.at(dataDir, { projectRoot });
    expect(await cluster.status()).toEqual({ state: 'absent' });
    expect(await cluster.stop()).toBe('not-running');
    await cluster.reset();
    expect(await readdir(dirname(dataDir))).toEqual([]);
    await rm(dirname(dataDir), { recursive: true });
  });

  it('keeps what others put there when the cluster is deleted, and nothing of the cluster', async () => {
    const dataDir = await temporaryDataDir();
    const cluster = EmbeddedCluster.at(dataDir, { projectRoot, fsync: false });
    await cluster.ensureStarted();
    await mkdir(join(dataDir, 'runs'));
    await writeFile(join(dataDir, 'runs', 'journal.json'), '{}');
    await cluster.reset();
    expect(await readdir(dataDir)).toEqual(['runs']);
    expect(processesUnder(dataDir)).toEqual([]);
    await disposeCluster(cluster);
  });
});

async function untilBusy(pid: number): Promise<void> {
  await withSession(on.database, OPTIONS, async (session) => {
    const sql = `SELECT FROM pg_stat_activity WHERE pid = ${pid} AND state = 'active' AND query LIKE 'DO%'`;
    while ((await session.query(sql)).rowCount === 0);
  });
}

const started = (child: ChildProcess): Promise<ChildProcess> =>
  new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child));
    child.once('error', reject);
  });
