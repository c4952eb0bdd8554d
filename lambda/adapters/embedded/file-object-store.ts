/** Keeps objects as plain files that people can read; conditional writes hold between processes and through crashes. */
import { createHash } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ObjectStore, PutResult, StoredObject } from '../../ports/object-store';
import { NameUnusable, StoreUnusable } from './errors';
import { withFileLock } from './file-lock';
import { hasCode, nonce, syncFolder, writeSynced } from './files';

/** Drafts and locks; no key can lead here. */
const OWN_FOLDER = '.store';
const LOCK_WAIT_MS = 30_000;
const TROUBLE_WITH_DISK = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR', 'EIO'] as const;

export class FileObjectStore implements ObjectStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = resolve(root);
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#named(() => this.#get(key));
  }

  putIfAbsent(key: string, body: string): Promise<PutResult> {
    return this.#named(() => this.#putIfAbsent(key, body));
  }

  putIfMatch(key: string, body: string, version: string): Promise<PutResult> {
    return this.#named(() => this.#putIfMatch(key, body, version));
  }

  list(prefix: string): Promise<readonly string[]> {
    return this.#named(() => this.#list(prefix));
  }

  async #named<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (hasCode(error, ...TROUBLE_WITH_DISK)) throw new StoreUnusable(this.#root, error);
      throw error;
    }
  }

  async #get(key: string): Promise<StoredObject | undefined> {
    const found = await this.#read(key);
    return found && { body: found.body, version: found.version };
  }

  async #putIfAbsent(key: string, body: string): Promise<PutResult> {
    const path = this.#pathOf(key);
    return this.#withDraft(body, Date.now(), async (draft, version) => {
      await makeFolderFor(key, path);
      try {
        // Unlike a rename a link never replaces what is there.
        await link(draft, path);
      } catch (error) {
        if (hasCode(error, 'EEXIST')) return { outcome: 'conflict' };
        throw error;
      }
      await syncFolder(dirname(path));
      return { outcome: 'written', version };
    });
  }

  async #putIfMatch(key: string, body: string, version: string): Promise<PutResult> {
    const path = this.#pathOf(key);
    // Looked at without the lock first: who comes too late need not wait for it.
    if ((await this.#read(key))?.version !== version) return { outcome: 'conflict' };
    const lock = join(await this.#ownFolder('locks'), hashOf(key));
    return withFileLock(lock, { waitMs: LOCK_WAIT_MS, pollMs: 2 }, async () => {
      const current = await this.#read(key);
      if (current?.version !== version) return { outcome: 'conflict' };
      const writtenAt = Math.max(Date.now(), current.writtenAt + 1);
      return this.#withDraft(body, writtenAt, async (draft, written) => {
        await rename(draft, path);
        await syncFolder(dirname(path));
        return { outcome: 'written', version: written };
      });
    });
  }

  async #list(prefix: string): Promise<readonly string[]> {
    // The deepest folder that the prefix names completely; its last part may be the beginning of a name.
    const folder = prefix.includes('/') ? prefix.slice(0, prefix.lastIndexOf('/')) : '';
    if (folder !== '') checkKey(folder);
    const keys = await keysUnder(this.#root, folder);
    return keys.filter((key) => key.startsWith(prefix)).sort();
  }

  async #read(key: string): Promise<(StoredObject & { writtenAt: number }) | undefined> {
    try {
      const handle = await open(this.#pathOf(key), 'r');
      try {
        // Of the one file that was opened, even if it is replaced meanwhile.
        const writtenAt = (await handle.stat()).mtime.getTime();
        const body = await handle.readFile('utf8');
        return { body, writtenAt, version: versionOf(body, writtenAt) };
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  /**
   * The time of writing is the version's counter: whole milliseconds, later with every write of a key, so that a body
   * which comes back does not bring its old version back.
   */
  async #withDraft<T>(
    body: string,
    writtenAt: number,
    use: (draft: string, version: string) => Promise<T>,
  ): Promise<T> {
    const draft = join(await this.#ownFolder('drafts'), nonce());
    try {
      await writeSynced(draft, body, 0o600);
      await utimes(draft, new Date(writtenAt), new Date(writtenAt));
      return await use(draft, versionOf(body, writtenAt));
    } finally {
      await rm(draft, { force: true });
    }
  }

  async #ownFolder(name: 'drafts' | 'locks'): Promise<string> {
    const folder = join(this.#root, OWN_FOLDER, name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  #pathOf(key: string): string {
    checkKey(key);
    return join(this.#root, key);
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
const versionOf = (body: string, writtenAt: number): string => `${writtenAt}-${hashOf(body)}`;

/** Keys become paths: none may lead out of the store, into its own folder, or look different on another system. */
function checkKey(key: string): void {
  const problem = problemOf(key);
  if (problem !== undefined) {
    throw new NameUnusable(key, problem, 'Keys look like runs/2026-01-31/journal.json.');
  }
}

function problemOf(key: string): string | undefined {
  const parts = key.split('/');
  if (parts.some((part) => part === '')) return 'a part between slashes is empty';
  if (parts.some((part) => part === '.' || part === '..')) return 'it leads to another folder';
  if (parts[0] === OWN_FOLDER) return `${OWN_FOLDER} is the store's own folder`;
  if (/[\p{Cc}\\]/u.test(key)) return 'it holds a backslash or a control character';
  if (parts.some((part) => Buffer.byteLength(part) > 255)) return 'a part is longer than 255 bytes';
  return undefined;
}

/** A key that is also the folder of other keys works on S3 and not here. */
async function makeFolderFor(key: string, path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, 'EEXIST', 'ENOTDIR')) throw error;
    throw new NameUnusable(key, 'another key has the name of one of its folders', 'Choose another key.');
  }
}

async function keysUnder(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  });
  const keys = await Promise.all(
    entries.map(async (entry) => {
      const key = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (key === OWN_FOLDER) return [];
      return entry.isDirectory() ? keysUnder(root, key) : [key];
    }),
  );
  return keys.flat();
}
