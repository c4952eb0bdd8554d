/** Up to when what was committed could be brought back from the archive alone, told by the commits in the WAL itself. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, withSession } from '../../ports/database';
import { one } from './base-backup';
import { archiveOf, currentLineage } from './cluster-files';
import { hasCode } from './files';
import { type BaseBackup, readBaseBackups } from './recovery-records';
import type { ServingCluster } from './serving';
import {
  afterPageHeader,
  lastConsecutive,
  parseLsn,
  segmentEnd,
  segmentName,
  segmentNumber,
  timelineOf,
} from './wal';
import { CommitReader } from './wal-file';

/**
 * ISO 8601: until just before the first commit that is not in the archive, or until now where there is none. `undefined`
 * without a base backup that the archive leads on from.
 *
 * Neither the server's statistics nor the times of files tell this: a commit may be older than the last write to a
 * segment before its own, and after a crash the server does not know of earlier commits.
 */
export async function archivedUntil({ kit, database }: ServingCluster): Promise<string | undefined> {
  const { home, facts } = kit;
  const lineage = currentLineage(facts).number;
  const archive = archiveOf(home, lineage);
  const files = new Set(await readdir(archive).catch(emptyIfAbsent));
  const backups = (await readBaseBackups(home)).filter((backup) => backup.lineage === lineage);
  const last = backups.reverse().map((backup) => usableUntil(backup, files));
  const archived = last.find((segment) => segment !== undefined);
  const [newest] = backups;
  if (archived === undefined || newest === undefined) return undefined;
  const { now, flushed } = await present(database, newest.segmentBytes);
  const lost = await firstCommitAfter(archived, parseLsn(flushed), {
    segmentBytes: newest.segmentBytes,
    folders: [archive, join(home.pgData, 'pg_wal')],
  });
  // Commits are told to the microsecond, dates to the millisecond.
  return (lost === undefined ? now : new Date(lost.getTime() - 1)).toISOString();
}

function usableUntil(
  { startSegment, segmentBytes, startLsn, stopLsn = startLsn }: BaseBackup,
  files: ReadonlySet<string>,
): string | undefined {
  const last = lastConsecutive(startSegment, segmentBytes, files);
  if (last === undefined) return undefined;
  return segmentEnd(last, segmentBytes) >= parseLsn(stopLsn) ? last : undefined;
}

const POLL_MS = 10;
/** The WAL writer passes three times, 200 ms apart, until it has written what was committed asynchronously. */
const ASYNC_COMMIT_MS = 800;

/** Now, and a place behind all that was committed by now. */
const present = (database: Database, segmentBytes: number): Promise<{ now: Date; flushed: string }> =>
  withSession(
    database,
    { applicationName: 'godwit-archiving', readOnly: true, statementTimeoutMs: 10_000 },
    async (session) => {
      const { now, inserted } = await one<{ now: Date; inserted: string }>(
        session,
        'SELECT clock_timestamp() AS now, pg_current_wal_insert_lsn()::text AS inserted',
      );
      const deadline = Date.now() + ASYNC_COMMIT_MS;
      for (;;) {
        const { flushed } = await one<{ flushed: string }>(
          session,
          'SELECT pg_current_wal_flush_lsn()::text AS flushed',
        );
        const isAll = afterPageHeader(parseLsn(flushed), segmentBytes) >= parseLsn(inserted);
        if (isAll || Date.now() > deadline) return { now, flushed };
        await sleep(POLL_MS);
      }
    },
  );

/** Of those that end in the first segment with any: those further on were committed later. */
async function firstCommitAfter(
  archived: string,
  flushed: bigint,
  { segmentBytes, folders }: { segmentBytes: number; folders: readonly string[] },
): Promise<Date | undefined> {
  const archivedEnd = segmentEnd(archived, segmentBytes);
  const reader = new CommitReader();
  for (let number = segmentNumber(archived, segmentBytes); ; number += 1n) {
    const start = number * BigInt(segmentBytes);
    if (start >= flushed) return undefined;
    const segment = await readSegment(segmentName(timelineOf(archived), number, segmentBytes), folders);
    const times = reader
      .commitsIn(segment, start, flushed)
      .filter(({ end }) => end > archivedEnd)
      .map(({ at }) => at.getTime());
    if (times.length > 0) return new Date(Math.min(...times));
  }
}

/** A segment that is archived meanwhile may leave the server's own folder. */
async function readSegment(name: string, [first = '', ...others]: readonly string[]): Promise<Buffer> {
  try {
    return await readFile(join(first, name));
  } catch (error) {
    if (others.length > 0 && hasCode(error, 'ENOENT')) return readSegment(name, others);
    throw error;
  }
}

function emptyIfAbsent(error: unknown): readonly string[] {
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
  throw error;
}
