/** Decides where the data and the binaries lie, so that the server's user can reach both. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { messageOf } from '../../domain/errors';
import { type Binaries, copyBinaries, hydrateLinks } from './binaries';
import { BinariesUnusable, ServerUserUnusable } from './errors';
import type { Owner } from './files';
import { canEnter, tryAs } from './server-user';

export interface PlacementRequest {
  readonly dataDir: string;
  readonly user: Owner | undefined;
  /** Where things go that a user other than root must reach. */
  readonly systemFolder: string;
  readonly log: (message: string) => void;
}

/**
 * @param settledHome where the data lies already; it is not moved any more
 * @throws ServerUserUnusable
 */
export async function placeData(
  settledHome: string | undefined,
  { dataDir, user, systemFolder, log }: PlacementRequest,
): Promise<string> {
  // Everybody may pass through as far as the server's own folders, which are its alone.
  await mkdir(dataDir, { recursive: true, mode: user ? 0o755 : 0o700 });
  const wanted = settledHome ?? dataDir;
  if (await canEnter(user, wanted)) return wanted;
  if (settledHome !== undefined) {
    throw new ServerUserUnusable(
      `user ${user?.uid} cannot enter ${settledHome} any more, where the data lies`,
    );
  }
  const home = join(systemFolder, nameFor(dataDir));
  await makeReachable(home, user);
  log(`User ${user?.uid}, whom Postgres runs as, cannot enter ${dataDir}: the data lies in ${home}.`);
  return home;
}

/** Readable, and different for different folders of one name. */
const nameFor = (dataDir: string): string =>
  `${basename(dataDir).replace(/^\.+/, '') || 'data'}-${createHash('sha256').update(dataDir).digest('hex').slice(0, 10)}`;

async function makeReachable(folder: string, user: Owner | undefined): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new ServerUserUnusable(`${folder} cannot be made for its data (${messageOf(error)})`, error);
  }
  if (!(await canEnter(user, folder))) {
    throw new ServerUserUnusable(`user ${user?.uid} can enter neither the data folder nor ${folder}`);
  }
}

/** @throws BinariesUnusable */
export async function placeBinaries(
  binaries: Binaries,
  { dataDir, user, systemFolder, log }: PlacementRequest,
): Promise<Binaries> {
  const whole = await hydrateLinks(binaries);
  const asInstalled = await tryAs(user, binaries.postgres, ['--version']);
  if (whole && asInstalled.ok) return binaries;
  const parent = user ? systemFolder : dataDir;
  try {
    await mkdir(parent, { recursive: true, mode: 0o755 });
    const copy = await copyBinaries(binaries, parent);
    const copied = await tryAs(user, copy.postgres, ['--version']);
    if (!copied.ok) throw copied.error;
    log(
      `The Postgres binaries in ${binaries.folder} cannot be used where they are: copied to ${copy.folder}.`,
    );
    return copy;
  } catch (error) {
    throw new BinariesUnusable(
      binaries.folder,
      messageOf(error),
      'They need glibc (Alpine has none) and files that the server may read and execute; or give --database-url.',
      error,
    );
  }
}
