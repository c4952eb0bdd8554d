/** Gives a test file a running cluster of its own, fresh databases in it, and proof that nothing of it survives. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { type Database, withSession } from '../../lambda/ports/database';
import { makeRoomyFolder } from './roomy-folder';

export const projectRoot = join(__dirname, '..', '..');

export interface TestCluster {
  readonly cluster: EmbeddedCluster;
  /** The application's database. */
  readonly database: Database;
  readonly url: string;
  readonly dataDir: string;
  /** A database of its own for a test, copied from the template. */
  freshDatabase(): Promise<Database>;
}

export interface TestClusterOptions {
  /** Fills the template from which fresh databases are made; it must leave no session open. */
  readonly template?: (database: Database) => Promise<void>;
  /** Durability costs time, and most tests are not about it. */
  readonly fsync?: boolean;
}

const TEMPLATE = 'test_template';
const START_LIMIT_MS = 60_000;

/** Called at the top of a test file; what it answers can be used inside tests and hooks. */
export function useCluster(options: TestClusterOptions = {}): TestCluster {
  let started: TestCluster | undefined;
  beforeAll(async () => {
    started = await startTestCluster(options);
  }, START_LIMIT_MS);
  afterAll(async () => {
    if (started !== undefined) await disposeCluster(started.cluster);
  }, START_LIMIT_MS);
  const running = (): TestCluster => {
    if (started === undefined) throw new Error('The test cluster exists only while tests and hooks run.');
    return started;
  };
  return {
    get cluster() {
      return running().cluster;
    },
    get database() {
      return running().database;
    },
    get url() {
      return running().url;
    },
    get dataDir() {
      return running().dataDir;
    },
    freshDatabase: () => running().freshDatabase(),
  };
}

/** For tests that need more than one; end it with {@link disposeCluster}. */
export async function startTestCluster({
  template,
  fsync = false,
}: TestClusterOptions = {}): Promise<TestCluster> {
  const dataDir = await temporaryDataDir();
  const cluster = EmbeddedCluster.at(dataDir, { projectRoot, fsync });
  const { database, url } = await cluster.ensureStarted();
  await template?.(await cluster.createDatabase(TEMPLATE));
  let databases = 0;
  const freshDatabase = async (): Promise<Database> => {
    databases += 1;
    const name = `test_${databases}`;
    const source = template === undefined ? 'template0' : TEMPLATE;
    await withSession(await cluster.database('postgres'), { applicationName: 'godwit-test' }, (session) =>
      session.query(`CREATE DATABASE ${name} TEMPLATE ${source}`),
    );
    return cluster.database(name);
  };
  return { cluster, database, url, dataDir, freshDatabase };
}

export const temporaryDataDir = async (): Promise<string> => join(await makeRoomyFolder(), 'data');

export async function disposeCluster(cluster: EmbeddedCluster): Promise<void> {
  const status = await cluster.status();
  const home = status.state === 'absent' ? cluster.dataDir : status.home;
  await cluster.reset();
  const survivors = processesUnder(home);
  await rm(join(cluster.dataDir, '..'), { recursive: true, force: true });
  if (survivors.length > 0) throw new Error(`Postgres processes were left behind: ${survivors.join(', ')}`);
}

/** Linux only; elsewhere nothing is found. */
export function processesUnder(folder: string): readonly string[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => `${pid} ${commandLine(pid)}`)
    .filter((line) => line.includes('postgres') && line.includes(folder));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
