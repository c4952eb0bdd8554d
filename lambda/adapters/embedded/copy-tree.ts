/** Copies data directories: a live one as Postgres allows it during a base backup, and one at rest. */
import { constants } from 'node:fs';
import {
  copyFile,
  type FileHandle,
  open,
  readdir,
  readFile,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiskTooFull, RecoveryRefused } from './errors';
import { hasCode, makeFolder, nonce, type Owner } from './files';

export interface CopyRequest {
  readonly from: string;
  readonly to: string;
  readonly owner: Owner | undefined;
  readonly signal: AbortSignal;
  readonly report?: (doneBytes: number, totalBytes: number) => void;
}

interface LiveOrNot extends CopyRequest {
  readonly live: boolean;
}

interface Tree {
  readonly folders: readonly string[];
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Recreated by the server from what the other files and the WAL say; old content would even be wrong. */
const EMPTY_FOLDERS = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);
const SKIPPED =
  /^(postmaster\.(pid|opts)|pgsql_tmp.*|pg_internal\.init.*|.*\.tmp|backup_label(\.old)?|tablespace_map(\.old)?)$/;
const CONTROL_FILE = join('global', 'pg_control');

const CHUNK_BYTES = 1_048_576;
const AT_ONCE = 4;
/** What a copy must leave for the database that is being copied. */
const ROOM_TO_LEAVE_BYTES = 64 * CHUNK_BYTES;

/** Files may grow, shrink and vanish meanwhile: WAL since the start of the backup makes up for it. */
export async function copyLive(request: CopyRequest): Promise<{ bytes: number }> {
  const tree = await treeOf(request.from, { live: true });
  if (tree.folders.some((folder) => dirname(folder) === 'pg_tblspc')) {
    throw new RecoveryRefused('Base backup', 'tablespaces outside of the data directory are not supported');
  }
  const files = tree.files.filter(({ path }) => path !== CONTROL_FILE);
  const bytes = await copyFiles({ ...request, live: true }, { ...tree, files }, copyPages);
  await copyControlFile(request);
  return { bytes };
}

/** Every file must be there. */
export async function copyAtRest(request: CopyRequest): Promise<void> {
  await copyFiles({ ...request, live: false }, await treeOf(request.from, { live: false }), copyWhole);
}

async function copyFiles(
  request: LiveOrNot,
  tree: Tree,
  copyBytes: (from: string, to: string, request: LiveOrNot) => Promise<void>,
): Promise<number> {
  const { from, to, owner, signal, report } = request;
  const totalBytes = tree.files.reduce((sum, { size }) => sum + size, 0);
  await makeFolder(to, 0o700, owner);
  // btrfs, XFS and APFS copy a gigabyte in no time and without taking room.
  const sharing = await sharesBlocks(from, to);
  if (!sharing) await ensureRoom(to, totalBytes);
  const copy = sharing ? share : copyBytes;
  for (const folder of tree.folders) await makeFolder(join(to, folder), 0o700, owner);
  let doneBytes = 0;
  const queue = tree.files.values();
  const worker = async (): Promise<void> => {
    for (const { path, size } of queue) {
      signal.throwIfAborted();
      await copy(join(from, path), join(to, path), request);
      doneBytes += size;
      report?.(doneBytes, totalBytes);
    }
  };
  await allSettled(Array.from({ length: AT_ONCE }, worker));
  return totalBytes;
}

/** Waits for all before it throws: nobody copies on into a folder that is being cleaned up. */
async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
}

async function treeOf(root: string, { live }: { live: boolean }): Promise<Tree> {
  const folders: string[] = [];
  const files: { path: string; size: number }[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await entriesIn(join(root, folder), live)) {
      if (live && SKIPPED.test(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isFile()) {
        const size = await sizeOf(join(root, path), live);
        if (size !== undefined) files.push({ path, size });
      } else {
        folders.push(path);
        if (entry.isDirectory() && !(live && EMPTY_FOLDERS.has(path))) await walk(path);
      }
    }
  };
  await walk('');
  return { folders, files };
}

const entriesIn = (folder: string, live: boolean) =>
  readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (live && hasCode(error, 'ENOENT')) return [];
    throw error;
  });

const sizeOf = (file: string, live: boolean): Promise<number | undefined> =>
  stat(file).then(
    ({ size }) => size,
    (error: unknown) => {
      if (live && hasCode(error, 'ENOENT')) return undefined;
      throw error;
    },
  );

/**
 * Read until the end as it is then, not until the size it had: `fs.copyFile` waits for bytes that will never come when
 * the server truncates the file meanwhile.
 */
async function copyPages(from: string, to: string, { owner, signal }: CopyRequest): Promise<void> {
  let source: FileHandle;
  try {
    source = await open(from, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  try {
    const target = await open(to, 'w', 0o600);
    try {
      await pump(source, target, signal);
      if (owner) await target.chown(owner.uid, owner.gid);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function pump(source: FileHandle, target: FileHandle, signal: AbortSignal): Promise<void> {
  const { size } = await source.stat();
  const chunk = Buffer.allocUnsafe(Math.max(8192, Math.min(size, CHUNK_BYTES)));
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await source.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return;
    await target.writeFile(chunk.subarray(0, bytesRead));
  }
}

async function share(from: string, to: string, { owner, live }: LiveOrNot): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
  } catch (error) {
    if (live && hasCode(error, 'ENOENT')) return;
    throw error;
  }
  await own(to, owner);
}

async function copyWhole(from: string, to: string, { owner }: CopyRequest): Promise<void> {
  await copyFile(from, to);
  await own(to, owner);
}

async function own(file: string, owner: Owner | undefined): Promise<void> {
  if (!owner) return;
  const handle = await open(file, 'r');
  try {
    await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
}

/** Read until two readings agree: the server rewrites it in place, and a reading may fall into the middle of that. */
async function copyControlFile({ from, to, owner }: CopyRequest): Promise<void> {
  let before = await readFile(join(from, CONTROL_FILE));
  for (;;) {
    await sleep(5);
    const after = await readFile(join(from, CONTROL_FILE));
    if (after.equals(before)) break;
    before = after;
  }
  await writeFile(join(to, CONTROL_FILE), before, { mode: 0o600 });
  await own(join(to, CONTROL_FILE), owner);
}

/** A copy that filled the disk would stop the database that it is made of. */
async function ensureRoom(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes < neededBytes + ROOM_TO_LEAVE_BYTES) {
    throw new DiskTooFull(folder, neededBytes + ROOM_TO_LEAVE_BYTES, freeBytes);
  }
}

async function sharesBlocks(from: string, to: string): Promise<boolean> {
  const probe = join(to, `.probe-${nonce()}`);
  try {
    await copyFile(join(from, CONTROL_FILE), probe, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    await rm(probe, { force: true });
  }
}
