/** Finds the tools to compare with where they are installed: a Postgres with pg_basebackup, and pgBackRest. */
import { access, constants, readdir, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { findServerUser } from '../../lambda/adapters/embedded/server-user';
import { runTool } from './tool';

export interface Peers {
  readonly postgres: PeerPostgres | undefined;
  readonly pgBackRest: PeerTool | undefined;
  /** What is left out, and why. */
  readonly notes: readonly string[];
}

export interface PeerTool {
  readonly program: string;
  readonly version: string;
}

export interface PeerPostgres {
  /** Holds `initdb`, `postgres` and `pg_basebackup`. */
  readonly folder: string;
  readonly version: string;
}

/** Where Debian puts the versions beside each other. */
const DEBIAN = '/usr/lib/postgresql';
const NEEDED = ['initdb', 'postgres', 'pg_basebackup'] as const;
/** The first with `basic_archive`, so that WAL is archived as by the embedded cluster. */
const OLDEST_MAJOR = 15;

export async function findPeers(signal: AbortSignal): Promise<Peers> {
  const paths = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const postgres = await newestPostgres([...(await debianFolders()), ...paths], signal);
  const pgBackRest = await firstPgBackRest(paths, signal);
  const notes: string[] = [];
  if (postgres === undefined)
    notes.push(`no Postgres ${OLDEST_MAJOR} or newer with pg_basebackup is installed: no peer is measured`);
  else if (pgBackRest === undefined) notes.push('pgBackRest is not installed: it is left out');
  return { postgres, pgBackRest, notes };
}

const debianFolders = async (): Promise<readonly string[]> =>
  (await readdir(DEBIAN).catch(() => [])).map((major) => join(DEBIAN, major, 'bin'));

async function newestPostgres(
  folders: readonly string[],
  signal: AbortSignal,
): Promise<PeerPostgres | undefined> {
  const found: PeerPostgres[] = [];
  for (const folder of folders) {
    const programs = await Promise.all(NEEDED.map((name) => executable(join(folder, name))));
    if (!programs.every((program) => program !== undefined)) continue;
    const version = await versionOf(join(folder, 'postgres'), signal);
    if (version !== undefined) found.push({ folder: await realpath(folder), version });
  }
  const newest = found.sort((one, other) => majorOf(other) - majorOf(one))[0];
  return newest !== undefined && majorOf(newest) >= OLDEST_MAJOR ? newest : undefined;
}

async function firstPgBackRest(
  folders: readonly string[],
  signal: AbortSignal,
): Promise<PeerTool | undefined> {
  for (const folder of folders) {
    const program = await executable(join(folder, 'pgbackrest'));
    if (program === undefined) continue;
    const version = await versionOf(program, signal, 'version');
    if (version !== undefined) return { program, version };
  }
  return undefined;
}

const executable = (path: string): Promise<string | undefined> =>
  access(path, constants.X_OK).then(
    () => path,
    () => undefined,
  );

/** `undefined` where it does not run, e.g. for want of a library. */
async function versionOf(
  program: string,
  signal: AbortSignal,
  option = '--version',
): Promise<string | undefined> {
  const user = await findServerUser();
  const said = await runTool({ program, args: [option], user, signal }).catch(() => undefined);
  signal.throwIfAborted();
  return said === undefined ? undefined : versionIn(said);
}

/** `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `pgBackRest 2.45`. */
export const versionIn = (said: string): string | undefined => /\s(\d+(?:\.\d+)*)/.exec(said)?.[1];

const majorOf = ({ version }: PeerPostgres): number => Number.parseInt(version, 10);
