/** Who runs: tells a living process from a recycled process id. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { hasCode } from './files';

/** A process id alone is reused; together with the time it was started at it is not. */
export interface ProcessMark {
  readonly pid: number;
  /** Clock ticks since boot on Linux, empty elsewhere. */
  readonly startedAt: string;
}

export const markOf = (pid: number): ProcessMark => ({ pid, startedAt: startTicks(pid) ?? '' });

export const thisProcess = (): ProcessMark => markOf(process.pid);

export function isAlive(mark: ProcessMark): boolean {
  if (!pidExists(mark.pid)) return false;
  const ticks = startTicks(mark.pid);
  return mark.startedAt === '' || ticks === undefined || ticks === mark.startedAt;
}

export const isThisProcess = (mark: ProcessMark): boolean =>
  mark.pid === process.pid && (mark.startedAt === '' || mark.startedAt === (startTicks(process.pid) ?? ''));

export function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/** Killed but not yet reaped by its parent: it holds nothing any more. */
const isZombie = (pid: number): boolean => statFields(pid)?.[0] === 'Z';

const startTicks = (pid: number): string | undefined => statFields(pid)?.[19];

/** The fields of /proc/<pid>/stat from the state on; the command name before it may hold blanks and parentheses. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/**
 * Whether the process works in that data directory: a postmaster changes into its data directory and stays there.
 * `undefined` where it cannot be told.
 */
export async function worksIn(pid: number, folder: string): Promise<boolean | undefined> {
  if (process.platform === 'linux') {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch((error: unknown) => error);
    if (typeof cwd === 'string') return cwd === folder;
    if (hasCode(cwd, 'ENOENT', 'ESRCH')) return false;
  }
  const command = await commandOf(pid);
  if (command === undefined) return pidExists(pid) ? undefined : false;
  return command.includes('postgres') && command.includes(folder);
}

/** Servers' processes that work in that folder, their postmaster or not; on Linux only. */
export async function postgresIn(folder: string): Promise<readonly number[]> {
  if (process.platform !== 'linux') return [];
  const there = join(await realpath(dirname(folder)).catch(() => dirname(folder)), basename(folder));
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      // Of a folder that was deleted meanwhile the kernel says so.
      return (
        (cwd === there || cwd === `${there} (deleted)`) &&
        (await commandOf(pid))?.includes('postgres') === true
      );
    }),
  );
  return pids.filter((_, index) => found[index]);
}

async function commandOf(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    }
    const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]);
    return stdout;
  } catch {
    return undefined;
  }
}

/** How a server was asked to do something; a process that has gone meanwhile is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
