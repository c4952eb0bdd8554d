/** A cluster of an installed Postgres, configured as the embedded one is, and what is restored of it. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { escapeLiteral } from 'pg';
import { makeFolder, type Owner, removeTree, writeAtomically } from '../../lambda/adapters/embedded/files';
import { freePort } from '../../lambda/adapters/embedded/ports';
import { startServer, stopServer } from '../../lambda/adapters/embedded/server';
import { addressSettings, comfortSettings, type Settings } from '../../lambda/adapters/embedded/settings';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { type Database, withSession } from '../../lambda/ports/database';
import type { Restored } from './contestant';
import type { PeerPostgres } from './peers';
import { runTool } from './tool';

const USER = 'bench';
const DATABASE = 'bench';

export interface PeerClusterOptions {
  readonly folder: string;
  readonly postgres: PeerPostgres;
  readonly user: Owner | undefined;
  readonly signal: AbortSignal;
}

/** Who takes WAL that is full. */
export interface Archiving {
  readonly library: string;
  readonly command: string;
}

export const TO_NOWHERE: Archiving = { library: '', command: 'true' };
/** As the embedded cluster does it. */
export const TO_FOLDER: Archiving = { library: 'basic_archive', command: '' };

export class PeerCluster {
  readonly options: PeerClusterOptions;
  readonly data: string;
  readonly archive: string;
  /** Tools find the server here, and need no password. */
  readonly socket: string;
  readonly #password = randomBytes(18).toString('base64url');
  #port = 0;

  private constructor(options: PeerClusterOptions) {
    this.options = options;
    this.data = join(options.folder, 'data');
    this.archive = join(options.folder, 'archive');
    this.socket = join(options.folder, 'socket');
  }

  static async start(options: PeerClusterOptions): Promise<PeerCluster> {
    const cluster = new PeerCluster(options);
    try {
      await cluster.#initialize();
      const settings = {
        archive_mode: 'on',
        'basic_archive.archive_directory': cluster.archive,
        unix_socket_directories: cluster.socket,
      };
      cluster.#port = await cluster.#serve(cluster.data, cluster.#log, settings);
      await cluster.archiveTo(TO_NOWHERE);
      await withSession(
        cluster.#databaseOn(cluster.#port, 'postgres'),
        { applicationName: 'bench' },
        (session) => session.query(`CREATE DATABASE ${DATABASE}`),
      );
      return cluster;
    } catch (error) {
      await cluster.remove();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  get user(): string {
    return USER;
  }

  get database(): Database {
    return this.#databaseOn(this.#port, DATABASE);
  }

  get restoredData(): string {
    return join(this.options.folder, 'restored');
  }

  get #log(): string {
    return join(this.options.folder, 'postgres.log');
  }

  get #restoredLog(): string {
    return join(this.options.folder, 'restored.log');
  }

  async archiveTo({ library, command }: Archiving): Promise<void> {
    await withSession(
      this.#databaseOn(this.#port, 'postgres'),
      { applicationName: 'bench' },
      async (session) => {
        await session.query(`ALTER SYSTEM SET archive_library = ${escapeLiteral(library)}`);
        await session.query(`ALTER SYSTEM SET archive_command = ${escapeLiteral(command)}`);
        await session.query('SELECT pg_reload_conf()');
      },
    );
  }

  run(program: string, args: readonly string[], signal = this.options.signal): Promise<string> {
    return runTool({ program, args, user: this.options.user, signal });
  }

  program(name: string): string {
    return join(this.options.postgres.folder, name);
  }

  /** Recovers what was restored into its folder as a clone of the embedded cluster is recovered. */
  async serveRestored(settings: Settings): Promise<Restored> {
    const port = await this.#serve(this.restoredData, this.#restoredLog, {
      archive_mode: 'off',
      hot_standby: 'off',
      ...settings,
    });
    return { database: this.#databaseOn(port, DATABASE), logFile: this.#restoredLog };
  }

  async removeRestored(): Promise<void> {
    await stopServer(this.restoredData, this.#restoredLog);
    await removeTree(this.restoredData);
    await removeTree(this.#restoredLog);
  }

  async remove(): Promise<void> {
    await this.removeRestored();
    await stopServer(this.data, this.#log);
    await removeTree(this.options.folder);
  }

  async #initialize(): Promise<void> {
    const { folder, user } = this.options;
    await makeFolder(folder, 0o755, user);
    await makeFolder(this.archive, 0o700, user);
    await makeFolder(this.socket, 0o700, user);
    const passwordFile = join(folder, 'password');
    await writeAtomically(passwordFile, `${this.#password}\n`, { owner: user });
    await this.run(this.program('initdb'), [
      `--pgdata=${this.data}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      // The socket's folder lets nobody else in.
      '--auth-local=trust',
      '--auth-host=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--data-checksums',
      '--no-instructions',
    ]);
    await writeAtomically(join(this.data, 'postgresql.conf'), comfortSettings({ fsync: true }), {
      owner: user,
    });
  }

  async #serve(pgData: string, logFile: string, settings: Settings): Promise<number> {
    const { postgres, user, signal } = this.options;
    const binaries = { ...postgres, initdb: this.program('initdb'), postgres: this.program('postgres') };
    for (;;) {
      signal.throwIfAborted();
      const port = await freePort();
      const { outcome } = await startServer({
        pgData,
        binaries,
        user,
        logFile,
        database: this.#databaseOn(port, 'postgres'),
        settings: { ...addressSettings(port), ...settings },
        signal,
      });
      if (outcome === 'started') return port;
    }
  }

  readonly #databaseOn = (port: number, database: string): Database =>
    new PgDatabase({ host: '127.0.0.1', port, database, user: USER, password: this.#password });
}
