/** Watches WAL reach the archive. A segment in the folder is archived: `basic_archive` renames it into place whole. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../domain/errors';
import { type Database, type Session, withSession } from '../../ports/database';
import type { ArchivingHealth } from '../../ports/recovery';
import { isThere } from './files';
import { ArchivingStalled } from './recovery-errors';
import { lastLines, logSince } from './server';
import { segmentsBetween } from './wal';

export interface Archive {
  readonly folder: string;
  readonly serverLog: string;
}

interface ArchiverState {
  readonly mode: string;
  readonly failed: boolean;
  readonly failedWal: string | null;
  readonly failedSince: string | null;
}

const POLL_MS = 10;
/**
 * The archiver tries three times, a second apart, and then again a minute later: nothing is gained by waiting. The first
 * of the three may have failed before the count began.
 */
const FAILURES_THAT_TELL = 2;
/** Older segments are archived before younger ones; one that is missing behind the last is gone for good. */
const STRAGGLER_MS = 2_000;

/** Answers whether all of them are in the archive; `false` where older ones are missing although the last has arrived. */
export async function segmentsArrive(
  archive: Archive,
  session: Session,
  range: { first: string; last: string; segmentBytes: number },
  { limitMs, signal }: { limitMs: number; signal: AbortSignal },
): Promise<boolean> {
  const before = await failuresSoFar(session);
  const deadline = Date.now() + limitMs;
  while (!(await isThere(join(archive.folder, range.last)))) {
    signal.throwIfAborted();
    const hopeless = (await failuresSoFar(session)) - before >= FAILURES_THAT_TELL;
    if (hopeless || Date.now() > deadline) {
      throw new ArchivingStalled(archive.folder, await describeTrouble(archive, session, range.last));
    }
    await sleep(POLL_MS, undefined, { signal });
  }
  const stragglersUntil = Date.now() + STRAGGLER_MS;
  for (;;) {
    if (await haveAll(archive.folder, segmentsBetween(range.first, range.last, range.segmentBytes)))
      return true;
    if (Date.now() > stragglersUntil) return false;
    await sleep(POLL_MS, undefined, { signal });
  }
}

/**
 * `basic_archive` writes into `archtemp.<segment>.<pid>.<time>` and leaves that behind when it fails: on a full disk one
 * after the other. The newest one of a segment that has not arrived may be at work. A folder that is not there has none.
 */
export async function clearLeftovers(folder: string): Promise<void> {
  const files = await readdir(folder).catch((): string[] => []);
  const drafts = files.flatMap((file) => {
    const [, segment, at] = DRAFT.exec(file) ?? [];
    return segment === undefined ? [] : [{ file, segment, at: Number(at) }];
  });
  for (const { file, segment, at } of drafts) {
    const isNewest = drafts.every((other) => other.segment !== segment || other.at <= at);
    if (!isNewest || files.includes(segment)) await rm(join(folder, file), { force: true });
  }
}

const DRAFT = /^archtemp\.(.+)\.\d+\.(\d+)$/;

export async function haveAll(folder: string, segments: readonly string[]): Promise<boolean> {
  const there = new Set(await readdir(folder));
  return segments.every((segment) => there.has(segment));
}

async function failuresSoFar(session: Session): Promise<number> {
  const { rows } = await session.query<{ count: string }>(
    'SELECT failed_count AS count FROM pg_stat_archiver',
  );
  return Number(rows[0]?.count ?? 0);
}

async function stateOf(session: Session): Promise<ArchiverState> {
  const { rows } = await session.query<ArchiverState>(
    `SELECT current_setting('archive_mode') AS mode,
            coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL) AS failed,
            last_failed_wal AS "failedWal",
            to_char(last_failed_time, 'YYYY-MM-DD HH24:MI:SS') AS "failedSince"
       FROM pg_stat_archiver`,
  );
  return rows[0] ?? { mode: 'unknown', failed: false, failedWal: null, failedSince: null };
}

async function describeTrouble(archive: Archive, session: Session, segment: string): Promise<string> {
  if (!(await isThere(archive.folder))) return 'the folder does not exist';
  const { mode, failed, failedWal, failedSince } = await stateOf(session);
  if (mode !== 'on') return `archive_mode is ${mode}`;
  const said = archiverLine(await logSince(archive.serverLog, 0));
  const log = said === undefined ? '' : `; the server says: ${said}`;
  return failed
    ? `archiving ${failedWal} failed, last at ${failedSince} UTC${log}`
    : `${segment} has not arrived in time${log}`;
}

/** What the archiver last complained about; that it gives up for now is no reason. */
function archiverLine(log: string): string | undefined {
  const lines = log
    .split('\n')
    .filter(
      (line) => /(ERROR|WARNING|FATAL): .*archiv/.test(line) && !line.includes('failed too many times'),
    );
  return lines.length === 0
    ? undefined
    : lastLines(lines.join('\n'), 1).replace(/^.*?(ERROR|WARNING|FATAL): +/, '');
}

const PROBE_LIMIT_MS = 8_000;

/** Tried, not concluded from statistics: those say how it went last time, and a repaired folder is retried a minute late. */
export async function probeArchiving(archive: Archive, database: Database): Promise<ArchivingHealth> {
  try {
    const began = Date.now();
    const segment = await withSession(
      database,
      { applicationName: 'godwit-archiving', statementTimeoutMs: 2 * PROBE_LIMIT_MS },
      async (session) => {
        const { mode } = await stateOf(session);
        if (mode !== 'on') throw new ArchivingStalled(archive.folder, `archive_mode is ${mode}`);
        // Without something written since the last switch there would be nothing to archive.
        const { rows } = await session.query<{ segment: string }>(
          `SELECT pg_walfile_name(pg_logical_emit_message(false, 'godwit', 'archiving')) AS segment`,
        );
        await session.query('SELECT pg_switch_wal()');
        const last = rows[0]?.segment ?? '';
        const { signal } = new AbortController();
        await segmentsArrive(
          archive,
          session,
          { first: last, last, segmentBytes: 1 },
          { limitMs: PROBE_LIMIT_MS, signal },
        );
        return last;
      },
    );
    return {
      healthy: true,
      evidence: `Segment ${segment} reached ${archive.folder} within ${Date.now() - began} ms.`,
    };
  } catch (error) {
    if (error instanceof ArchivingStalled) return { healthy: false, evidence: messageOf(error) };
    throw error;
  } finally {
    await clearLeftovers(archive.folder);
  }
}
