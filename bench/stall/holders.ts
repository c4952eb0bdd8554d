/** Sessions of the application that hold the table when the migration comes: one for long, or two that take turns. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import type { CaseName } from './cases';

export interface Holders {
  /** As the server numbers their sessions. */
  readonly pids: readonly number[];
  end(): Promise<void>;
}

const IDLE_MS = 3_000;
const ROTATING_MS = 300;
/** Both have had their turn. */
const ROTATION_SETTLED_MS = 700;

export async function startHolders(name: CaseName, database: Database): Promise<Holders | undefined> {
  if (name === 'lock-queue') return hold(database, [{ forMs: IDLE_MS, firstAfterMs: 0, again: 'once' }]);
  if (name !== 'rotating-250' && name !== 'rotating-100') return undefined;
  const holders = await hold(database, [
    { forMs: ROTATING_MS, firstAfterMs: 0, again: 'always' },
    { forMs: ROTATING_MS, firstAfterMs: ROTATING_MS / 2, again: 'always' },
  ]);
  await sleep(ROTATION_SETTLED_MS);
  return holders;
}

interface Holder {
  readonly forMs: number;
  readonly firstAfterMs: number;
  readonly again: 'once' | 'always';
}

async function hold(database: Database, holders: readonly Holder[]): Promise<Holders> {
  const ending = new AbortController();
  const begun = await Promise.all(holders.map((holder) => beginHolding(database, holder, ending.signal)));
  return {
    pids: begun.map(({ pid }) => pid),
    end: async () => {
      ending.abort();
      await Promise.all(begun.map(({ ended }) => ended));
    },
  };
}

/** Answers when the table is held for the first time. */
async function beginHolding(
  database: Database,
  holder: Holder,
  signal: AbortSignal,
): Promise<{ pid: number; ended: Promise<void> }> {
  return new Promise((resolve, reject) => {
    const ended: Promise<void> = withSession(
      database,
      { applicationName: 'bench holder' },
      async (session) => {
        await pause(holder.firstAfterMs, signal);
        await beginTransaction(session);
        resolve({ pid: session.backendPid, ended });
        for (;;) {
          await pause(holder.forMs, signal);
          await session.query('COMMIT');
          if (holder.again === 'once' || signal.aborted) return;
          await beginTransaction(session);
        }
      },
    );
    ended.catch(reject);
  });
}

async function beginTransaction(session: Session): Promise<void> {
  await session.query('BEGIN');
  await session.query('SELECT FROM "TokenBalance" LIMIT 1');
}

const pause = (ms: number, signal: AbortSignal): Promise<unknown> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);
