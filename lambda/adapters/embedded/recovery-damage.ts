/** Tells, before a server is started and after one failed, what of a base backup and its WAL is damaged. */
import { join } from 'node:path';
import { messageOf } from '../../domain/errors';
import { firstDamageIn } from './archive-check';
import { firstDamageOf } from './backup-files';
import { archiveOf, entriesOf, type Home } from './cluster-files';
import { DiskTooFull, ServerFailed } from './errors';
import { ArchiveDamaged, BaseBackupDamaged, ReplayFailed } from './recovery-errors';
import {
  type BaseBackup,
  baseBackupData,
  baseBackupFolder,
  readBaseBackups,
  readPoints,
  saveBaseBackup,
} from './recovery-records';
import { type RecoverySource, segmentOf } from './recovery-source';
import { isSegment, parseLsn, segmentName, timelineOf } from './wal';
import { systemIdIn } from './wal-file';

/** @throws BaseBackupDamaged | ArchiveDamaged */
export async function proveSource(home: Home, source: RecoverySource): Promise<void> {
  await proveBackup(home, source.backup);
  await proveArchive(home, source.backup, source.lastNeeded);
}

/** @throws BaseBackupDamaged */
export async function proveBackup(home: Home, backup: BaseBackup): Promise<void> {
  const damage = await firstDamageOf(baseBackupFolder(home, backup.id));
  if (damage === undefined) return;
  const points = await readPoints(home);
  const unaffected = points.filter(({ baseBackup }) => baseBackup !== backup.id).map(({ name }) => name);
  throw new BaseBackupDamaged({ ...damage, unaffected });
}

/** @throws ArchiveDamaged */
export async function proveArchive(home: Home, backup: BaseBackup, last: string): Promise<void> {
  const folder = archiveOf(home, backup.lineage);
  const damage = await firstDamageIn(folder, {
    first: backup.startSegment,
    last,
    segmentBytes: backup.segmentBytes,
    systemId: await systemIdIn(join(baseBackupData(home, backup.id), 'global', 'pg_control')),
  });
  if (damage !== undefined) throw await archiveDamaged(home, backup.lineage, damage);
}

async function archiveDamaged(
  home: Home,
  lineage: number,
  { segment, problem, cause }: { segment: string; problem: string; cause?: unknown },
): Promise<ArchiveDamaged> {
  const backups = new Map((await readBaseBackups(home)).map((backup) => [backup.id, backup]));
  const unaffected = (await readPoints(home)).filter((point) => {
    const backup = backups.get(point.baseBackup);
    if (backup === undefined) return false;
    return (
      point.lineage !== lineage || segment < backup.startSegment || segment > segmentOf(backup, point.lsn)
    );
  });
  return new ArchiveDamaged({
    file: join(archiveOf(home, lineage), segment),
    problem,
    unaffected: unaffected.map(({ name }) => name),
    cause,
  });
}

/** In terms of what was being recovered from: the server only says where it stopped. */
export async function explainFailure(
  home: Home,
  { name, target, source }: { name: string; target: string; source: RecoverySource },
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof ServerFailed)) return error;
  const { backup } = source;
  if (DISK_FULL.test(error.logTail)) return new DiskTooFull(home.instances, error.problem, error);
  try {
    const newest = (await entriesOf(archiveOf(home, backup.lineage))).filter(isSegment).at(-1);
    if (newest !== undefined) await proveSource(home, { ...source, lastNeeded: newest });
  } catch (damage) {
    return damage;
  }
  const place = unreadableSegment(error.logTail, backup);
  if (place !== undefined) {
    // Its headers are in order: only this tells the next restore point not to build on the same WAL.
    await saveBaseBackup(home, { ...backup, leadsNowhere: messageOf(error) });
    return archiveDamaged(home, backup.lineage, { ...place, cause: error });
  }
  return new ReplayFailed({
    instance: name,
    target,
    problem: error.problem,
    logTail: error.logTail,
    cause: error,
  });
}

const DISK_FULL = /No space left on device|Disk quota exceeded/;

/** What recovery says when a record is not one, before it takes that for the end of WAL. */
const UNREADABLE =
  /LOG: +((?:invalid|incorrect|unexpected|out-of-sequence|record with|there is no contrecord|contrecord)[^\n]* (?:at|LSN) ([0-9A-F]+\/[0-9A-F]+)[^\n]*)/g;

/** Of `cp`, as the server's user: what we may read ourselves it may not. */
const FORBIDDEN = /^cp: (cannot open '.*([0-9A-F]{24})'.*)$/m;

function unreadableSegment(
  log: string,
  { startSegment, segmentBytes }: BaseBackup,
): { segment: string; problem: string } | undefined {
  const [, complaint, forbidden] = FORBIDDEN.exec(log) ?? [];
  if (forbidden !== undefined) return { segment: forbidden, problem: `the server ${complaint}` };
  const [, said, lsn] = [...log.matchAll(UNREADABLE)].at(-1) ?? [];
  if (said === undefined || lsn === undefined) return undefined;
  const number = parseLsn(lsn) / BigInt(segmentBytes);
  return {
    segment: segmentName(timelineOf(startSegment), number, segmentBytes),
    problem: `the server says: ${said}`,
  };
}
