/** A Postgres of our own in a data directory: made on first use, started once, found again, stopped, deleted. */
import { mkdir, realpath, rmdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Database } from '../../ports/database';
import { PgDatabase } from '../postgres/pg-database';
import { type Binaries, findBinaries } from './binaries';
import { ensureDatabase } from './cluster-databases';
import {
  type ClusterFacts,
  filesBesideHome,
  type Home,
  homeAt,
  isHomeOf,
  lockFile,
  readFacts,
} from './cluster-files';
import { type ServerKit, settleFacts, startOrJoin } from './cluster-start';
import { finishSwap } from './cut-over-swap';
import { ClusterNotRunning, FolderNotOurs } from './errors';
import { withFileLock } from './file-lock';
import { hasCode, type Owner, removeTree } from './files';
import { type PlacementRequest, placeBinaries, placeData } from './placement';
import { findRunning, killServer, stopServer } from './server';
import { findServerUser } from './server-user';

export interface ClusterOptions {
  /** Folder from whose `node_modules`, or one above, the Postgres binaries are taken. */
  readonly projectRoot: string;
  /** The application's database; `wedefidaily` unless said otherwise. */
  readonly database?: string;
  /** Asked for: it is this one or none. Without it a free port is chosen and kept. */
  readonly port?: number;
  readonly log?: (message: string) => void;
  /** Instead of those that npm installed. */
  readonly binaries?: Binaries;
  /** Off only for tests that are not about durability. */
  readonly fsync?: boolean;
  /** For root only: where things go that the server's user cannot reach in the data directory. */
  readonly systemFolder?: string;
}

export interface StartedCluster {
  /** The application's, with its password. */
  readonly url: string;
  readonly database: Database;
  readonly startedByUs: boolean;
}

export type ClusterStatus =
  | { readonly state: 'absent' }
  | { readonly state: 'stopped'; readonly home: string; readonly port: number }
  | {
      readonly state: 'running';
      readonly home: string;
      readonly port: number;
      readonly pid: number;
      readonly url: string;
    };

/** Longer than initdb and a first start together. */
const LOCK_WAIT_MS = 180_000;

interface Tools {
  readonly binaries: Binaries;
  readonly user: Owner | undefined;
}

export class EmbeddedCluster {
  readonly dataDir: string;
  readonly #options: ClusterOptions;
  #tools: Tools | undefined;

  private constructor(dataDir: string, options: ClusterOptions) {
    this.dataDir = resolve(dataDir);
    this.#options = options;
  }

  static at(dataDir: string, options: ClusterOptions): EmbeddedCluster {
    return new EmbeddedCluster(dataDir, options);
  }

  /** Whether files are synced to disk, those that are copied included. */
  get fsync(): boolean {
    return this.#options.fsync ?? true;
  }

  readonly log = (message: string): void => this.#options.log?.(message);

  ensureStarted(): Promise<StartedCluster> {
    return this.locked(() => this.startLocked());
  }

  /** As `ensureStarted`, for callers that hold the lock. */
  async startLocked(): Promise<StartedCluster> {
    const known = await readFacts(this.dataDir);
    const { port, database = 'wedefidaily' } = this.#options;
    const request = await this.#placement();
    const home = await placeData(known?.home, request);
    const settled = known ?? (await settleFacts(request.dataDir, { home, database, port, log: this.log }));
    const facts = await finishSwap(this.dataDir, settled);
    const kit = await this.#kitFor(facts);
    const started = await startOrJoin(kit, {
      dataDir: this.dataDir,
      port,
      durability: { fsync: this.fsync },
      log: this.log,
    });
    const application = databaseOf(started.facts);
    await ensureDatabase(databaseOf(started.facts, 'postgres'), started.facts.database);
    return {
      url: await application.connectionString(),
      database: application,
      startedByUs: started.startedByUs,
    };
  }

  /** `unless` is asked while nobody can start the cluster. */
  async stop({
    unless,
  }: {
    unless?: () => Promise<boolean>;
  } = {}): Promise<'stopped' | 'not-running' | 'left-up'> {
    if ((await readFacts(this.dataDir)) === undefined) return 'not-running';
    return this.locked(async () => {
      if (await unless?.()) return 'left-up';
      const home = homeAt((await this.facts()).home);
      return stopServer(home.pgData, home.log);
    });
  }

  async status(): Promise<ClusterStatus> {
    const facts = await readFacts(this.dataDir);
    if (facts === undefined || !facts.initialized) return { state: 'absent' };
    const running = await findRunning(homeAt(facts.home).pgData);
    if (running === undefined) return { state: 'stopped', home: facts.home, port: facts.port };
    const url = await databaseOf(facts, facts.database, running.port).connectionString();
    return { state: 'running', home: facts.home, port: running.port, pid: running.pid, url };
  }

  /** Stops the server and deletes what the cluster consists of; other things in the data directory stay. */
  async reset(): Promise<void> {
    if ((await readFacts(this.dataDir)) === undefined) return;
    await this.locked(async () => {
      const facts = await this.facts();
      const home = homeAt(facts.home);
      if (!(await isHomeOf(home, facts))) throw new FolderNotOurs(home.folder, 'its marker is missing');
      await stopServer(home.pgData, home.log);
      // One whose files were deleted by hand goes on for a while.
      await killServer(home.pgData);
      for (const path of contentOf(home)) await removeTree(path);
      if (home.folder !== this.dataDir) await removeIfEmpty(home.folder);
      for (const file of filesBesideHome(this.dataDir)) await removeTree(file);
    });
    await removeIfEmpty(this.dataDir);
  }

  /** Makes the database where there is none of the name, and opens it. */
  async createDatabase(name: string): Promise<Database> {
    const facts = await this.facts();
    await ensureDatabase(databaseOf(facts, 'postgres'), name);
    return databaseOf(facts, name);
  }

  /** The application's database, or another one of the cluster. */
  async database(name?: string): Promise<Database> {
    return databaseOf(await this.facts(), name);
  }

  /** @throws ClusterNotRunning where there is no cluster yet */
  async facts(): Promise<ClusterFacts> {
    const facts = await readFacts(this.dataDir);
    if (facts === undefined) throw new ClusterNotRunning(this.dataDir);
    return facts;
  }

  /** What it takes to run servers beside this one. */
  async kit(): Promise<ServerKit> {
    return this.#kitFor(await this.facts());
  }

  /** One process at a time starts, stops, swaps or deletes. */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    await mkdir(this.dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o755 : 0o700 });
    return withFileLock(lockFile(this.dataDir), { waitMs: LOCK_WAIT_MS }, work);
  }

  async #kitFor(facts: ClusterFacts): Promise<ServerKit> {
    if (this.#tools === undefined) {
      const request = await this.#placement();
      const installed = this.#options.binaries ?? (await findBinaries(this.#options.projectRoot));
      this.#tools = { binaries: await placeBinaries(installed, request), user: request.user };
    }
    return { facts, home: homeAt(facts.home), ...this.#tools };
  }

  async #placement(): Promise<PlacementRequest> {
    return {
      dataDir: await realpath(this.dataDir),
      user: await findServerUser(),
      systemFolder: this.#options.systemFolder ?? '/var/lib/godwit',
      log: this.log,
    };
  }
}

export const databaseOf = (facts: ClusterFacts, name = facts.database, port = facts.port): Database =>
  new PgDatabase({ host: '127.0.0.1', port, database: name, user: facts.user, password: facts.password });

const contentOf = (home: Home): readonly string[] => [
  home.pgData,
  home.archives,
  home.baseBackups,
  home.restorePoints,
  home.instances,
  home.kept,
  home.log,
  `${home.log}.old`,
  home.marker,
];

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw error;
  }
}
