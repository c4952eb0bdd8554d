/** Who keeps the migration waiting, and how that is said. */
import type { Session } from '../../ports/database';
import { shorten } from '../../sql/summary';

export interface Blocker {
  readonly pid: number;
  readonly user: string;
  readonly applicationName: string;
  readonly state: string;
  readonly query: string;
  /** Age of its transaction. */
  readonly ageMs: number;
}

/** In a sentence, for a message. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  if (blockers.length === 0) return 'Who held the lock could not be seen.';
  const each = blockers.map(
    ({ pid, user, applicationName, state, ageMs, query }) =>
      `session ${pid} (user ${user}, application "${applicationName}", ${state}, transaction open for ${ageMs} ms: ${shorten(query, 100)})`,
  );
  return `Held by ${each.join(' and ')}.`;
}

export async function readBlockers(session: Session, pids: readonly number[]): Promise<readonly Blocker[]> {
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
