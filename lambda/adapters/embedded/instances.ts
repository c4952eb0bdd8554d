/** Makes instances: a base backup's files, brought to the target by archived WAL, served on a port of their own. */
import { join } from 'node:path';
import { type Database, withSession } from '../../ports/database';
import type { RecoveryTarget } from '../../ports/recovery';
import type { WorkProgress } from './background';
import { databaseOf } from './cluster';
import type { ClusterFacts, Home } from './cluster-files';
import { maintenanceOf, type ServerKit } from './cluster-start';
import { copyAtRest } from './copy-tree';
import { megabytes, RecoveryRefused } from './errors';
import { makeFolder, removeTree, writeAtomically } from './files';
import { freePort } from './ports';
import { thisProcess } from './processes';
import {
  type BaseBackup,
  baseBackupData,
  type InstanceRecord,
  instanceData,
  instanceFolder,
  instanceLog,
  readBaseBackup,
  saveInstance,
} from './recovery-records';
import { sourceFor } from './recovery-source';
import { findRunning, startServer, stopServer } from './server';
import type { RecoveryLimits, ServingCluster } from './serving';
import { addressSettings, type RecoveryGoal, recoveringTo, type Settings } from './settings';

export interface InstanceOptions {
  readonly limits: RecoveryLimits;
  readonly signal: AbortSignal;
  readonly progress: WorkProgress;
}

const PORT_ATTEMPTS = 10;

export async function makeInstance(
  serving: ServingCluster,
  name: string,
  target: RecoveryTarget,
  { limits, signal: cancelled, progress }: InstanceOptions,
): Promise<void> {
  const { kit } = serving;
  const signal = AbortSignal.any([cancelled, AbortSignal.timeout(limits.instanceMs)]);
  await removeInstance(kit.home, name);
  const source = await sourceFor(serving, target, { limits, signal });
  const record: InstanceRecord = {
    name,
    owner: thisProcess(),
    target,
    baseBackup: source.backup.id,
    state: 'creating',
    port: 0,
  };
  try {
    // A sweep deletes folders without a record.
    await serving.locked(async () => {
      await makeFolder(instanceFolder(kit.home, name), 0o755, undefined);
      await saveInstance(kit.home, record);
    });
    await copyBackup(kit, name, source.backup, signal, progress);
    progress.message = 'replaying WAL';
    const port = await recover(serving, name, source.goal, signal);
    await saveInstance(kit.home, { ...record, state: 'ready', port });
  } catch (error) {
    await removeInstance(kit.home, name);
    throw error;
  }
}

/** Stops its server, whoever started it, and deletes its files. */
export async function removeInstance(home: Home, name: string): Promise<void> {
  await stopServer(instanceData(home, name), instanceLog(home, name));
  await removeTree(instanceFolder(home, name));
}

export const isServing = async (home: Home, name: string): Promise<boolean> =>
  (await findRunning(instanceData(home, name))) !== undefined;

export const instanceDatabase = (facts: ClusterFacts, { port }: InstanceRecord): Database =>
  databaseOf(facts, facts.database, port);

async function copyBackup(
  { home, user }: ServerKit,
  name: string,
  backup: BaseBackup,
  signal: AbortSignal,
  progress: WorkProgress,
): Promise<void> {
  const data = instanceData(home, name);
  const report = (done: number, total: number): void => {
    progress.message = `copied ${megabytes(done)} of ${megabytes(total)}`;
  };
  await copyAtRest({ from: baseBackupData(home, backup.id), to: data, owner: user, signal, report });
  if ((await readBaseBackup(home, backup.id)) === undefined) {
    throw new RecoveryRefused(
      `Instance ${name}`,
      'its base backup was pruned while it was copied; begin again',
    );
  }
  await writeAtomically(join(data, 'recovery.signal'), '', { owner: user });
}

async function recover(
  serving: ServingCluster,
  name: string,
  goal: RecoveryGoal,
  signal: AbortSignal,
): Promise<number> {
  const { home, facts, binaries, user } = serving.kit;
  const atLeast = await capacitiesOf(serving.database);
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = await freePort();
    const { outcome } = await startServer({
      pgData: instanceData(home, name),
      binaries,
      user,
      settings: { ...atLeast, ...addressSettings(port), ...recoveringTo(goal) },
      logFile: instanceLog(home, name),
      database: maintenanceOf({ ...facts, port }),
      signal,
    });
    if (outcome === 'started') return port;
  }
  throw new RecoveryRefused(
    `Instance ${name}`,
    `${PORT_ATTEMPTS} ports in a row were taken while it started`,
  );
}

/** Recovery refuses to replay WAL of a server that allowed more of these. */
async function capacitiesOf(database: Database): Promise<Settings> {
  const { rows } = await withSession(
    database,
    { applicationName: 'godwit-instance', readOnly: true, statementTimeoutMs: 10_000 },
    (session) =>
      session.query<{ name: string; setting: string }>(
        `SELECT name, setting FROM pg_settings
          WHERE name IN ('max_connections', 'max_worker_processes', 'max_wal_senders',
                         'max_prepared_transactions', 'max_locks_per_transaction')`,
      ),
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}
