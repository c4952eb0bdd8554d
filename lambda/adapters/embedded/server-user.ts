/** Whom the server runs as: ourselves, except that Postgres refuses root. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ServerUserUnusable } from './errors';
import type { Owner } from './files';

const CANDIDATES = ['postgres', 'nobody'] as const;

/** `undefined`: as whoever we are. No user is ever created: that is not ours to do on somebody's machine. */
export async function findServerUser(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  for (const name of CANDIDATES) {
    const user = userIn(passwd, name);
    if (user !== undefined) return user;
  }
  throw new ServerUserUnusable(
    `/etc/passwd knows neither of the users ${CANDIDATES.join(' and ')} to run it as`,
  );
}

export function userIn(passwd: string, name: string): Owner | undefined {
  const [, , uid, gid] =
    passwd
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':') ?? [];
  const owner = { uid: Number(uid), gid: Number(gid) };
  return owner.uid > 0 && Number.isInteger(owner.gid) ? owner : undefined;
}

/** Tried, not computed from modes: ACLs, mounts and user namespaces have their say, too. */
export async function tryAs(
  user: Owner | undefined,
  program: string,
  args: readonly string[],
): Promise<{ ok: true } | { ok: false; error: unknown }> {
  try {
    await promisify(execFile)(program, [...args], {
      cwd: '/',
      timeout: 20_000,
      env: serverEnvironment(),
      ...user,
    });
    return { ok: true };
  } catch (error) {
    return { ok: false, error };
  }
}

export const canEnter = async (user: Owner | undefined, folder: string): Promise<boolean> =>
  (await tryAs(user, '/bin/sh', ['-c', 'cd "$1"', 'sh', folder])).ok;

/** Nothing of ours: PGDATA, PGPORT or a foreign locale would change what the server does. */
export const serverEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
});
