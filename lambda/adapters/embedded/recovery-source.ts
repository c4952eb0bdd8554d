/** Finds the base backup and the archived WAL that lead to a recovery target, and refuses targets that nothing leads to. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ConnectionLost,
  type Database,
  DatabaseRefused,
  DatabaseUnreachable,
  withSession,
} from '../../ports/database';
import type { RecoveryTarget } from '../../ports/recovery';
import { segmentsArrive } from './archive';
import { one } from './base-backup';
import { archiveOf, currentLineage, entriesOf, type Lineage } from './cluster-files';
import type { ServerKit } from './cluster-start';
import { RecoveryRefused } from './recovery-errors';
import { type BaseBackup, readBaseBackup, readBaseBackups, readPoint } from './recovery-records';
import type { RecoveryLimits, ServingCluster } from './serving';
import type { RecoveryGoal } from './settings';
import { isSegment, parseLsn, segmentUpTo, timelineOf } from './wal';

export interface RecoverySource {
  readonly backup: BaseBackup;
  readonly goal: RecoveryGoal;
  /** The target surely does not lie before it. */
  readonly lastNeeded: string;
}

type Waiting = { readonly limits: RecoveryLimits; readonly signal: AbortSignal };

export async function sourceFor(
  serving: ServingCluster,
  target: RecoveryTarget,
  waiting: Waiting,
): Promise<RecoverySource> {
  switch (target.kind) {
    case 'restore-point':
      return sourceForPoint(serving.kit, target.name);
    case 'time':
      return sourceForTime(serving, target.at, waiting);
    case 'lsn':
      return sourceForLsn(serving, target.lsn, waiting);
  }
}

async function sourceForPoint({ home }: ServerKit, name: string): Promise<RecoverySource> {
  const point = await readPoint(home, name);
  if (point === undefined) throw new RecoveryRefused(`Restore point ${name}`, 'there is none of this name');
  const backup = await readBaseBackup(home, point.baseBackup);
  if (backup === undefined) throw new RecoveryRefused(`Restore point ${name}`, 'its base backup is gone');
  return {
    backup,
    goal: { archive: archiveOf(home, point.lineage), target: { name: point.walName } },
    lastNeeded: segmentOf(backup, point.lsn),
  };
}

async function sourceForTime(serving: ServingCluster, at: string, waiting: Waiting): Promise<RecoverySource> {
  const { home, facts } = serving.kit;
  const moment = new Date(at);
  const subject = `Recovery to ${at}`;
  if (Number.isNaN(moment.getTime())) throw new RecoveryRefused(subject, 'it is not an ISO 8601 time');
  if (moment.getTime() > Date.now()) throw new RecoveryRefused(subject, IN_FUTURE);
  const lineage = lineageAt(facts.lineages, moment);
  const backups = (await readBaseBackups(home)).filter((backup) => backup.lineage === lineage.number);
  const backup = backups.filter(({ finishedAt }) => new Date(finishedAt) <= moment).at(-1);
  if (backup === undefined) {
    const earliest = backups[0]?.finishedAt;
    throw new RecoveryRefused(
      subject,
      earliest === undefined
        ? `there is no base backup of the cluster that served then, since ${lineage.since}; choose a moment after a restore point`
        : `the earliest moment that can be returned to is ${earliest}`,
    );
  }
  if (lineage.number === currentLineage(facts).number) {
    const isPast = { sql: 'SELECT clock_timestamp() > $1 AS past', value: moment };
    await archiveBeyond(serving, { subject, backup, isPast }, waiting);
  }
  const archive = archiveOf(home, lineage.number);
  return {
    backup,
    goal: { archive, target: { time: withOffset(moment) } },
    lastNeeded: await lastArchivedBefore(moment, archive, backup),
  };
}

/** What was archived by then was written by then. */
async function lastArchivedBefore(
  moment: Date,
  archive: string,
  { startSegment }: BaseBackup,
): Promise<string> {
  let last = startSegment;
  for (const segment of (await entriesOf(archive)).filter(isSegment)) {
    if (segment > last && (await stat(join(archive, segment))).mtime <= moment) last = segment;
  }
  return last;
}

const lineageAt = (lineages: readonly Lineage[], moment: Date): Lineage =>
  lineages.filter(({ since }) => new Date(since) <= moment).at(-1) ?? lineages[0] ?? { number: 1, since: '' };

async function sourceForLsn(serving: ServingCluster, lsn: string, waiting: Waiting): Promise<RecoverySource> {
  const { home, facts } = serving.kit;
  const subject = `Recovery to LSN ${lsn}`;
  if (!LSN.test(lsn))
    throw new RecoveryRefused(subject, 'it is not written as Postgres writes one: 0/1A2B3C4');
  const lineage = currentLineage(facts).number;
  const backups = (await readBaseBackups(home)).filter((backup) => backup.lineage === lineage);
  const backup = backups.findLast(
    ({ stopLsn }) => stopLsn !== undefined && parseLsn(stopLsn) <= parseLsn(lsn),
  );
  if (backup === undefined) {
    const earliest = backups.find(({ stopLsn }) => stopLsn !== undefined)?.stopLsn;
    throw new RecoveryRefused(
      subject,
      earliest === undefined
        ? 'there is no base backup of the cluster since it was last cut over to or made; take a restore point first'
        : `the earliest LSN that can be returned to is ${earliest}`,
    );
  }
  const isPast = { sql: 'SELECT pg_current_wal_insert_lsn() >= $1::pg_lsn AS past', value: lsn };
  await archiveBeyond(serving, { subject, backup, isPast }, waiting);
  return {
    backup,
    goal: { archive: archiveOf(home, lineage), target: { lsn } },
    lastNeeded: segmentOf(backup, lsn),
  };
}

export const segmentOf = ({ startSegment, segmentBytes }: BaseBackup, lsn: string): string =>
  segmentUpTo(parseLsn(lsn), timelineOf(startSegment), segmentBytes);

const IN_FUTURE = 'it lies in the future';

const LSN = /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i;

interface Beyond {
  readonly subject: string;
  readonly backup: BaseBackup;
  readonly isPast: { readonly sql: string; readonly value: unknown };
}

/**
 * Recovery to a time ends at the first commit after it, that to an LSN at the first record, and both fail where there is
 * none: so one is made and archived.
 */
async function archiveBeyond(
  { kit, database }: ServingCluster,
  { subject, backup, isPast }: Beyond,
  { limits, signal }: Waiting,
): Promise<void> {
  // The cluster may be what is lost: then what is archived has to do, and recovery says whether it does.
  if (!(await answers(database))) return;
  await withSession(
    database,
    { applicationName: 'godwit-instance', statementTimeoutMs: 60_000 },
    async (session) => {
      const { past } = await one<{ past: boolean }>(session, isPast.sql, [isPast.value]);
      if (!past) throw new RecoveryRefused(subject, IN_FUTURE);
      // A transaction with an id of its own writes a commit record.
      await session.query('SELECT pg_current_xact_id()');
      const { last } = await one<{ last: string }>(
        session,
        'SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS last',
      );
      await session.query('SELECT pg_switch_wal()');
      const archive = { folder: archiveOf(kit.home, backup.lineage), serverLog: kit.home.log };
      // Older ones that are missing are told of by who looks at all that is needed.
      const range = { first: last, last, segmentBytes: backup.segmentBytes };
      await segmentsArrive(archive, session, range, { limitMs: limits.archiveMs, signal });
    },
  );
}

/** One without its files may still accept connections, only to say what it misses. */
async function answers(database: Database): Promise<boolean> {
  try {
    await withSession(database, { applicationName: 'godwit-instance' }, async () => undefined);
    return true;
  } catch (error) {
    if (error instanceof DatabaseUnreachable || error instanceof ConnectionLost) return false;
    if (error instanceof DatabaseRefused && FILES_LOST.test(error.sqlState)) return false;
    throw error;
  }
}

/** System errors, internal errors and corruption. */
const FILES_LOST = /^(58|XX)/;

/** Not `Z`: while the server starts it knows no abbreviations of time zones yet. */
const withOffset = (moment: Date): string => moment.toISOString().replace('Z', '+00');
