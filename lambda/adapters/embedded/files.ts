/** Small file operations that either happen wholly or not at all, and survive a power cut. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chown, lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const nonce = (): string => randomBytes(6).toString('hex');

/** By shape, not by class: errors of Node's own modules may come from another realm, as under Jest. */
export const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && codes.includes(String(error.code));

/** A quota that is used up and a limit on the size of files are no better than a disk that is full. */
export const isDiskFull = (error: unknown): boolean => hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG');

/** Whole or not at all: readers see the old content or the new. */
export async function writeAtomically(
  file: string,
  content: string,
  options: { mode?: number; owner?: Owner | undefined } = {},
): Promise<void> {
  const temporary = `${file}.${nonce()}.tmp`;
  try {
    await writeSynced(temporary, content, options.mode ?? 0o600);
    if (options.owner) await chown(temporary, options.owner.uid, options.owner.gid);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(file));
}

export async function writeSynced(file: string, content: string, mode: number): Promise<void> {
  const handle = await open(file, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A rename is durable only once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems do not sync folders.
    if (!hasCode(error, 'EINVAL', 'EISDIR', 'EPERM')) throw error;
  } finally {
    await handle.close();
  }
}

export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** `undefined` where the file is absent; a file that is not JSON throws. */
export async function readJsonIfThere<T>(file: string): Promise<T | undefined> {
  const text = await readIfThere(file);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

export const writeJson = (file: string, value: unknown): Promise<void> =>
  writeAtomically(file, `${JSON.stringify(value, null, 2)}\n`);

export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}

/** An owned folder; as an ordinary user everything is owned already. */
export async function makeFolder(folder: string, mode: number, owner: Owner | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode });
  if (owner) await chown(folder, owner.uid, owner.gid);
}

export const removeTree = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 3 });
