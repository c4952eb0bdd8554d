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

/** A schema to put things into, and plpgsql, are there from the start. */
export const holdsNothing = (picture: CatalogPicture): boolean =>
  picture.every((line) => line.startsWith('schema ') || line.startsWith('extension plpgsql:'));

/** No grants at all, and the owner's own written out, mean the same: the second is what a GRANT and its REVOKE leave. */
const grants = (acl: string, kind: 'r' | 's' | 'f' | 'n', owner: string): string =>
  `array(select item::text from unnest(coalesce(${acl}, acldefault('${kind}', ${owner}))) as item order by 1)`;

const notOfAnExtension = (catalog: string, oid: string): string =>
  `not exists (select from pg_depend d where d.classid = '${catalog}'::regclass and d.objid = ${oid} and d.deptype = 'e')`;

/** Objects that came with the server have smaller numbers. */
const FIRST_OWN_OID = 16_384;

/**
 * Column positions are left out on purpose: dropping and adding a column moves it to the end, which no application
 * that names its columns can see.
 */
const CATALOG_LINES = `
with schemas as (
  select oid, nspname, nspowner, nspacl from pg_namespace
   where nspname <> 'information_schema' and not starts_with(nspname, 'pg_') and nspname <> all ($1::text[])
), relations as (
  select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as name
    from pg_class c
    join schemas n on n.oid = c.relnamespace
   where not (n.nspname = current_schema() and c.relname = any ($2::text[]))
     and ${notOfAnExtension('pg_class', 'c.oid')}
)
select format('schema %I: owner %s, grants %s', nspname, nspowner::regrole, ${grants('nspacl', 'n', 'nspowner')}) as line
  from schemas
union all
select format('extension %I: version %s', extname, extversion) from pg_extension
union all
select format('relation %s: kind %s, owner %s, persistence %s, row security %s, forced %s, replica identity %s, options %s, parents %s, partition %s%s, grants %s',
              name, relkind, relowner::regrole, relpersistence, relrowsecurity, relforcerowsecurity, relreplident, coalesce(reloptions::text, '-'),
              array(select inhparent::regclass::text from pg_inherits where inhrelid = relations.oid order by inhseqno),
              coalesce(pg_get_expr(relpartbound, oid), '-'), coalesce(' by ' || pg_get_partkeydef(oid), ''),
              case when relkind = 'S' then ${grants('relacl', 's', 'relowner')} else ${grants('relacl', 'r', 'relowner')} end)
  from relations where relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
union all
select format('column %s.%I: %s%s%s%s%s%s%s', r.name, a.attname, format_type(a.atttypid, a.atttypmod),
              case when a.attcollation <> t.typcollation then ' collate ' || a.attcollation::regcollation else '' end,
              case when a.attnotnull then ' not null' else '' end,
              coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''),
              case when a.attidentity <> '' then ' identity ' || a.attidentity::text else '' end,
              case when a.attgenerated <> '' then ' generated ' || a.attgenerated::text else '' end,
              coalesce(' grants ' || a.attacl::text, ''))
  from relations r
  join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where r.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
union all
select format('sequence %s: %s, start %s, increment %s, from %s to %s, cache %s, cycle %s, owned by %s', r.name,
              format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
              array(select (pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid)).identity
                      from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.refobjsubid > 0))
  from relations r join pg_sequence s on s.seqrelid = r.oid
union all
select format('constraint %s %I: %s%s', r.name, k.conname, pg_get_constraintdef(k.oid),
              case when k.convalidated then '' else ' (not validated)' end)
  from relations r join pg_constraint k on k.conrelid = r.oid
union all
select format('index %s: %s%s', r.name, pg_get_indexdef(i.indexrelid), case when i.indisvalid then '' else ' (invalid)' end)
  from relations r join pg_index i on i.indrelid = r.oid
union all
select format('statistics %s: %s', r.name, pg_get_statisticsobjdef(s.oid))
  from relations r join pg_statistic_ext s on s.stxrelid = r.oid
union all
-- Triggers that enforce foreign keys are named after numbers, and of interest only where somebody disabled them.
select format('trigger %s: %s, enabled %s', r.name, pg_get_triggerdef(t.oid), t.tgenabled)
  from relations r join pg_trigger t on t.tgrelid = r.oid and (not t.tgisinternal or t.tgenabled <> 'O')
union all
select format('rule %s: %s, enabled %s', r.name, pg_get_ruledef(w.oid), w.ev_enabled)
  from relations r join pg_rewrite w on w.ev_class = r.oid and w.rulename <> '_RETURN'
union all
select format('policy %s %I: %s, %s, roles %s, using %s, check %s', r.name, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[],
              coalesce(pg_get_expr(p.polqual, p.polrelid), '-'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-'))
  from relations r join pg_policy p on p.polrelid = r.oid
union all
select format('view %s: %s', name, pg_get_viewdef(oid)) from relations where relkind in ('v', 'm')
union all
select format('type %I.%I: %s', n.nspname, t.typname, array_agg(e.enumlabel order by e.enumsortorder))
  from pg_type t join schemas n on n.oid = t.typnamespace join pg_enum e on e.enumtypid = t.oid
 group by n.nspname, t.typname
union all
select format('domain %I.%I: %s%s%s %s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod),
              case when t.typnotnull then ' not null' else '' end, coalesce(' default ' || t.typdefault, ''),
              array(select format('%I %s', k.conname, pg_get_constraintdef(k.oid)) from pg_constraint k where k.contypid = t.oid order by 1))
  from pg_type t join schemas n on n.oid = t.typnamespace
 where t.typtype = 'd'
union all
select format('function %I.%I: owner %s, grants %s, %s', n.nspname, p.proname, p.proowner::regrole, ${grants('p.proacl', 'f', 'p.proowner')},
              pg_get_functiondef(p.oid))
  from pg_proc p join schemas n on n.oid = p.pronamespace
 where p.prokind in ('f', 'p', 'w') and ${notOfAnExtension('pg_proc', 'p.oid')}
union all
select format('comment on %s %s: %s', o.type, o.identity, d.description)
  from pg_description d
 cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) as o
 where d.objoid >= ${FIRST_OWN_OID} and (o.schema is null or o.schema <> all ($1::text[]))`;
