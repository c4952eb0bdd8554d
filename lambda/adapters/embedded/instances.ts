/** Makes instances: a base backup's files, brought to the target by archived WAL, served on a port of their own. */
import { join } from 'node:path';
import { type Database, withSession } from '../../ports/database';
import type { RecoveryTarget } from '../../ports/recovery';
import { segmentsArrive } from './archive';
import type { WorkProgress } from './background';
import { one } from './base-backup';
import { databaseOf } from './cluster';
import { archiveOf, type ClusterFacts, currentLineage, type Home, type Lineage } from './cluster-files';
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
  readBaseBackups,
  readPoint,
  saveInstance,
} from './recovery-records';
import { findRunning, startServer, stopServer } from './server';
import type { RecoveryLimits, ServingCluster } from './serving';
import { addressSettings, type RecoveryGoal, recoveringTo, type Settings } from './settings';

export interface InstanceOptions {
  readonly limits: RecoveryLimits;
  readonly signal: AbortSignal;
  readonly progress: WorkProgress;
}

interface Source {
  readonly backup: BaseBackup;
  readonly goal: RecoveryGoal;
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

async function sourceFor(
  serving: ServingCluster,
  target: RecoveryTarget,
  waiting: { limits: RecoveryLimits; signal: AbortSignal },
): Promise<Source> {
  return target.kind === 'restore-point'
    ? sourceForPoint(serving.kit, target.name)
    : sourceForTime(serving, target.at, waiting);
}

async function sourceForPoint({ home }: ServerKit, name: string): Promise<Source> {
  const point = await readPoint(home, name);
  if (point === undefined) throw new RecoveryRefused(`Restore point ${name}`, 'there is none of this name');
  const backup = await readBaseBackup(home, point.baseBackup);
  if (backup === undefined) throw new RecoveryRefused(`Restore point ${name}`, 'its base backup is gone');
  return { backup, goal: { archive: archiveOf(home, point.lineage), target: { name: point.walName } } };
}

async function sourceForTime(
  serving: ServingCluster,
  at: string,
  waiting: { limits: RecoveryLimits; signal: AbortSignal },
): Promise<Source> {
  const { home, facts } = serving.kit;
  const moment = new Date(at);
  const subject = `Recovery to ${at}`;
  if (Number.isNaN(moment.getTime())) throw new RecoveryRefused(subject, 'it is not an ISO 8601 time');
  const lineage = lineageAt(facts.lineages, moment);
  const backups = (await readBaseBackups(home)).filter((backup) => backup.lineage === lineage.number);
  const backup = backups.filter(({ finishedAt }) => new Date(finishedAt) <= moment).at(-1);
  if (backup === undefined) {
    const earliest = backups[0]?.finishedAt;
    throw new RecoveryRefused(
      subject,
      earliest === undefined
        ? `there is no base backup of the cluster as it was then (since ${lineage.since})`
        : `the earliest moment that can be returned to is ${earliest}`,
    );
  }
  if (lineage.number === currentLineage(facts).number) await archiveBeyond(serving, moment, backup, waiting);
  return {
    backup,
    goal: { archive: archiveOf(home, lineage.number), target: { time: withOffset(moment) } },
  };
}

const lineageAt = (lineages: readonly Lineage[], moment: Date): Lineage =>
  lineages.filter(({ since }) => new Date(since) <= moment).at(-1) ?? lineages[0] ?? { number: 1, since: '' };

/** Recovery to a time ends at the first commit after it, and fails where there is none: so one is made and archived. */
async function archiveBeyond(
  { kit, database }: ServingCluster,
  moment: Date,
  { lineage, startSegment, segmentBytes }: BaseBackup,
  { limits, signal }: { limits: RecoveryLimits; signal: AbortSignal },
): Promise<void> {
  await withSession(
    database,
    { applicationName: 'godwit-instance', statementTimeoutMs: 60_000 },
    async (session) => {
      const { past } = await one<{ past: boolean }>(session, 'SELECT clock_timestamp() > $1 AS past', [
        moment,
      ]);
      if (!past) throw new RecoveryRefused(`Recovery to ${moment.toISOString()}`, 'it lies in the future');
      // A transaction with an id of its own writes a commit record.
      await session.query('SELECT pg_current_xact_id()');
      const { last } = await one<{ last: string }>(
        session,
        'SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS last',
      );
      await session.query('SELECT pg_switch_wal()');
      const archive = { folder: archiveOf(kit.home, lineage), serverLog: kit.home.log };
      const range = { first: startSegment, last, segmentBytes };
      if (await segmentsArrive(archive, session, range, { limitMs: limits.archiveMs, signal })) return;
      throw new RecoveryRefused(`Recovery to ${moment.toISOString()}`, `WAL is missing in ${archive.folder}`);
    },
  );
}

/** Not `Z`: while the server starts it knows no abbreviations of time zones yet. */
const withOffset = (moment: Date): string => moment.toISOString().replace('Z', '+00');
