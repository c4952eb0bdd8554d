/** Makes a new data directory: whole or not at all. */
import { execFile } from 'node:child_process';
import { appendFile, chown, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../domain/errors';
import type { Binaries } from './binaries';
import { type ClusterFacts, entriesOf, type Home } from './cluster-files';
import { ServerFailed } from './errors';
import { makeFolder, nonce, type Owner, removeTree, syncFolder, writeAtomically, writeSynced } from './files';
import { serverEnvironment } from './server-user';
import { comfortSettings, type Durability } from './settings';

const DRAFT = 'cluster.new-';
const LIMIT_MS = 120_000;
const COMFORT_FILE = 'godwit.conf';

export async function initialize(request: {
  readonly home: Home;
  readonly facts: ClusterFacts;
  readonly binaries: Binaries;
  readonly user: Owner | undefined;
  readonly durability: Durability;
}): Promise<void> {
  const { home, facts, binaries, user, durability } = request;
  await removeDrafts(home);
  const draft = join(home.folder, `${DRAFT}${nonce()}`);
  const passwordFile = `${draft}.password`;
  await makeFolder(draft, 0o700, user);
  try {
    await writeSynced(passwordFile, `${facts.password}\n`, 0o600);
    if (user) await chown(passwordFile, user.uid, user.gid);
    await runInitdb(binaries, user, [
      `--pgdata=${draft}`,
      `--username=${facts.user}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // Postgres's own C.UTF-8 sorts alike on every operating system and release; libc and ICU do not.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--data-checksums',
      '--no-instructions',
      ...(durability.fsync ? [] : ['--no-sync']),
    ]);
    await appendFile(join(draft, 'postgresql.conf'), `include_if_exists = '${COMFORT_FILE}'\n`);
    await rename(draft, home.pgData);
    await syncFolder(home.folder);
  } finally {
    await rm(passwordFile, { force: true });
    await removeTree(draft);
  }
}

async function runInitdb(
  binaries: Binaries,
  user: Owner | undefined,
  args: readonly string[],
): Promise<void> {
  try {
    await promisify(execFile)(binaries.initdb, [...args], {
      cwd: '/',
      timeout: LIMIT_MS,
      env: serverEnvironment(),
      ...user,
    });
  } catch (error) {
    throw initdbFailed(binaries, 'initdb failed', error);
  }
}

/** Everything in a data directory whose server does not run; in two passes, so that the disk is not waited for file by file. */
export async function syncTree(
  { binaries, user }: { readonly binaries: Binaries; readonly user: Owner | undefined },
  pgData: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await promisify(execFile)(binaries.initdb, ['--sync-only', '-D', pgData], {
      cwd: '/',
      env: serverEnvironment(),
      signal,
      ...user,
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw initdbFailed(binaries, `The files in ${pgData} could not be synced to disk`, error);
  }
}

function initdbFailed({ initdb }: Binaries, problem: string, cause: unknown): ServerFailed {
  const output = (cause as { stderr?: string }).stderr ?? '';
  const said = output.trim().split('\n').at(-1) || messageOf(cause);
  return new ServerFailed({ problem: `${problem}: ${said}`, logFile: initdb, logTail: output, cause });
}

/** Of processes that were killed while they made one; the caller holds the cluster's lock. */
async function removeDrafts(home: Home): Promise<void> {
  for (const entry of await entriesOf(home.folder)) {
    if (entry.startsWith(DRAFT)) await removeTree(join(home.folder, entry));
  }
}

export const writeComfortSettings = (
  pgData: string,
  user: Owner | undefined,
  durability: Durability,
): Promise<void> => writeAtomically(join(pgData, COMFORT_FILE), comfortSettings(durability), { owner: user });
