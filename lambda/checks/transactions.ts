/** Findings about sessions that would stand in a migration's way: old transactions, and transactions prepared and forgotten. */
import type { Finding } from '../domain/finding';
import type { Session } from '../ports/database';

interface OldTransaction {
  readonly pid: number;
  readonly usename: string | null;
  readonly application_name: string | null;
  readonly state: string | null;
  readonly age_ms: string;
}

export async function checkTransactions(session: Session, olderThanMs: number): Promise<readonly Finding[]> {
  const open = await session.query<OldTransaction>(OLD_TRANSACTIONS, [olderThanMs]);
  const hidden = await session.query<{ sessions: number }>(HIDDEN_SESSIONS);
  const prepared = await session.query<{ gid: string; age_ms: string }>(PREPARED_TRANSACTIONS, [olderThanMs]);
  return [
    ...hiddenFindings(hidden.rows[0]?.sessions ?? 0),
    ...open.rows.map(
      (row): Finding => ({
        id: 'old-transaction',
        severity: 'warning',
        subject: `session ${row.pid} of ${row.usename ?? '?'} (${row.application_name || 'no application name'}, ${row.state ?? '?'})`,
        effect: `its transaction is open for ${seconds(row.age_ms)}: whatever it has locked, the migration waits for, and CREATE INDEX CONCURRENTLY waits for it in any case`,
        remedy: `End it, or wait: SELECT pg_terminate_backend(${row.pid}).`,
      }),
    ),
    ...prepared.rows.map(
      (row): Finding => ({
        id: 'prepared-transaction',
        severity: 'warning',
        subject: `prepared transaction ${row.gid}`,
        effect: `it holds its locks for ${seconds(row.age_ms)}, over restarts too`,
        remedy: 'COMMIT PREPARED or ROLLBACK PREPARED it.',
      }),
    ),
  ];
}

/** Of other roles' sessions Postgres tells only those who may monitor: "none found" would not be true then. */
function hiddenFindings(sessions: number): readonly Finding[] {
  if (sessions === 0) return [];
  return [
    {
      id: 'sessions-hidden',
      severity: 'info',
      subject: 'pg_stat_activity',
      effect: `${sessions} session${sessions === 1 ? '' : 's'} of other roles cannot be looked into: whether old transactions stand in the way is not known`,
      remedy: 'GRANT pg_read_all_stats to the role.',
    },
  ];
}

const HIDDEN_SESSIONS = `
select count(*)::int as sessions
  from pg_stat_activity
 where datname = current_database()
   and usesysid is not null
   and not pg_has_role(usesysid, 'USAGE')
   and not pg_has_role('pg_read_all_stats', 'USAGE')`;

const seconds = (ms: string): string => `${Math.round(Number(ms) / 1000)} s`;

const OLD_TRANSACTIONS = `
select pid, usename::text, application_name, state,
       round(extract(epoch from now() - xact_start) * 1000)::text as age_ms
  from pg_stat_activity
 where datname = current_database()
   and pid <> pg_backend_pid()
   and backend_type = 'client backend'
   and xact_start < now() - $1::double precision * interval '1 millisecond'
 order by xact_start
 limit 20`;

const PREPARED_TRANSACTIONS = `
select gid, round(extract(epoch from now() - prepared) * 1000)::text as age_ms
  from pg_prepared_xacts
 where database = current_database()
   and prepared < now() - $1::double precision * interval '1 millisecond'
 order by prepared
 limit 20`;
