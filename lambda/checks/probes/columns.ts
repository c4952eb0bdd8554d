/** Which tables and columns there are, by the numbers that they keep when they are renamed. */
import type { Session } from '../../ports/database';

export interface ProbeColumn {
  /** `attnum`: stays with the column whatever it is called. */
  readonly number: number;
  readonly name: string;
  /** As in `CREATE TABLE`, e.g. `numeric(36,18)`. */
  readonly type: string;
  /** Bare name of the type; of a domain, the one below it. */
  readonly base: string;
  /** `atttypmod`: length, precision and scale; -1 without. */
  readonly modifier: number;
  readonly isArray: boolean;
  /** Labels of an enum, in order. */
  readonly labels: readonly string[] | null;
  readonly isNullable: boolean;
  /** Of the primary key. */
  readonly isKey: boolean;
  /** References another table: only a few values are valid. */
  readonly isReference: boolean;
  /** Not computed by the server. */
  readonly isWritable: boolean;
}

export interface ProbeTable {
  /** `pg_class.oid`: stays with the table whatever it is called. */
  readonly oid: string;
  /** Quoted, with its schema. */
  readonly name: string;
  readonly bytes: number;
  readonly columns: readonly ProbeColumn[];
}

/** By oid; ordinary tables with rows of their own, partitions among them. */
export type Tables = ReadonlyMap<string, ProbeTable>;

export async function readTables(session: Session): Promise<Tables> {
  const { rows } = await session.query<ProbeTable>(TABLES);
  return new Map(rows.map((table) => [table.oid, table]));
}

/** Where a table is now: the same one, or, if that is gone, another under its name. */
export const successorOf = (table: ProbeTable, now: Tables): ProbeTable | undefined =>
  now.get(table.oid) ?? [...now.values()].find(({ name }) => name === table.name);

export function successorOfColumn(
  table: ProbeTable,
  column: ProbeColumn,
  successor: ProbeTable,
): ProbeColumn | undefined {
  const same =
    successor.oid === table.oid
      ? successor.columns.find(({ number }) => number === column.number)
      : undefined;
  return same ?? successor.columns.find(({ name }) => name === column.name);
}

const TABLES = `
with tables as (
  select c.oid, '"' || replace(n.nspname, '"', '""') || '"."' || replace(c.relname, '"', '""') || '"' as name,
         pg_relation_size(c.oid)::float8 as bytes
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'r' and c.relpersistence <> 't'
     and n.nspname not in ('pg_catalog', 'information_schema', '_godwit') and not starts_with(n.nspname, 'pg_')
     and c.relname <> '_prisma_migrations'
     and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
)
select r.oid::text as oid, r.name, r.bytes,
       coalesce(jsonb_agg(jsonb_build_object(
         'number', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
         'base', coalesce(below.typname, t.typname), 'modifier', case when t.typtype = 'd' then t.typtypmod else a.atttypmod end,
         'isArray', coalesce(below.typcategory, t.typcategory) = 'A',
         'labels', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = coalesce(below.oid, t.oid)),
         'isNullable', not a.attnotnull and not t.typnotnull,
         'isKey', exists (select from pg_constraint k where k.conrelid = r.oid and k.contype = 'p' and a.attnum = any (k.conkey)),
         'isReference', exists (select from pg_constraint k where k.conrelid = r.oid and k.contype = 'f' and a.attnum = any (k.conkey)),
         'isWritable', a.attgenerated = '' and a.attidentity <> 'a'
       ) order by a.attnum) filter (where a.attnum is not null), '[]') as columns
  from tables r
  left join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_type t on t.oid = a.atttypid
  left join pg_type below on t.typtype = 'd' and below.oid = t.typbasetype
 group by r.oid, r.name, r.bytes
 order by r.name`;
