/** Reads what Postgres counts of writes, to tell later what was written since. */
import type { Counted, WriteCounters } from '../domain/data-loss';
import type { Session } from '../ports/database';

interface Row extends Omit<WriteCounters, 'tables' | 'databases' | 'at'> {
  readonly at: Date;
  readonly tables: Counted | null;
  readonly databases: Counted | null;
}

/**
 * Reported by other sessions with up to a second's delay, and by those that ended without any. After a crash, or a reset
 * of the statistics, the counters begin anew.
 */
export async function readWriteCounters(session: Session): Promise<WriteCounters> {
  const { rows } = await session.query<Row>(COUNTERS);
  const [row] = rows as [Row];
  return { ...row, at: row.at.toISOString(), tables: row.tables ?? {}, databases: row.databases ?? {} };
}

const COUNTERS = `
select clock_timestamp() as at,
       pg_snapshot_xmax(pg_current_snapshot())::text as "nextTransaction",
       -- The second tells of a crash, after which all begin anew without a word in the first.
       concat_ws(' ', (select coalesce(stats_reset::text, '-') from pg_stat_database where datname = current_database()),
                 (select stats_reset::text from pg_stat_bgwriter)) as epoch,
       (select jsonb_object_agg(relid, jsonb_build_object('name', format('%I.%I', schemaname, s.relname), 'inserted', n_tup_ins,
                                                          'updated', n_tup_upd, 'deleted', n_tup_del))
          from pg_stat_user_tables s join pg_class c on c.oid = relid
         where c.relpersistence = 'p' and schemaname <> '_godwit' and s.relname <> '_prisma_migrations') as tables,
       -- RDS writes into its own all the time.
       (select jsonb_object_agg(datid, jsonb_build_object('name', d.datname, 'inserted', tup_inserted, 'updated', tup_updated,
                                                          'deleted', tup_deleted))
          from pg_stat_database s join pg_database d on d.oid = s.datid
         where d.datname not in (current_database(), 'rdsadmin') and not d.datistemplate) as databases,
       array(select format('%I.%I', n.nspname, c.relname)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where c.relkind = 'r' and c.relpersistence = 'u' order by 1) as unlogged`;
