/** The cluster that serves the application, as recovery sees it. */
import type { Database } from '../../ports/database';
import type { ServerKit } from './cluster-start';

export interface ServingCluster {
  readonly kit: ServerKit;
  /** The application's. */
  readonly database: Database;
  /** Whether copies are synced to disk. */
  readonly durable: boolean;
  /** Nobody starts, stops, swaps or sweeps meanwhile. */
  readonly locked: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Every wait ends. */
export interface RecoveryLimits {
  readonly baseBackupMs: number;
  /** For WAL to reach the archive. */
  readonly archiveMs: number;
  /** For a clone: its copy, its replay and its promotion. */
  readonly instanceMs: number;
}

export const DEFAULT_LIMITS: RecoveryLimits = {
  baseBackupMs: 60 * 60_000,
  archiveMs: 60_000,
  instanceMs: 60 * 60_000,
};
