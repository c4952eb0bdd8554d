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
import { syncTree, writeComfortSettings } from './initdb';
import { freePort } from './ports';
import { signal as signalProcess, thisProcess } from './processes';
import { explainFailure, proveSource } from './recovery-damage';
import {
  type BaseBackup,
  baseBackupData,
  describeTarget,
  type InstanceRecord,
  instanceData,
  instanceFolder,
  instanceLog,
  readBaseBackup,
  saveInstance,
} from './recovery-records';
import { type RecoverySource, sourceFor } from './recovery-source';
import { findRunning, killServer, startServer, stopServer } from './server';
import type { RecoveryLimits, ServingCluster } from './serving';
import { addressSettings, type RecoveryGoal, recoveringTo, type Settings } from './settings';

export interface InstanceOptions {
  readonly limits: RecoveryLimits;
  readonly signal: AbortSignal;
  readonly progress: WorkProgress;
  /** Told of its server as soon as there is a process. */
  readonly launched: (pid: number) => void;
}

const PORT_ATTEMPTS = 10;

export async function makeInstance(
  serving: ServingCluster,
  name: string,
  target: RecoveryTarget,
  { limits, signal: cancelled, progress, launched }: InstanceOptions,
): Promise<void> {
  const { home } = serving.kit;
  const signal = AbortSignal.any([cancelled, AbortSignal.timeout(limits.instanceMs)]);
  await removeInstance(home, name);
  const source = await sourceFor(serving, target, { limits, signal });
  await proveSource(home, source);
  try {
    const record = await claim(serving, name, target, source);
    await copyBackup(serving.kit, name, source.backup, signal, progress);
    progress.message = 'replaying WAL';
    const port = await recover(serving, name, source.goal, { signal, launched });
    await syncFromNowOn(serving, name);
    await saveInstance(home, { ...record, state: 'ready', port });
  } catch (error) {
    try {
      throw await explainFailure(home, { name, target: describeTarget(target), source }, error);
    } finally {
      await removeInstance(home, name);
    }
  }
}

/** From here on nobody prunes what it is made of, and no sweep deletes its folder. */
const claim = (
  serving: ServingCluster,
  name: string,
  target: RecoveryTarget,
  { backup }: RecoverySource,
): Promise<InstanceRecord> =>
  serving.locked(async () => {
    const { home } = serving.kit;
    if ((await readBaseBackup(home, backup.id)) === undefined) {
      throw new RecoveryRefused(
        `Instance ${name}`,
        'its base backup was pruned a moment ago; choose a newer restore point',
      );
    }
    const record: InstanceRecord = {
      name,
      owner: thisProcess(),
      target,
      baseBackup: backup.id,
      state: 'creating',
      port: 0,
    };
    await makeFolder(instanceFolder(home, name), 0o755, undefined);
    await saveInstance(home, record);
    return record;
  });

/** Stops its server, whoever started it, and deletes its files. */
export async function removeInstance(home: Home, name: string): Promise<void> {
  await killServer(instanceData(home, name));
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
  await writeAtomically(join(data, 'recovery.signal'), '', { owner: user });
}

/**
 * Until it is ready an instance is not worth waiting for the disk: whatever becomes of the machine, it is made anew. What
 * is measured on it afterwards is measured as on the serving cluster.
 */
async function syncFromNowOn({ kit: { home, user }, durable }: ServingCluster, name: string): Promise<void> {
  const data = instanceData(home, name);
  await writeComfortSettings(data, user, { fsync: durable });
  const running = await findRunning(data);
  if (running !== undefined) signalProcess(running.pid, 'SIGHUP');
}

/** What it took over from its recovery is on the disk now; its server is stopped. */
export async function settle(
  { kit, durable }: Pick<ServingCluster, 'kit' | 'durable'>,
  name: string,
): Promise<void> {
  const data = instanceData(kit.home, name);
  await stopServer(data, instanceLog(kit.home, name));
  if (durable) await syncTree(kit, data);
}

async function recover(
  serving: ServingCluster,
  name: string,
  goal: RecoveryGoal,
  watch: Pick<InstanceOptions, 'signal' | 'launched'>,
): Promise<number> {
  const { home, facts, binaries, user } = serving.kit;
  const atLeast = await capacitiesOf(serving.database);
  await writeComfortSettings(instanceData(home, name), user, { fsync: false });
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = await freePort();
    const { outcome } = await startServer({
      pgData: instanceData(home, name),
      binaries,
      user,
      settings: { ...atLeast, ...addressSettings(port), ...recoveringTo(goal) },
      logFile: instanceLog(home, name),
      database: maintenanceOf({ ...facts, port }),
      ...watch,
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
