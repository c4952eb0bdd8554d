/** What each tool that backs up and restores is asked for; how it does it is its own affair. */
import type { Database } from '../../lambda/ports/database';

export type ContestantName = 'godwit' | 'pg_basebackup' | 'pgbackrest';

export interface Contestant {
  readonly name: ContestantName;
  /** With versions, for people. */
  readonly about: string;
  readonly database: Database;
  /** Nothing of an earlier round is left, and WAL is archived in this tool's way from now on. */
  prepare(): Promise<void>;
  /** To the point at which it could be restored, once its WAL is archived. */
  backUp(): Promise<void>;
  /** A name in the WAL, and all WAL up to it archived. */
  placeRestorePoint(name: string): Promise<void>;
  /** Ready for queries, beside the original; from the one backup of this round. */
  restore(point: string): Promise<Restored>;
  /** Removes the restored instance and the backup. */
  clear(): Promise<void>;
}

export interface Restored {
  readonly database: Database;
  /** Of the restored server. */
  readonly logFile: string;
}
