/** Makes restore points: a base backup that is near enough, a named place in the WAL, and all WAL up to it archived. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError, messageOf } from '../../domain/errors';
import { type Session, withSession } from '../../ports/database';
import type { PlaceWish } from '../../ports/recovery';
import { clearLeftovers, segmentsArrive } from './archive';
import type { WorkProgress } from './background';
import { one, takeBaseBackup } from './base-backup';
import { archiveOf, currentLineage, entriesOf } from './cluster-files';
import { withFileLock } from './file-lock';
import { makeFolder, nonce, removeTree } from './files';
import { beyondNewest, whatToPrune } from './prune';
import { proveArchive, proveBackup } from './recovery-damage';
import { ArchivingStalled, RecoveryRefused } from './recovery-errors';
import {
  type BaseBackup,
  baseBackupFolder,
  forgetBaseBackup,
  forgetPoint,
  makingLock,
  type RestorePointRecord,
  readBaseBackups,
  readInstances,
  readPoint,
  readPoints,
  savePoint,
} from './recovery-records';
import { type RecoveryLimits, refuseReplaced, type ServingCluster } from './serving';
import { isSegment, parseLsn } from './wal';

/** Replaying a gigabyte takes seconds; a new base backup of a large cluster takes longer. */
const REUSE_UP_TO_BYTES = 1n << 30n;
const STATEMENT_LIMIT_MS = 60_000;
/** Where every second place would do, one in a billion times none of so many does. */
const MOST_PLACES = 30;
/** At random below it: writers have a rhythm, too. */
const PLACE_PAUSE_MS = 20;

export interface PointOptions {
  readonly limits: RecoveryLimits;
  readonly keepRestorePoints: number;
  readonly isNeeded: (name: string) => Promise<boolean>;
  readonly signal: AbortSignal;
  readonly progress: WorkProgress;
  readonly log: (message: string) => void;
  readonly wish?: PlaceWish;
}

/** One at a time in a cluster: the second finds the base backup of the first, or its restore point where both are one. */
export async function makeRestorePoint(
  asItWas: ServingCluster,
  name: string,
  options: PointOptions,
): Promise<void> {
  const { home } = asItWas.kit;
  await makeFolder(home.restorePoints, 0o755, undefined);
  const waiting = { waitMs: options.limits.baseBackupMs, signal: options.signal };
  await withFileLock(makingLock(home), waiting, async () => {
    if ((await readPoint(home, name)) !== undefined) return;
    const serving = await asItWas.refreshed();
    await savePoint(
      home,
      (await pointOnReusedBackup(serving, name, options)) ?? (await pointOnNewBackup(serving, name, options)),
    );
    // The restore point is good, whether or not there is room made for the next one.
    await prune(serving, options).catch((error: unknown) => {
      options.log(`Old restore points could not be cleared away: ${messageOf(error)}`);
    });
  });
}

async function pointOnReusedBackup(
  serving: ServingCluster,
  name: string,
  options: PointOptions,
): Promise<RestorePointRecord | undefined> {
  const { home, facts } = serving.kit;
  const newest = (await readBaseBackups(home))
    .filter(({ lineage }) => lineage === currentLineage(facts).number)
    .at(-1);
  if (newest === undefined || !(await isWhole(serving, newest, options))) return undefined;
  return inSession(serving, name, async (session) => {
    const { lsn } = await one<{ lsn: string }>(session, 'SELECT pg_current_wal_lsn()::text AS lsn');
    if (parseLsn(lsn) - parseLsn(newest.startLsn) > REUSE_UP_TO_BYTES) return undefined;
    return placeIn(serving, session, { name, backup: newest, options });
  });
}

/** A restore point that builds on damage would be one in name only. */
async function isWhole(
  { kit: { home } }: ServingCluster,
  backup: BaseBackup,
  { log }: PointOptions,
): Promise<boolean> {
  try {
    if (backup.leadsNowhere !== undefined)
      throw new RecoveryRefused(`Base backup ${backup.id}`, backup.leadsNowhere);
    const newest = (await entriesOf(archiveOf(home, backup.lineage))).filter(isSegment).at(-1);
    await proveBackup(home, backup);
    await proveArchive(home, backup, newest ?? backup.startSegment);
    return true;
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    log(`A new base backup is taken: ${messageOf(error)}`);
    return false;
  }
}

async function pointOnNewBackup(
  serving: ServingCluster,
  name: string,
  options: PointOptions,
): Promise<RestorePointRecord> {
  const { limits, signal, progress } = options;
  const report = (doneBytes: number, totalBytes: number): void => {
    Object.assign(progress, { doneBytes, totalBytes });
  };
  const backup = await takeBaseBackup(serving, { limits, signal, report });
  const point = await inSession(serving, name, (session) =>
    placeIn(serving, session, { name, backup, options }),
  );
  if (point !== undefined) return point;
  const folder = archiveOf(serving.kit.home, backup.lineage);
  throw new ArchivingStalled(folder, 'segments that had reached it are gone');
}

const inSession = <T>(
  serving: ServingCluster,
  name: string,
  work: (session: Session) => Promise<T>,
): Promise<T> =>
  withSession(
    serving.database,
    { applicationName: 'godwit-restore-point', statementTimeoutMs: STATEMENT_LIMIT_MS },
    async (session) => {
      await refuseReplaced(serving, `Restore point ${name}`);
      return work(session);
    },
  );

/** `undefined` where WAL since the base backup is missing in the archive, so that this backup leads nowhere. */
async function placeIn(
  { kit }: ServingCluster,
  session: Session,
  { name, backup, options }: { name: string; backup: BaseBackup; options: PointOptions },
): Promise<RestorePointRecord | undefined> {
  const place = await suitablePlace(session, name, options);
  // Only whole segments are archived.
  await session.query('SELECT pg_switch_wal()');
  const archive = { folder: archiveOf(kit.home, backup.lineage), serverLog: kit.home.log };
  const range = { first: backup.startSegment, last: place.segment, segmentBytes: backup.segmentBytes };
  const { limits, signal } = options;
  if (!(await segmentsArrive(archive, session, range, { limitMs: limits.archiveMs, signal })))
    return undefined;
  return {
    name,
    at: place.at.toISOString(),
    lsn: place.lsn,
    walName: place.walName,
    lineage: backup.lineage,
    baseBackup: backup.id,
  };
}

interface Place {
  readonly walName: string;
  readonly lsn: string;
  readonly segment: string;
  readonly at: Date;
}

async function suitablePlace(session: Session, name: string, { wish, signal }: PointOptions): Promise<Place> {
  for (let tried = 1; ; tried += 1) {
    signal.throwIfAborted();
    const walName = `${name}.${nonce()}`;
    const place = await one<Omit<Place, 'walName'>>(
      session,
      `SELECT lsn::text, pg_walfile_name(lsn) AS segment, clock_timestamp() AS at FROM pg_create_restore_point($1) AS lsn`,
      [walName],
    );
    if (wish === undefined || (await wish.suits(place.lsn)) || tried === MOST_PLACES) {
      return { walName, ...place };
    }
    await sleep(PLACE_PAUSE_MS * Math.random());
  }
}

async function prune(
  { kit: { home }, locked, refreshed }: ServingCluster,
  { keepRestorePoints, isNeeded, log }: PointOptions,
): Promise<void> {
  // Instances claim their base backup under the same lock: what is not claimed now will not be any more. A cut-over
  // holds it, too: which lineage serves is known only now.
  const pruning = await locked(async () => {
    const current = currentLineage((await refreshed()).kit.facts).number;
    const instances = await readInstances(home);
    const lineages = await entriesOf(home.archives);
    const restorePoints = await readPoints(home);
    const found = whatToPrune({
      keepRestorePoints,
      needed: await neededAmong(beyondNewest(restorePoints, keepRestorePoints), isNeeded),
      currentLineage: current,
      restorePoints,
      baseBackups: await readBaseBackups(home),
      inUse: new Set(
        instances.filter(({ state }) => state === 'creating').map(({ baseBackup }) => baseBackup),
      ),
      archives: await Promise.all(
        lineages.map(async (lineage) => ({
          lineage: Number(lineage),
          files: await entriesOf(archiveOf(home, Number(lineage))),
        })),
      ),
    });
    // What leads to files goes before the files: a kill in between leaves no restore point that leads nowhere.
    for (const name of found.restorePoints) await forgetPoint(home, name);
    for (const id of found.baseBackups) await forgetBaseBackup(home, id);
    return { ...found, current };
  });
  for (const name of pruning.restorePoints) {
    log(`Restore point ${name} is forgotten: the newest ${keepRestorePoints} are kept.`);
  }
  for (const id of pruning.baseBackups) await removeTree(baseBackupFolder(home, id));
  await clearLeftovers(archiveOf(home, pruning.current));
  for (const lineage of pruning.archives) await removeTree(archiveOf(home, lineage));
  for (const { lineage, file } of pruning.segments) {
    await rm(join(archiveOf(home, lineage), file), { force: true });
  }
}

async function neededAmong(
  restorePoints: readonly RestorePointRecord[],
  isNeeded: PointOptions['isNeeded'],
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const { name } of restorePoints) if (await isNeeded(name)) needed.add(name);
  return needed;
}
