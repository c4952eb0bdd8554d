/** One holder at a time among all processes of this machine; a holder that died without letting go is noticed. */
import { link, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockNotFreed } from './errors';
import { hasCode, nonce, readIfThere, writeSynced } from './files';
import { isAlive, type ProcessMark, thisProcess } from './processes';

interface Holder extends ProcessMark {
  readonly nonce: string;
}

export interface LockOptions {
  readonly waitMs: number;
  readonly pollMs?: number;
  /** Ends the wait, not the work. */
  readonly signal?: AbortSignal;
}

export async function withFileLock<T>(
  file: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  await acquire(file, options);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function acquire(file: string, { waitMs, pollMs = 10, signal }: LockOptions): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (!(await tryHold(file))) {
    signal?.throwIfAborted();
    const holder = await readHolder(file);
    if (holder !== undefined && !isAlive(holder)) {
      await clearDead(file, holder);
    } else if (Date.now() > deadline) {
      throw new LockNotFreed(file, holder?.pid ?? 0, waitMs);
    } else {
      await sleep(pollMs);
    }
  }
}

/** Linked into place whole: nobody ever reads a lock that does not yet say whose it is. */
async function tryHold(file: string): Promise<boolean> {
  const mine: Holder = { ...thisProcess(), nonce: nonce() };
  const draft = `${file}.${mine.nonce}`;
  await writeSynced(draft, JSON.stringify(mine), 0o600);
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes a dead holder's lock under a second lock: two who both saw it dead must not both remove it, the later one
 * would remove the earlier one's new lock.
 */
async function clearDead(file: string, dead: Holder): Promise<void> {
  const guard = `${file}.clearing`;
  if (!(await tryHold(guard))) {
    const clearing = await readHolder(guard);
    if (clearing !== undefined && !isAlive(clearing)) await rm(guard, { force: true });
    else await sleep(5);
    return;
  }
  try {
    const holder = await readHolder(file);
    if (holder?.nonce === dead.nonce) await rm(file, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** Whoever holds the lock now, or died while holding it. */
export const lockHolder = (file: string): Promise<ProcessMark | undefined> => readHolder(file);

async function readHolder(file: string): Promise<Holder | undefined> {
  const text = await readIfThere(file);
  return text === undefined ? undefined : (JSON.parse(text) as Holder);
}
