/**
 * A session that sees exactly what a restore point holds, found while others go on writing.
 *
 * It must have looked before the restore point, with nothing committed in between. Snapshots alone do not tell: a
 * transaction whose commit record precedes the restore point is recovered, and yet looks unfinished for as long as that
 * record is being flushed. So after the restore point nobody may be writing, and only then may the snapshots be equal.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Session } from '../ports/database';

export interface AlignedView {
  readonly session: Session;
  /** For other sessions that shall see the same. */
  readonly exportedSnapshot: string;
}

export interface Follower {
  /** `undefined` where somebody wrote: ask about another place. The view's session is the caller's to close. */
  viewAt(lsn: string): Promise<AlignedView | undefined>;
  /** Views that were given stay. Stopped again, nothing happens. */
  stop(): Promise<void>;
}

interface Looker {
  readonly session: Session;
  readonly snapshot: string;
  /** It looked before this place in the WAL was reached. */
  readonly from: bigint;
  /** Nothing was committed up to here. */
  upTo: bigint;
}

/** Between two looks; whatever is committed around the restore point within so much keeps it from being proven. */
const PAUSE_MS = 1;
/** Each holds back the removal of dead rows. */
const MOST_LOOKERS = 4;
const OPTIONS = { applicationName: 'godwit proof', readOnly: true, lockTimeoutMs: 1_000 } as const;

/** Begin it before the restore point is begun, and ask it about each place that is tried. */
export async function followWrites(database: Database): Promise<Follower> {
  const probe = await database.connect(OPTIONS);
  const lookers: Looker[] = [];
  let isStopped = false;
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };
  const following = (async () => {
    while (!isStopped) {
      await inTurn(() => lookAgain(database, probe, lookers));
      await sleep(PAUSE_MS);
    }
  })();
  // Told to whoever asks for a view.
  following.catch(() => {
    isStopped = true;
  });
  return {
    viewAt: (lsn) =>
      inTurn(async () => {
        if (isStopped) await following;
        const found = await lookerAt(placeOf(lsn), probe, lookers);
        if (found === undefined) return undefined;
        const exportedSnapshot = await exportSnapshot(found.session);
        lookers.splice(lookers.indexOf(found), 1);
        return { session: found.session, exportedSnapshot };
      }),
    stop: async () => {
      isStopped = true;
      await following.catch(() => undefined);
      await turn;
      await probe.close();
      for (const { session } of lookers.splice(0)) await session.close();
    },
  };
}

async function lookerAt(
  place: bigint,
  probe: Session,
  lookers: readonly Looker[],
): Promise<Looker | undefined> {
  const newest = lookers.at(-1);
  if (newest && newest.from < place) await prolong(probe, newest);
  return lookers.find(({ from, upTo }) => from < place && place <= upTo);
}

async function lookAgain(database: Database, probe: Session, lookers: Looker[]): Promise<void> {
  const newest = lookers.at(-1);
  if (newest && (await prolong(probe, newest))) return;
  // One past which no WAL was written cannot have seen a restore point pass.
  const isOfUse = newest !== undefined && newest.upTo > newest.from;
  if (newest && !isOfUse) lookers.pop();
  const oldest = lookers.length >= MOST_LOOKERS ? lookers.shift() : undefined;
  await oldest?.session.close();
  const used = newest && !isOfUse ? newest.session : undefined;
  const session = used ?? (await database.connect(OPTIONS));
  try {
    await used?.query('rollback');
    lookers.push(await look(session));
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function look(session: Session): Promise<Looker> {
  await session.query('begin transaction isolation level repeatable read read only');
  // The snapshot is taken before the place is asked for.
  const { rows } = await session.query<{ snapshot: string; lsn: string }>(
    'select pg_current_snapshot()::text as snapshot, pg_current_wal_insert_lsn()::text as lsn',
  );
  const from = placeOf(rows[0]?.lsn ?? '');
  return { session, snapshot: rows[0]?.snapshot ?? '', from, upTo: from };
}

/** In this order: the place, then whether anybody is writing, then whether anybody has committed. */
async function prolong(probe: Session, looker: Looker): Promise<boolean> {
  const place = await one(probe, 'select pg_current_wal_insert_lsn()::text as answer');
  const writers = await one(probe, WRITERS);
  const snapshot = await one(probe, 'select pg_current_snapshot()::text as answer');
  if (writers !== '0' || snapshot !== looker.snapshot) return false;
  looker.upTo = placeOf(place);
  return true;
}

/** Every transaction that writes holds this lock until it is seen as ended, prepared ones included. */
const WRITERS = `select count(*)::text as answer from pg_locks where locktype = 'transactionid' and mode = 'ExclusiveLock'`;

async function one(session: Session, sql: string): Promise<string> {
  const { rows } = await session.query<{ answer: string }>(sql);
  return rows[0]?.answer ?? '';
}

const exportSnapshot = (session: Session): Promise<string> =>
  one(session, 'select pg_export_snapshot() as answer');

/** `16/B374D848`: two halves of 32 bits in hexadecimal. */
function placeOf(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
