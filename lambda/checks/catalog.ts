/** The schema as the catalog has it, line by line, so that two states can be proven equal: finer than any diff tool's model. */
import type { Session } from '../ports/database';

/** One line per object, e.g. `constraint "Wallet" wallet_address_format: CHECK (…)`; sorted. */
export type CatalogPicture = readonly string[];

/** Ledger and statement journal are Godwit's and Prisma's own bookkeeping, not the application's schema. */
const OWN_TABLES = ['_prisma_migrations'];
const OWN_SCHEMAS = ['_godwit'];

export async function pictureCatalog(session: Session): Promise<CatalogPicture> {
  const { rows } = await session.query<{ line: string }>(CATALOG_LINES, [OWN_SCHEMAS, OWN_TABLES]);
  return rows.map((row) => row.line).sort();
}

export interface CatalogDifference {
  readonly lost: readonly string[];
  readonly added: readonly string[];
}

export function differenceOf(before: CatalogPicture, after: CatalogPicture): CatalogDifference {
  const earlier = new Set(before);
  const later = new Set(after);
  return {
    lost: before.filter((line) => !later.has(line)),
    added: after.filter((line) => !earlier.has(line)),
  };
}

export const isSame = (difference: CatalogDifference): boolean =>
  difference.lost.length === 0 && difference.added.length === 0;

/**
 * Column positions are left out on purpose: dropping and adding a column moves it to the end, which no application
 * that names its columns can see.
 */
const CATALOG_LINES = `
with relations as (
  select c.oid, c.relkind, c.relname, c.relacl, c.relowner, c.relrowsecurity, c.relreplident, n.nspname,
         format('%I.%I', n.nspname, c.relname) as name
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
   where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%' and n.nspname not like 'pg_temp%'
     and n.nspname <> all ($1::text[])
     and not (n.nspname = current_schema() and c.relname = any ($2::text[]))
     and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
)
select format('relation %s: kind %s, owner %s, row security %s, replica identity %s, grants %s',
              name, relkind, relowner::regrole, relrowsecurity, relreplident, coalesce(relacl::text, '-')) as line
  from relations where relkind in ('r', 'p', 'v', 'm', 'S', 'f')
union all
select format('column %s.%I: %s%s%s%s%s', r.name, a.attname, format_type(a.atttypid, a.atttypmod),
              case when a.attnotnull then ' not null' else '' end,
              coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''),
              case when a.attidentity <> '' then ' identity ' || a.attidentity::text else '' end,
              case when a.attgenerated <> '' then ' generated ' || a.attgenerated::text else '' end)
  from relations r
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where r.relkind in ('r', 'p', 'v', 'm', 'f')
union all
select format('constraint %s %I: %s%s', r.name, k.conname, pg_get_constraintdef(k.oid),
              case when k.convalidated then '' else ' (not validated)' end)
  from relations r join pg_constraint k on k.conrelid = r.oid
union all
select format('index %s: %s%s', r.name, pg_get_indexdef(i.indexrelid), case when i.indisvalid then '' else ' (invalid)' end)
  from relations r join pg_index i on i.indrelid = r.oid
union all
select format('trigger %s: %s, enabled %s', r.name, pg_get_triggerdef(t.oid), t.tgenabled)
  from relations r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
union all
select format('policy %s %I: %s, %s, roles %s, using %s, check %s', r.name, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
              coalesce(pg_get_expr(p.polqual, p.polrelid), '-'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-'))
  from relations r join pg_policy p on p.polrelid = r.oid
union all
select format('view %s: %s', name, pg_get_viewdef(oid)) from relations where relkind in ('v', 'm')
union all
select format('comment %s.%s: %s', r.name, d.objsubid, d.description)
  from relations r join pg_description d on d.objoid = r.oid and d.classoid = 'pg_class'::regclass
union all
select format('type %I.%I: %s', n.nspname, t.typname, array_agg(e.enumlabel order by e.enumsortorder))
  from pg_type t join pg_namespace n on n.oid = t.typnamespace join pg_enum e on e.enumtypid = t.oid
 where n.nspname <> all ($1::text[])
 group by n.nspname, t.typname
union all
select format('function %I.%I: %s', n.nspname, p.proname, pg_get_functiondef(p.oid))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname <> all ($1::text[]) and p.prokind in ('f', 'p')
   and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')`;
