/** Reads what Postgres counts of writes, to tell later what was written since. */
import type { RowChanges, WriteCounters } from '../domain/data-loss';
import type { Session } from '../ports/database';

interface Row extends Omit<WriteCounters, 'tables' | 'at'> {
  readonly at: Date;
  readonly tables: Readonly<Record<string, RowChanges>> | null;
}

/**
 * Reported by other sessions with up to a second's delay, and by those that ended without any. After a crash, or a reset
 * of the statistics, the counters begin anew.
 */
export async function readWriteCounters(session: Session): Promise<WriteCounters> {
  const { rows } = await session.query<Row>(COUNTERS);
  const [row] = rows as [Row];
  return { ...row, at: row.at.toISOString(), tables: row.tables ?? {} };
}

const COUNTERS = `
select clock_timestamp() as at,
       pg_snapshot_xmax(pg_current_snapshot())::text as "nextTransaction",
       -- The second tells of a crash, after which all begin anew without a word in the first.
       concat_ws(' ', (select coalesce(stats_reset::text, '-') from pg_stat_database where datname = current_database()),
                 (select stats_reset::text from pg_stat_bgwriter)) as epoch,
       (select jsonb_object_agg(format('%I.%I', schemaname, relname),
                                jsonb_build_object('inserted', n_tup_ins, 'updated', n_tup_upd, 'deleted', n_tup_del))
          from pg_stat_user_tables
         where schemaname <> '_godwit' and relname <> '_prisma_migrations') as tables`;
