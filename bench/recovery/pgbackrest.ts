/** pgBackRest with a repository on the same disk, with the settings that make it quick there. */
import { join } from 'node:path';
import { isThere, makeFolder, removeTree, writeAtomically } from '../../lambda/adapters/embedded/files';
import type { Database } from '../../lambda/ports/database';
import type { Contestant, Restored } from './contestant';
import { type PeerCluster, TO_NOWHERE } from './peer-cluster';
import type { PeerTool } from './peers';
import { placeNamedPoint } from './wal';

const STANZA = 'bench';
const STOP_LIMIT_MS = 20_000;

export class PgBackRest implements Contestant {
  readonly name = 'pgbackrest';
  readonly about: string;
  readonly #cluster: PeerCluster;
  readonly #tool: PeerTool;

  constructor(cluster: PeerCluster, tool: PeerTool) {
    this.#cluster = cluster;
    this.#tool = tool;
    this.about = `pgBackRest ${tool.version} on Postgres ${cluster.options.postgres.version}`;
  }

  get database(): Database {
    return this.#cluster.database;
  }

  async prepare(): Promise<void> {
    const { user } = this.#cluster.options;
    await makeFolder(this.#folder, 0o700, user);
    await writeAtomically(this.#configFile, this.#config(), { owner: user });
    await this.#run(this.#cluster.options.signal, 'stanza-create');
    await this.#cluster.archiveTo({
      library: '',
      command: `${this.#tool.program} --config=${this.#configFile} --stanza=${STANZA} archive-push %p`,
    });
  }

  async backUp(): Promise<void> {
    await this.#run(this.#cluster.options.signal, 'backup', '--type=full');
  }

  placeRestorePoint(name: string): Promise<void> {
    return placeNamedPoint(this.database, name, this.#cluster.options.signal);
  }

  async restore(point: string): Promise<Restored> {
    const { restoredData, options } = this.#cluster;
    await makeFolder(restoredData, 0o700, options.user);
    await this.#run(
      options.signal,
      'restore',
      `--pg1-path=${restoredData}`,
      '--type=name',
      `--target=${point}`,
      '--target-action=promote',
      '--target-timeline=current',
    );
    return this.#cluster.serveRestored({});
  }

  async clear(): Promise<void> {
    await this.#cluster.archiveTo(TO_NOWHERE);
    await this.#cluster.removeRestored();
    // Who fetches WAL ahead outlasts the server that asked for it. Also where the benchmark is stopped.
    if (await isThere(this.#configFile))
      await this.#run(AbortSignal.timeout(STOP_LIMIT_MS), 'stop', '--force');
    await removeTree(this.#folder);
  }

  async #run(signal: AbortSignal, command: string, ...args: readonly string[]): Promise<void> {
    const where = [`--config=${this.#configFile}`, `--stanza=${STANZA}`];
    await this.#cluster.run(this.#tool.program, [...where, ...args, command], signal);
  }

  #config(): string {
    const { data, port, socket, user } = this.#cluster;
    const global = {
      'repo1-path': join(this.#folder, 'repository'),
      'repo1-retention-full': 1,
      'lock-path': join(this.#folder, 'lock'),
      'spool-path': join(this.#folder, 'spool'),
      'log-level-file': 'off',
      'log-level-console': 'warn',
      'process-max': 2,
      // Neither of the others compresses.
      'compress-type': 'none',
      'start-fast': 'y',
      'repo1-bundle': 'y',
    };
    // Fetched ahead, replay hardly waits for WAL; pushed so, restore points wait longer.
    const get = { 'archive-async': 'y' };
    const stanza = { 'pg1-path': data, 'pg1-port': port, 'pg1-socket-path': socket, 'pg1-user': user };
    return [
      `[global]\n${keyed(global)}`,
      `[global:archive-get]\n${keyed(get)}`,
      `[${STANZA}]\n${keyed(stanza)}`,
    ].join('\n');
  }

  get #folder(): string {
    return join(this.#cluster.options.folder, 'pgbackrest');
  }

  get #configFile(): string {
    return join(this.#folder, 'pgbackrest.conf');
  }
}

const keyed = (lines: Readonly<Record<string, string | number>>): string =>
  Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
