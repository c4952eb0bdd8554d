/** A server for the measurements, and a fresh copy of a filled database for each of them. */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { maintenanceOf } from '../../lambda/adapters/embedded/cluster-start';
import { startServer } from '../../lambda/adapters/embedded/server';
import { addressSettings } from '../../lambda/adapters/embedded/settings';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { migrate } from '../../lambda/migrate/executor';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import { addBalances, fill, INIT, type Sizes, warm } from './tables';

/** Postgres's defaults, but for memory that holds the tables and checkpoints that stay out of the way. */
const SETTINGS = { shared_buffers: '1GB', max_wal_size: '4GB', archive_mode: 'off' } as const;

const MEMORY = '/dev/shm';
const ROOM_NEEDED_BYTES = 8 * 1024 ** 3;

/** Waits for locks are measured here; on a shared disk one slow flush makes everybody wait for longer than any lock. */
export async function quietFolder(): Promise<string> {
  if (!existsSync(MEMORY)) return tmpdir();
  const { bavail, bsize } = await statfs(MEMORY);
  return bavail * bsize >= ROOM_NEEDED_BYTES ? MEMORY : tmpdir();
}

const OPTIONS = { applicationName: 'bench' } as const;

export type Template = 'small' | 'large';

export class BenchCluster {
  /** Removed with the cluster. */
  readonly folder: string;
  readonly #cluster: EmbeddedCluster;
  #databases = 0;

  private constructor(cluster: EmbeddedCluster, folder: string) {
    this.#cluster = cluster;
    this.folder = folder;
  }

  static async start(projectRoot: string): Promise<BenchCluster> {
    const folder = await mkdtemp(join(await quietFolder(), 'godwit-bench-'));
    // As root the server runs as another user, who has to pass.
    await chmod(folder, 0o755);
    const cluster = EmbeddedCluster.at(join(folder, 'data'), { projectRoot });
    const bench = new BenchCluster(cluster, folder);
    try {
      await cluster.ensureStarted();
      await cluster.stop();
      const { facts, home, binaries, user } = await cluster.kit();
      await startServer({
        pgData: home.pgData,
        binaries,
        user,
        logFile: home.log,
        database: maintenanceOf(facts),
        // As arguments, since it would archive its WAL otherwise, as the embedded home does.
        settings: { ...addressSettings(facts.port), ...SETTINGS },
      });
      return bench;
    } catch (error) {
      await bench.remove();
      throw error;
    }
  }

  /** The large one is the small one with more balances. */
  async makeTemplates(small: Sizes, large: Sizes): Promise<void> {
    const database = await this.#cluster.createDatabase('small');
    await migrate({
      database,
      runId: 'bench-init',
      migrations: [INIT],
      maxBlockingMs: 1_000,
      giveUpAfterMs: 60_000,
      clock: new SystemClock(),
    });
    await withSession(database, OPTIONS, (session) => fill(session, small));
    const from = small.balances + 1;
    await withSession(await this.#copyOf('small', 'large'), OPTIONS, (session) =>
      addBalances(session, { ...large, from }),
    );
  }

  template(name: Template): Promise<Database> {
    return this.#cluster.database(name);
  }

  /** Its pages are in memory and on disk. */
  async freshDatabase(template: Template): Promise<Database> {
    this.#databases += 1;
    const database = await this.#copyOf(template, `bench_${this.#databases}`);
    await withSession(database, OPTIONS, warm);
    return database;
  }

  async drop(database: Database): Promise<void> {
    await this.maintain((session) =>
      session.query(`DROP DATABASE ${database.address.database} WITH (FORCE)`),
    );
  }

  async maintain<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return withSession(await this.#cluster.database('postgres'), OPTIONS, work);
  }

  async remove(): Promise<void> {
    await this.#cluster.reset();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Copying files leaves no WAL behind that the next checkpoint would have to deal with. */
  async #copyOf(template: string, name: string): Promise<Database> {
    await this.maintain((session) =>
      session.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`),
    );
    return this.#cluster.database(name);
  }
}
