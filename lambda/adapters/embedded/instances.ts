/** Makes instances: a base backup's files, brought to the target by archived WAL, served on a port of their own. */
import { join } from 'node:path';
import { messageOf } from '../../domain/errors';
import type { Database } from '../../ports/database';
import type { RecoveryTarget } from '../../ports/recovery';
import type { WorkProgress } from './background';
import { capacitiesSince } from './capacities';
import { databaseOf } from './cluster';
import type { ClusterFacts, Home } from './cluster-files';
import { maintenanceOf, type ServerKit } from './cluster-start';
import { copyAtRest } from './copy-tree';
import { megabytes } from './errors';
import { makeFolder, removeTree, writeAtomically } from './files';
import { syncTree, writeComfortSettings } from './initdb';
import { freePort } from './ports';
import { isAlive, isThisProcess, signal as signalProcess, thisProcess } from './processes';
import { explainFailure, proveSource } from './recovery-damage';
import { RecoveryRefused } from './recovery-errors';
import {
  type BaseBackup,
  baseBackupData,
  describeTarget,
  type InstanceRecord,
  instanceData,
  instanceFolder,
  instanceLog,
  readBaseBackup,
  readInstance,
  saveInstance,
} from './recovery-records';
import { type RecoverySource, sourceFor } from './recovery-source';
import { findRunning, killServer, startServer, stopServer } from './server';
import type { RecoveryLimits, ServingCluster } from './serving';
import { addressSettings, recoveringTo } from './settings';
import { within } from './time-limit';

export interface InstanceOptions {
  readonly limits: RecoveryLimits;
  readonly signal: AbortSignal;
  readonly progress: WorkProgress;
  /** Told of its server as soon as there is a process. */
  readonly launched: (pid: number) => void;
}

const PORT_ATTEMPTS = 10;
/** Most of it has been written by then. */
const SYNC_LIMIT_MS = 10 * 60_000;

export async function makeInstance(
  serving: ServingCluster,
  name: string,
  target: RecoveryTarget,
  { limits, signal: cancelled, progress, launched }: InstanceOptions,
): Promise<void> {
  const { home } = serving.kit;
  const limit = {
    work: `Instance ${name}, recovered to ${describeTarget(target)},`,
    limitMs: limits.instanceMs,
    wayOut: 'Begin it again when the machine has less to do, or from a newer restore point.',
    signal: cancelled,
  };
  await within(limit, async (signal) => {
    const source = await sourceFor(serving, target, { limits, signal });
    await proveSource(home, source);
    const record = await claim(serving, name, target, source);
    if (record === undefined) return;
    try {
      await copyBackup(serving.kit, name, source.backup, signal, progress);
      progress.message = 'replaying WAL';
      const port = await recover(serving, name, source, { signal, launched });
      await syncFromNowOn(serving, name);
      await saveInstance(home, { ...record, state: 'ready', port });
    } catch (error) {
      try {
        throw await explainFailure(home, { name, target: describeTarget(target), source }, error);
      } finally {
        await removeInstance(home, name);
      }
    }
  });
}

/**
 * From here on nobody prunes what it is made of, and no sweep deletes its folder. `undefined` where another process has
 * begun it since: then it is that one's.
 */
const claim = (
  serving: ServingCluster,
  name: string,
  target: RecoveryTarget,
  { backup }: RecoverySource,
): Promise<InstanceRecord | undefined> =>
  serving.locked(async () => {
    const { home } = serving.kit;
    const other = await readInstance(home, name);
    if (other !== undefined && (await isHeldByAnother(home, other))) {
      refuseOtherTarget(other, target);
      return undefined;
    }
    await clearAway(home, name);
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
    try {
      await makeFolder(instanceFolder(home, name), 0o755, undefined);
      await saveInstance(home, record);
    } catch (error) {
      await removeInstance(home, name);
      throw error;
    }
    return record;
  });

/** What lost its server is nobody's any more, although whoever made it lives. */
const isHeldByAnother = async (home: Home, { name, owner, state }: InstanceRecord): Promise<boolean> =>
  isAlive(owner) && !isThisProcess(owner) && (state === 'creating' || (await isServing(home, name)));

export function refuseOtherTarget({ name, target }: InstanceRecord, asked: RecoveryTarget): void {
  if (JSON.stringify(target) === JSON.stringify(asked)) return;
  throw new RecoveryRefused(
    `Instance ${name}`,
    `it exists already, recovered to another target (${describeTarget(target)}); discard it first`,
  );
}

async function clearAway(home: Home, name: string): Promise<void> {
  try {
    await removeInstance(home, name);
  } catch (error) {
    throw new RecoveryRefused(
      `Instance ${name}`,
      `what lies in ${instanceFolder(home, name)} cannot be removed (${messageOf(error)}); remove it by hand`,
      error,
    );
  }
}

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
  if (!durable) return;
  const limit = {
    work: `Syncing the files of instance ${name}`,
    limitMs: SYNC_LIMIT_MS,
    wayOut: 'The serving database is untouched. Cut over again when the disk has less to do.',
  };
  await within(limit, (signal) => syncTree(kit, data, signal));
}

async function recover(
  serving: ServingCluster,
  name: string,
  { goal, backup }: RecoverySource,
  watch: Pick<InstanceOptions, 'signal' | 'launched'>,
): Promise<number> {
  const { home, facts, binaries, user } = serving.kit;
  const atLeast = await capacitiesSince(backup.capacities ?? {}, serving.database);
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
