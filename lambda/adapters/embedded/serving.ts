/** The cluster that serves the application, as recovery sees it. */
import type { Database } from '../../ports/database';
import { currentLineage } from './cluster-files';
import type { ServerKit } from './cluster-start';
import { RecoveryRefused } from './recovery-errors';

export interface ServingCluster {
  readonly kit: ServerKit;
  /** The application's. */
  readonly database: Database;
  /** Whether copies are synced to disk. */
  readonly durable: boolean;
  /** Nobody starts, stops, swaps or sweeps meanwhile. */
  readonly locked: <T>(work: () => Promise<T>) => Promise<T>;
  /** As it is now: after a cut-over it has another lineage, and with that another archive. */
  readonly refreshed: () => Promise<ServingCluster>;
}

/**
 * Asked in a session: where that leads to the server of a later lineage, this one is written down already, and where a
 * cut-over begins only now, the session ends.
 */
export async function refuseReplaced(serving: ServingCluster, subject: string): Promise<void> {
  const [known, now] = [serving, await serving.refreshed()].map(
    ({ kit }) => currentLineage(kit.facts).number,
  );
  if (known === now) return;
  throw new RecoveryRefused(
    subject,
    'another cluster has taken the place of this one meanwhile; begin again',
  );
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
