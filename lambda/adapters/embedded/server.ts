/** Starts and stops one Postgres server on one data directory, and always knows which process that is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseError } from 'pg';
import { messageOf } from '../../domain/errors';
import { type Database, DatabaseUnreachable, withSession } from '../../ports/database';
import type { Binaries } from './binaries';
import { ServerFailed } from './errors';
import { type Owner, readIfThere } from './files';
import { pidExists, postgresIn, signal, worksIn } from './processes';
import { serverEnvironment } from './server-user';
import { asArguments, type Settings } from './settings';

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
}

export interface StartRequest {
  readonly pgData: string;
  readonly binaries: Binaries;
  readonly user: Owner | undefined;
  readonly settings: Settings;
  readonly logFile: string;
  /** Opens sessions on the server that is about to start. */
  readonly database: Database;
  readonly signal?: AbortSignal;
  /** Told at once: whoever ends before the server is ready must be able to end it. */
  readonly launched?: (pid: number) => void;
}

export type StartOutcome =
  | { readonly outcome: 'started'; readonly pid: number }
  | { readonly outcome: 'port-taken' };

const POLL_MS = 20;
/** Until the port is open. */
const SILENCE_LIMIT_MS = 60_000;
/** While it says that it is starting up: crash recovery and replaying WAL take their time. */
const RECOVERY_LIMIT_MS = 30 * 60_000;
/** After the postmaster was killed its children notice within moments; until then the data directory is still in use. */
const ORPHANS_LIMIT_MS = 20_000;
const FAST_STOP_LIMIT_MS = 60_000;
const IMMEDIATE_STOP_LIMIT_MS = 15_000;

/** The server on this data directory, if its postmaster lives. A pid file alone proves nothing: pids are reused. */
export async function findRunning(pgData: string): Promise<RunningServer | undefined> {
  const pidFile = await readPidFile(pgData);
  if (pidFile === undefined || !pidExists(pidFile.pid)) return undefined;
  return (await worksIn(pidFile.pid, await realpath(pgData))) === false ? undefined : pidFile;
}

async function readPidFile(pgData: string): Promise<RunningServer | undefined> {
  const lines = (await readIfThere(join(pgData, 'postmaster.pid')))?.split('\n');
  const pid = Number(lines?.[0]);
  return Number.isInteger(pid) && pid > 0 ? { pid, port: Number(lines?.[3]) } : undefined;
}

/** @throws ServerFailed */
export async function startServer(request: StartRequest): Promise<StartOutcome> {
  const deadline = Date.now() + ORPHANS_LIMIT_MS;
  for (;;) {
    const attempt = await launch(request);
    request.launched?.(attempt.pid);
    const outcome = await untilReady(request, attempt);
    if (outcome === 'ready') return { outcome: 'started', pid: attempt.pid };
    if (outcome.includes('Address already in use')) return { outcome: 'port-taken' };
    if (!isDirectoryBusy(outcome) || Date.now() > deadline) {
      throw failed(
        request,
        `Postgres did not start on ${request.pgData}${reasonOf(attempt, outcome)}`,
        outcome,
      );
    }
    await clearRecycledPidFile(request, outcome);
    await sleep(200);
  }
}

const isDirectoryBusy = (log: string): boolean =>
  log.includes('pre-existing shared memory block') ||
  log.includes('lock file "postmaster.pid" already exists');

/**
 * Postgres refuses to start while the pid in its file exists, whoever that is by now. The file is removed only where
 * that process surely is not a Postgres on this directory; shared memory still guards against orphaned backends.
 */
async function clearRecycledPidFile({ pgData }: StartRequest, log: string): Promise<void> {
  if (!log.includes('lock file "postmaster.pid" already exists')) return;
  const pidFile = await readPidFile(pgData);
  if (pidFile && (await worksIn(pidFile.pid, await realpath(pgData))) === false) {
    await rm(join(pgData, 'postmaster.pid'), { force: true });
  }
}

interface Attempt {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly logStart: number;
}

async function launch({ binaries, pgData, settings, logFile, user }: StartRequest): Promise<Attempt> {
  // It belongs to whoever starts the server, not to the server: the server gets it open.
  const log = await open(logFile, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
  try {
    const logStart = (await log.stat()).size;
    const child = spawn(binaries.postgres, ['-D', pgData, ...asArguments(settings)], {
      cwd: '/',
      // A session of its own: neither Ctrl-C in the terminal nor our own end reaches it.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: serverEnvironment(),
      ...user,
    });
    await spawned(child, { logFile, pgData });
    child.unref();
    return { pid: child.pid ?? 0, child, logStart };
  } finally {
    await log.close();
  }
}

const spawned = (
  child: ChildProcess,
  { logFile, pgData }: { logFile: string; pgData: string },
): Promise<void> =>
  new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(
        new ServerFailed({
          problem: `Postgres could not be run on ${pgData}: ${messageOf(cause)}`,
          logFile,
          logTail: '',
          cause,
        }),
      ),
    );
  });

const hasExited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** `ready`, or what the server wrote before it gave up. */
async function untilReady(request: StartRequest, attempt: Attempt): Promise<'ready' | string> {
  const began = Date.now();
  let answered = false;
  for (;;) {
    if (request.signal?.aborted) {
      signal(attempt.pid, 'SIGQUIT');
      await gone(attempt.pid, IMMEDIATE_STOP_LIMIT_MS);
      throw request.signal.reason;
    }
    if (hasExited(attempt.child)) return withoutKnocks(await logSince(request.logFile, attempt.logStart));
    const answer = await knock(request.database, request.pgData);
    if (answer === 'ready') return 'ready';
    answered ||= answer === 'starting';
    if (Date.now() - began > (answered ? RECOVERY_LIMIT_MS : SILENCE_LIMIT_MS)) {
      signal(attempt.pid, 'SIGQUIT');
      const log = await logSince(request.logFile, attempt.logStart);
      throw failed(
        request,
        `Postgres on ${request.pgData} was not ready in time and was stopped`,
        withoutKnocks(log),
      );
    }
    await sleep(POLL_MS);
  }
}

/** Waits for a server that somebody else started. */
export async function waitUntilReady(
  database: Database,
  pgData: string,
  pid: number,
  logFile: string,
): Promise<void> {
  const deadline = Date.now() + SILENCE_LIMIT_MS;
  while ((await knock(database, pgData)) !== 'ready') {
    if (!pidExists(pid) || Date.now() > deadline) {
      const logTail = lastLines(await logSince(logFile, 0));
      throw new ServerFailed({
        problem: `Postgres on ${pgData} (process ${pid}) does not answer`,
        logFile,
        logTail,
      });
    }
    await sleep(POLL_MS);
  }
}

async function knock(database: Database, pgData: string): Promise<'ready' | 'starting' | 'silent'> {
  try {
    const { rows } = await withSession(
      database,
      { applicationName: 'godwit-start', statementTimeoutMs: 5_000, readOnly: true },
      (session) =>
        session.query<{ directory: string; recovering: boolean }>(
          `SELECT current_setting('data_directory') AS directory, pg_is_in_recovery() AS recovering`,
        ),
    );
    const [row] = rows;
    // On a port that was taken meanwhile another server may know the same user and password.
    if (row === undefined || (await realpath(row.directory)) !== (await realpath(pgData))) return 'silent';
    return row.recovering ? 'starting' : 'ready';
  } catch (error) {
    if (!(error instanceof DatabaseUnreachable)) return 'silent';
    return error.cause instanceof DatabaseError ? 'starting' : 'silent';
  }
}

/** Nothing is written and nothing archived: for data that is about to be deleted. Ends what a killed postmaster left, too. */
export async function killServer(pgData: string): Promise<void> {
  const running = await findRunning(pgData);
  if (running !== undefined) {
    signal(running.pid, 'SIGQUIT');
    await gone(running.pid, IMMEDIATE_STOP_LIMIT_MS);
  }
  const left = await postgresIn(pgData);
  for (const pid of left) signal(pid, 'SIGKILL');
  for (const pid of left) await gone(pid, IMMEDIATE_STOP_LIMIT_MS);
}

/** Ends open sessions, writes a checkpoint, archives what is left; where that takes too long, recovery will do it. */
export async function stopServer(pgData: string, logFile: string): Promise<'stopped' | 'not-running'> {
  const running = await findRunning(pgData);
  if (running === undefined) return 'not-running';
  signal(running.pid, 'SIGINT');
  if (await gone(running.pid, FAST_STOP_LIMIT_MS)) return 'stopped';
  signal(running.pid, 'SIGQUIT');
  if (await gone(running.pid, IMMEDIATE_STOP_LIMIT_MS)) return 'stopped';
  const logTail = lastLines(await logSince(logFile, 0));
  throw new ServerFailed({
    problem: `Postgres on ${pgData} (process ${running.pid}) does not stop`,
    logFile,
    logTail,
  });
}

async function gone(pid: number, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (pidExists(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

const LOG_READ_BYTES = 65_536;

export async function logSince(file: string, start: number): Promise<string> {
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size === 0) return '';
  const from = Math.max(start, size - LOG_READ_BYTES);
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** What it died of, in its own words where it had the time for them. */
function reasonOf({ child }: Attempt, log: string): string {
  if (child.signalCode !== null) return `: it was ended by ${child.signalCode}`;
  const reason = [...log.matchAll(/(?:FATAL|PANIC): +(.*)/g)].at(-1)?.[1];
  return reason === undefined ? '' : `: ${reason}`;
}

/** What it says to those who ask whether it is ready. */
const withoutKnocks = (log: string): string =>
  log.replace(/^.*FATAL: +the database system is .*\n(?:.*DETAIL: .*\n)?/gm, '');

export const lastLines = (log: string, count = 12): string =>
  log.trimEnd().split('\n').slice(-count).join('\n');

const failed = ({ logFile }: StartRequest, problem: string, log: string): ServerFailed =>
  new ServerFailed({ problem, logFile, logTail: lastLines(log) });
