/** Copies data directories: a live one as Postgres allows it during a base backup, and one at rest. */
import { constants, readdirSync, statSync } from 'node:fs';
import { chown, copyFile, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as breath, setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../domain/errors';
import { copyOne } from './copy-file';
import { DiskTooFull, megabytes } from './errors';
import { hasCode, isDiskFull, makeFolder, nonce, type Owner } from './files';
import { RecoveryRefused } from './recovery-errors';

export interface CopyRequest {
  readonly from: string;
  readonly to: string;
  readonly owner: Owner | undefined;
  readonly signal: AbortSignal;
  readonly report?: (doneBytes: number, totalBytes: number) => void;
}

interface LiveCopyRequest extends CopyRequest {
  /** Large files are synced to disk as they are copied; the rest is the caller's. */
  readonly durable: boolean;
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

const AT_ONCE = 2;
/** Small files are copied without letting go: after so many, others have their turn. */
const FILES_PER_BREATH = 32;
/** What a copy must leave for the database that is being copied. */
const ROOM_TO_LEAVE_BYTES = 64 * 1_048_576;

/** Files may grow, shrink and vanish meanwhile: WAL since the start of the backup makes up for it. */
export async function copyLive(request: LiveCopyRequest): Promise<{ bytes: number }> {
  const tree = treeOf(request.from, { live: true });
  if (tree.folders.some((folder) => dirname(folder) === 'pg_tblspc')) {
    throw new RecoveryRefused('Base backup', 'tablespaces outside of the data directory are not supported');
  }
  const files = tree.files.filter(({ path }) => path !== CONTROL_FILE);
  const bytes = await copyFiles(request, { ...tree, files }, { live: true, durable: request.durable });
  await copyControlFile(request);
  return { bytes };
}

/** Every file must be there. */
export async function copyAtRest(request: CopyRequest): Promise<void> {
  await copyFiles(request, treeOf(request.from, { live: false }), { live: false, durable: false });
}

async function copyFiles(
  request: CopyRequest,
  tree: Tree,
  kind: { readonly live: boolean; readonly durable: boolean },
): Promise<number> {
  const { from, to, owner, signal, report } = request;
  const totalBytes = tree.files.reduce((sum, { size }) => sum + size, 0);
  await makeFolder(to, 0o700, owner);
  // btrfs, XFS and APFS copy a gigabyte in no time and without taking room.
  const sharing = await sharesBlocks(from, to);
  if (!sharing) await ensureRoom(to, totalBytes);
  for (const folder of tree.folders) await makeFolder(join(to, folder), 0o700, owner);
  let done = { files: 0, bytes: 0 };
  let failed = false;
  const queue = tree.files.values();
  const worker = async (): Promise<void> => {
    for (const { path, size } of queue) {
      signal.throwIfAborted();
      if (failed) return;
      try {
        await copyOne({ from: join(from, path), to: join(to, path), size, owner, ...kind, sharing, signal });
      } catch (error) {
        failed = true;
        throw isDiskFull(error)
          ? new DiskTooFull(to, `a copy filled it (${messageOf(error)})`, error)
          : error;
      }
      done = { files: done.files + 1, bytes: done.bytes + size };
      report?.(done.bytes, totalBytes);
      if (done.files % FILES_PER_BREATH === 0) await breath();
    }
  };
  await allSettled(Array.from({ length: AT_ONCE }, worker));
  return totalBytes;
}

/** With their sizes. */
export const filesIn = (root: string): Tree['files'] => treeOf(root, { live: false }).files;

/** Waits for all before it throws: nobody copies on into a folder that is being cleaned up. */
async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  const failure = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
}

function treeOf(root: string, { live }: { live: boolean }): Tree {
  const folders: string[] = [];
  const files: { path: string; size: number }[] = [];
  const walk = (folder: string): void => {
    for (const entry of orNone(() => readdirSync(join(root, folder), { withFileTypes: true }), live) ?? []) {
      if (live && SKIPPED.test(entry.name)) continue;
      const path = join(folder, entry.name);
      if (entry.isFile()) {
        const size = orNone(() => statSync(join(root, path)).size, live);
        if (size !== undefined) files.push({ path, size });
      } else {
        folders.push(path);
        if (entry.isDirectory() && !(live && EMPTY_FOLDERS.has(path))) walk(path);
      }
    }
  };
  walk('');
  return { folders, files };
}

/** In a live directory what was listed a moment ago may be gone. */
function orNone<T>(look: () => T, live: boolean): T | undefined {
  try {
    return look();
  } catch (error) {
    if (live && hasCode(error, 'ENOENT')) return undefined;
    throw error;
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
  if (owner) await chown(join(to, CONTROL_FILE), owner.uid, owner.gid);
}

/** A copy that filled the disk would stop the database that it is made of. */
async function ensureRoom(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes < neededBytes + ROOM_TO_LEAVE_BYTES) {
    throw new DiskTooFull(
      folder,
      `a copy needs ${megabytes(neededBytes + ROOM_TO_LEAVE_BYTES)}, and ${megabytes(freeBytes)} are free`,
    );
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
