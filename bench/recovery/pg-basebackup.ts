/** `pg_basebackup`, and a recovery as Postgres's manual describes it: a copy of the backup, and the archived WAL. */
import { join } from 'node:path';
import { removeTree, writeAtomically } from '../../lambda/adapters/embedded/files';
import { recoveringTo } from '../../lambda/adapters/embedded/settings';
import type { Database } from '../../lambda/ports/database';
import type { Contestant, Restored } from './contestant';
import { type PeerCluster, TO_FOLDER, TO_NOWHERE } from './peer-cluster';
import { placeNamedPoint } from './wal';

export class PgBaseBackup implements Contestant {
  readonly name = 'pg_basebackup';
  readonly about: string;
  readonly #cluster: PeerCluster;

  constructor(cluster: PeerCluster) {
    this.#cluster = cluster;
    this.about = `pg_basebackup ${cluster.options.postgres.version}`;
  }

  get database(): Database {
    return this.#cluster.database;
  }

  async prepare(): Promise<void> {
    await this.#cluster.archiveTo(TO_FOLDER);
  }

  async backUp(): Promise<void> {
    const { socket, port, user } = this.#cluster;
    await this.#cluster.run(this.#cluster.program('pg_basebackup'), [
      `--host=${socket}`,
      `--port=${port}`,
      `--username=${user}`,
      '--no-password',
      `--pgdata=${this.#backup}`,
      '--checkpoint=fast',
      // It is archived, as for the others.
      '--wal-method=none',
    ]);
  }

  placeRestorePoint(name: string): Promise<void> {
    return placeNamedPoint(this.database, name, this.#cluster.options.signal);
  }

  async restore(point: string): Promise<Restored> {
    const { restoredData, archive, options } = this.#cluster;
    // The backup stays, for the next time.
    await this.#cluster.run('cp', ['-a', this.#backup, restoredData]);
    await writeAtomically(join(restoredData, 'recovery.signal'), '', { owner: options.user });
    return this.#cluster.serveRestored(recoveringTo({ archive, target: { name: point } }));
  }

  async clear(): Promise<void> {
    await this.#cluster.archiveTo(TO_NOWHERE);
    await this.#cluster.removeRestored();
    await removeTree(this.#backup);
  }

  get #backup(): string {
    return join(this.#cluster.options.folder, 'backup');
  }
}
