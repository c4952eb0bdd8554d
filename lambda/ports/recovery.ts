/**
 * Restore points, clones and restores. Begin and inspect never wait for the work itself: it outlasts a Lambda.
 * Every `begin…` is idempotent by name: begun again after a crash, it joins what is under way or starts over. Begun and then
 * absent, it waits for something before there is anything to inspect (a busy instance, logs): begin it again.
 */
import type { Database } from './database';

/** A state of the database that can be returned to. `lsn` is known on the embedded cluster only. */
export interface RestorePoint {
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly lsn: string | undefined;
}

export type RestorePointState =
  | { readonly state: 'absent' }
  | { readonly state: 'creating'; readonly doneBytes?: number; readonly totalBytes?: number }
  | { readonly state: 'ready'; readonly restorePoint: RestorePoint }
  | { readonly state: 'failed'; readonly reason: string };

export interface PlaceWish {
  /**
   * Asked about places in the WAL, one after the other, until one suits; in the end one that does not is taken. Not asked
   * where places are not known, and by what joins a restore point under way.
   */
  suits(lsn: string): Promise<boolean>;
}

export type RecoveryTarget =
  | { readonly kind: 'restore-point'; readonly name: string }
  /** ISO 8601, UTC, not in the future. RDS recovers to the whole second before it. */
  | { readonly kind: 'time'; readonly at: string }
  /** Of the serving cluster's own WAL, as Postgres writes it: `0/1A2B3C4`. RDS recovers to no such place. */
  | { readonly kind: 'lsn'; readonly lsn: string };

export type InstanceState =
  | { readonly state: 'absent' }
  | { readonly state: 'creating'; readonly message?: string }
  | { readonly state: 'ready'; readonly lost?: LostCommits }
  | { readonly state: 'failed'; readonly reason: string };

/** The target could not be reached in time, and an older state had to do: commits between these moments are missing. ISO 8601. */
export interface LostCommits {
  readonly from: string;
  readonly to: string;
}

export interface ArchivingHealth {
  readonly healthy: boolean;
  /** What was looked at, in a sentence. */
  readonly evidence: string;
}

export interface Recovery {
  /** Whether WAL reaches the archive, i.e. whether a restore point taken now could be returned to. */
  archiving(): Promise<ArchivingHealth>;
  /**
   * ISO 8601: whatever was committed up to then could be recovered now, were this database lost; `undefined` where
   * nothing could. Looks only, and writes nothing: its distance from now is the RPO.
   */
  restorableUntil(): Promise<string | undefined>;

  beginRestorePoint(name: string, wish?: PlaceWish): Promise<RestorePointState>;
  inspectRestorePoint(name: string): Promise<RestorePointState>;
  /** Newest first. */
  listRestorePoints(): Promise<readonly RestorePoint[]>;

  /** A new instance recovered to the target, beside the serving one: a disposable clone, or the one to cut over to. */
  beginInstance(name: string, target: RecoveryTarget): Promise<InstanceState>;
  inspectInstance(name: string): Promise<InstanceState>;
  /** The instance must be `ready`. */
  openInstance(name: string): Promise<Database>;
  /** Removes the instance and all that it holds; an absent one is no error. */
  discardInstance(name: string): Promise<void>;
  listInstances(): Promise<readonly string[]>;
}
