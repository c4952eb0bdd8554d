/** Our own recovery, through the port that runs use. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedCluster } from '../../lambda/adapters/embedded/cluster';
import { removeTree } from '../../lambda/adapters/embedded/files';
import { EmbeddedRecovery } from '../../lambda/adapters/embedded/recovery';
import { instanceLog } from '../../lambda/adapters/embedded/recovery-records';
import { type Database, withSession } from '../../lambda/ports/database';
import type { Contestant, Restored } from './contestant';

const POLL_MS = 20;
const INSTANCE = 'restored';

export interface GodwitOptions {
  readonly folder: string;
  readonly projectRoot: string;
  readonly signal: AbortSignal;
}

export class Godwit implements Contestant {
  readonly name = 'godwit';
  readonly about: string;
  readonly database: Database;
  readonly #cluster: EmbeddedCluster;
  readonly #signal: AbortSignal;
  #recovery: EmbeddedRecovery;
  #backups = 0;

  private constructor(cluster: EmbeddedCluster, database: Database, version: string, signal: AbortSignal) {
    this.#cluster = cluster;
    this.database = database;
    this.#signal = signal;
    this.#recovery = new EmbeddedRecovery(cluster);
    this.about = `Godwit on Postgres ${version}`;
  }

  static async start({ folder, projectRoot, signal }: GodwitOptions): Promise<Godwit> {
    const cluster = EmbeddedCluster.at(join(folder, 'godwit'), { projectRoot });
    try {
      const { database } = await cluster.ensureStarted();
      return new Godwit(cluster, database, await versionOf(database), signal);
    } catch (error) {
      await cluster.reset();
      throw error;
    }
  }

  async prepare(): Promise<void> {}

  /** With the restore point that asks for it. */
  backUp(): Promise<void> {
    this.#backups += 1;
    return this.placeRestorePoint(`backup-${this.#backups}`);
  }

  async placeRestorePoint(name: string): Promise<void> {
    await this.#recovery.beginRestorePoint(name);
    await this.#untilReady(`restore point ${name}`, () => this.#recovery.inspectRestorePoint(name));
  }

  async restore(point: string): Promise<Restored> {
    await this.#recovery.beginInstance(INSTANCE, { kind: 'restore-point', name: point });
    await this.#untilReady('the instance', () => this.#recovery.inspectInstance(INSTANCE));
    const { home } = await this.#cluster.kit();
    return {
      database: await this.#recovery.openInstance(INSTANCE),
      logFile: instanceLog(home, INSTANCE),
    };
  }

  async clear(): Promise<void> {
    await this.#recovery.close();
    const { home } = await this.#cluster.kit();
    await removeTree(home.restorePoints);
    await removeTree(home.baseBackups);
    this.#recovery = new EmbeddedRecovery(this.#cluster);
  }

  async remove(): Promise<void> {
    await this.#recovery.close();
    await this.#cluster.reset();
  }

  async #untilReady(
    what: string,
    inspect: () => Promise<{ readonly state: string; readonly reason?: string }>,
  ): Promise<void> {
    for (;;) {
      const { state, reason } = await inspect();
      if (state === 'ready') return;
      if (state !== 'creating') throw new Error(`${what} is ${state}: ${reason ?? 'nobody says why'}`);
      await sleep(POLL_MS, undefined, { signal: this.#signal });
    }
  }
}

const versionOf = (database: Database): Promise<string> =>
  withSession(database, { applicationName: 'bench', readOnly: true }, async (session) => {
    const { rows } = await session.query<{ version: string }>(
      "SELECT current_setting('server_version') AS version",
    );
    return rows[0]?.version ?? 'unknown';
  });
