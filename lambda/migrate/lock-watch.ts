/** Watches, from a session of its own, who waits because of the migration and who makes it wait. Never fails the migration. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Database, Session } from '../ports/database';
import { shorten } from '../sql/summary';

/** The executor's sessions are known by their names: a watch needs no word from the one that it watches. */
export const EXECUTOR_NAME = 'godwit migrate';
const POLL_MS = 40;
const RECONNECT_MS = 500;

export interface WorstWait {
  readonly waitedMs: number;
  readonly pid: number;
  readonly relation: string | undefined;
  readonly query: string;
}

export interface Blocker {
  readonly pid: number;
  readonly user: string;
  readonly applicationName: string;
  readonly state: string;
  readonly query: string;
  /** Age of its transaction. */
  readonly ageMs: number;
}

export interface LockWatch {
  /** The longest that anybody was seen to wait for the migration, 0 for nobody. */
  worstBlockingMs(): number;
  /** Who was last seen, since this was last asked, to keep the migration waiting; empty where nobody was seen. */
  takeBlockers(): readonly Blocker[];
  /** May be called again. */
  stop(): Promise<{ readonly worstBlockingMs: number; readonly worst: WorstWait | undefined }>;
}

export async function startLockWatch(options: {
  readonly database: Database;
  readonly pollMs?: number;
}): Promise<LockWatch> {
  const stopping = new AbortController();
  let worst: WorstWait | undefined;
  let blockers: readonly Blocker[] = [];

  async function poll(session: Session): Promise<void> {
    const waits = await readWaits(session);
    const ours = new Set(await executorPids(session, waits));
    for (const wait of waitingFor(ours, waits)) {
      if (wait.waitedMs > (worst?.waitedMs ?? 0)) worst = wait;
    }
    const blocking = new Set(waits.filter(({ pid }) => ours.has(pid)).flatMap((wait) => wait.blockedBy));
    if (blocking.size > 0) blockers = await readSessions(session, [...blocking]);
  }

  const connect = (): Promise<Session | undefined> =>
    options.database
      .connect({ applicationName: 'godwit watch', statementTimeoutMs: 5_000, readOnly: true })
      .catch(() => undefined);

  async function run(first: Session | undefined): Promise<void> {
    let session = first;
    while (!stopping.signal.aborted) {
      try {
        session ??= await connect();
        if (session !== undefined) await poll(session);
        await pause(session === undefined ? RECONNECT_MS : (options.pollMs ?? POLL_MS), stopping.signal);
      } catch {
        // Without a session there is nothing to see for a while; the next round may get one.
        await session?.close();
        session = undefined;
      }
    }
    await session?.close();
  }

  const running = run(await connect());
  return {
    worstBlockingMs: () => worst?.waitedMs ?? 0,
    takeBlockers: () => {
      const taken = blockers;
      blockers = [];
      return taken;
    },
    stop: async () => {
      stopping.abort();
      await running;
      return { worstBlockingMs: worst?.waitedMs ?? 0, worst };
    },
  };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);

/** In a sentence, for a message. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  if (blockers.length === 0) return 'Who held the lock could not be seen.';
  const each = blockers.map(
    ({ pid, user, applicationName, state, ageMs, query }) =>
      `session ${pid} (user ${user}, application "${applicationName}", ${state}, transaction open for ${ageMs} ms: ${shorten(query, 100)})`,
  );
  return `Held by ${each.join(' and ')}.`;
}

interface Wait extends WorstWait {
  readonly blockedBy: readonly number[];
}

/**
 * Everybody who waits for us, or for one who waits for us: `pg_blocking_pids` names those ahead in the queue, too,
 * and so a reader behind our waiting ALTER TABLE counts from the moment that it queues.
 */
export function waitingFor(ours: ReadonlySet<number>, waits: readonly Wait[]): Wait[] {
  const behind = new Set(ours);
  for (let before = -1; before !== behind.size; ) {
    before = behind.size;
    for (const { pid, blockedBy } of waits)
      if (blockedBy.some((blocker) => behind.has(blocker))) behind.add(pid);
  }
  return waits.filter(({ pid }) => behind.has(pid) && !ours.has(pid));
}

/** Looks into the lock table only where somebody waits at all: reading it takes the lock manager's own locks. */
async function readWaits(session: Session): Promise<Wait[]> {
  const { rows: waiting } = await session.query<{ pid: number }>(
    "SELECT pid FROM pg_catalog.pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = pg_catalog.current_database()",
  );
  if (waiting.length === 0) return [];
  const { rows } = await session.query<{
    pid: number;
    waited_ms: number;
    relation: string | null;
    query: string | null;
    blocked_by: number[];
  }>(
    `SELECT l.pid, (extract(epoch FROM pg_catalog.clock_timestamp() - l.waitstart) * 1000)::float8 AS waited_ms,
       c.relname AS relation, a.query, pg_catalog.pg_blocking_pids(l.pid) AS blocked_by
     FROM pg_catalog.pg_locks l
     JOIN pg_catalog.pg_stat_activity a USING (pid)
     LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
     WHERE NOT l.granted AND l.waitstart IS NOT NULL AND l.pid = ANY ($1::int[])`,
    [waiting.map(({ pid }) => pid)],
  );
  return rows.map((row) => ({
    pid: row.pid,
    waitedMs: Math.round(row.waited_ms),
    relation: row.relation ?? undefined,
    query: shorten(row.query ?? '', 200),
    blockedBy: row.blocked_by,
  }));
}

async function executorPids(session: Session, waits: readonly Wait[]): Promise<number[]> {
  if (waits.length === 0) return [];
  const { rows } = await session.query<{ pid: number }>(
    `SELECT pid FROM pg_catalog.pg_stat_activity
     WHERE pg_catalog.starts_with(application_name, $1) AND datname = pg_catalog.current_database()`,
    [EXECUTOR_NAME],
  );
  return rows.map(({ pid }) => pid);
}

async function readSessions(session: Session, pids: readonly number[]): Promise<Blocker[]> {
  const { rows } = await session.query<{
    pid: number;
    user: string | null;
    application: string | null;
    state: string | null;
    query: string | null;
    age_ms: number | null;
  }>(
    `SELECT pid, usename AS "user", application_name AS application, state, query,
       (extract(epoch FROM pg_catalog.clock_timestamp() - COALESCE(xact_start, state_change)) * 1000)::float8 AS age_ms
     FROM pg_catalog.pg_stat_activity WHERE pid = ANY ($1::int[])`,
    [pids],
  );
  return rows.map((row) => ({
    pid: row.pid,
    user: row.user ?? '?',
    applicationName: row.application ?? '',
    state: row.state ?? '?',
    query: row.query ?? '',
    ageMs: Math.round(row.age_ms ?? 0),
  }));
}
