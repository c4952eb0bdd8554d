/** What recovery remembers on disk. A record is written last: without it whatever lies there is half-made. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecoveryTarget, RestorePoint } from '../../ports/recovery';
import type { Capacities } from './capacities';
import { entriesOf, type Home } from './cluster-files';
import { NameUnusable } from './errors';
import { readJsonIfThere, writeJson } from './files';
import type { ProcessMark } from './processes';

export interface BaseBackup {
  readonly id: string;
  readonly lineage: number;
  readonly startLsn: string;
  readonly startSegment: string;
  /** No earlier LSN can be recovered from it. Absent in records of older versions. */
  readonly stopLsn?: string;
  readonly segmentBytes: number;
  /** ISO 8601, by the server's clock: no earlier moment can be recovered from it. */
  readonly finishedAt: string;
  readonly bytes: number;
  /** Of the server then; absent in records of older versions. */
  readonly capacities?: Capacities;
  /** Why a recovery from it failed over its WAL: no restore point builds on it any more. */
  readonly leadsNowhere?: string;
}

export interface RestorePointRecord extends RestorePoint {
  readonly lsn: string;
  /** Unlike the name never used twice: recovery stops at the first of a name. */
  readonly walName: string;
  readonly lineage: number;
  readonly baseBackup: string;
}

export interface InstanceRecord {
  readonly name: string;
  /** Instances die with the process that made them. */
  readonly owner: ProcessMark;
  readonly target: RecoveryTarget;
  readonly baseBackup: string;
  readonly state: 'creating' | 'ready';
  readonly port: number;
}

const BACKUP_FILE = 'backup.json';
const INSTANCE_FILE = 'instance.json';
const POINT_SUFFIX = '.json';

export const baseBackupFolder = (home: Home, id: string): string => join(home.baseBackups, id);
export const baseBackupData = (home: Home, id: string): string => join(baseBackupFolder(home, id), 'data');
const baseBackupFile = (home: Home, id: string): string => join(baseBackupFolder(home, id), BACKUP_FILE);
const pointFile = (home: Home, name: string): string => join(home.restorePoints, `${name}${POINT_SUFFIX}`);
export const pointLock = (home: Home, name: string): string => join(home.restorePoints, `${name}.lock`);

/** No restore point's own: names do not begin with a dot. */
export const makingLock = (home: Home): string => join(home.restorePoints, '.making.lock');

export const instanceFolder = (home: Home, name: string): string => join(home.instances, name);
export const instanceData = (home: Home, name: string): string => join(instanceFolder(home, name), 'data');
export const instanceLog = (home: Home, name: string): string =>
  join(instanceFolder(home, name), 'postgres.log');
const instanceFile = (home: Home, name: string): string => join(instanceFolder(home, name), INSTANCE_FILE);

export const readBaseBackup = (home: Home, id: string): Promise<BaseBackup | undefined> =>
  readJsonIfThere<BaseBackup>(baseBackupFile(home, id));
export const saveBaseBackup = (home: Home, backup: BaseBackup): Promise<void> =>
  writeJson(baseBackupFile(home, backup.id), backup);
/** First of all that is deleted of it: who copies from it meanwhile sees that it is gone. */
export const forgetBaseBackup = (home: Home, id: string): Promise<void> =>
  rm(baseBackupFile(home, id), { force: true });

export const readPoint = (home: Home, name: string): Promise<RestorePointRecord | undefined> =>
  readJsonIfThere<RestorePointRecord>(pointFile(home, name));
export const savePoint = (home: Home, point: RestorePointRecord): Promise<void> =>
  writeJson(pointFile(home, point.name), point);
export const forgetPoint = (home: Home, name: string): Promise<void> =>
  rm(pointFile(home, name), { force: true });

export const readInstance = (home: Home, name: string): Promise<InstanceRecord | undefined> =>
  readJsonIfThere<InstanceRecord>(instanceFile(home, name));
export const saveInstance = (home: Home, instance: InstanceRecord): Promise<void> =>
  writeJson(instanceFile(home, instance.name), instance);

/** Oldest first. */
export async function readBaseBackups(home: Home): Promise<readonly BaseBackup[]> {
  const backups = await Promise.all(
    (await entriesOf(home.baseBackups)).map((id) => readBaseBackup(home, id)),
  );
  return present(backups).sort((a, b) => a.finishedAt.localeCompare(b.finishedAt));
}

/** Newest first. */
export async function readPoints(home: Home): Promise<readonly RestorePointRecord[]> {
  const files = (await entriesOf(home.restorePoints)).filter((file) => file.endsWith(POINT_SUFFIX));
  const points = await Promise.all(files.map((file) => readPoint(home, file.slice(0, -POINT_SUFFIX.length))));
  return present(points).sort((a, b) => b.at.localeCompare(a.at));
}

export async function readInstances(home: Home): Promise<readonly InstanceRecord[]> {
  return present(
    await Promise.all((await entriesOf(home.instances)).map((name) => readInstance(home, name))),
  );
}

export const describeTarget = (target: RecoveryTarget): string => {
  switch (target.kind) {
    case 'restore-point':
      return target.name;
    case 'time':
      return target.at;
    case 'lsn':
      return `LSN ${target.lsn}`;
  }
};

const present = <T>(values: readonly (T | undefined)[]): T[] => values.filter((value) => value !== undefined);

/** Names become folders here and identifiers in the cloud. */
export function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/.test(name)) return;
  throw new NameUnusable(
    name,
    'it is empty, longer than 48 characters, or holds something else than letters, digits, dots, hyphens and underscores',
    'Names look like run-20260131-1.',
  );
}

export const publicPoint = ({ name, at, lsn }: RestorePointRecord): RestorePoint => ({ name, at, lsn });
