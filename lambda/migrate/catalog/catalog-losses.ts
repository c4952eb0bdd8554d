/** Part of the catalog query: whatever goes with the objects that a statement drops, found as Postgres's own DROP finds it. */
import type { Doomed } from '../../sql/effects/mentions';
import { isMeant, mentioned } from './catalog-fields';

const dropped = (count: number): string =>
  mentioned('doomed', count, 'kind text, schema text, name text, part text, key text');

const classOf = (catalog: string): string => `'pg_catalog.${catalog}'::pg_catalog.regclass`;

const relationNamed = (count: number): string => `${dropped(count)}
    JOIN pg_catalog.pg_class c ON c.relname = m.name JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;

const ifVisible = isMeant('pg_catalog.pg_table_is_visible(c.oid)');

const onRelation = (kind: Doomed['kind'], catalog: string, table: string, name: string) => (count: number) =>
  `
  SELECT m.key, ${classOf(catalog)}::oid, o.oid, 0 FROM ${relationNamed(count)}
    JOIN pg_catalog.${catalog} o ON o.${table} = c.oid AND o.${name} = m.part
   WHERE m.kind = '${kind}' AND ${ifVisible}`;

/** Address of a named object, as in `pg_depend`. */
const SEEDS: Readonly<Record<Doomed['kind'], (count: number) => string>> = {
  relation: (count) => `
  SELECT m.key, ${classOf('pg_class')}::oid, c.oid, 0 FROM ${relationNamed(count)} WHERE m.kind = 'relation' AND ${ifVisible}`,
  column: (count) => `
  SELECT m.key, ${classOf('pg_class')}::oid, c.oid, a.attnum::int FROM ${relationNamed(count)}
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = m.part
   WHERE m.kind = 'column' AND ${ifVisible}`,
  constraint: onRelation('constraint', 'pg_constraint', 'conrelid', 'conname'),
  type: (count) => `
  SELECT m.key, ${classOf('pg_type')}::oid, t.oid, 0
    FROM ${dropped(count)} JOIN pg_catalog.pg_type t ON t.typname = m.name
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE m.kind = 'type' AND ${isMeant('pg_catalog.pg_type_is_visible(t.oid)')}`,
  function: (count) => `
  SELECT m.key, ${classOf('pg_proc')}::oid, p.oid, 0
    FROM ${dropped(count)} JOIN pg_catalog.pg_proc p ON p.proname = m.name
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
   WHERE m.kind = 'function' AND ${isMeant('pg_catalog.pg_function_is_visible(p.oid)')}`,
  trigger: onRelation('trigger', 'pg_trigger', 'tgrelid', 'tgname'),
  policy: onRelation('policy', 'pg_policy', 'polrelid', 'polname'),
  rule: onRelation('rule', 'pg_rewrite', 'ev_class', 'rulename'),
  statistics: (count) => `
  SELECT m.key, ${classOf('pg_statistic_ext')}::oid, o.oid, 0
    FROM ${dropped(count)} JOIN pg_catalog.pg_statistic_ext o ON o.stxname = m.name
    JOIN pg_catalog.pg_namespace n ON n.oid = o.stxnamespace
   WHERE m.kind = 'statistics' AND ${isMeant('pg_catalog.pg_statistics_obj_is_visible(o.oid)')}`,
  schema: (count) => `
  SELECT m.key, ${classOf('pg_namespace')}::oid, n.oid, 0
    FROM ${dropped(count)} JOIN pg_catalog.pg_namespace n ON n.nspname = m.name WHERE m.kind = 'schema'`,
  extension: (count) => `
  SELECT m.key, ${classOf('pg_extension')}::oid, e.oid, 0
    FROM ${dropped(count)} JOIN pg_catalog.pg_extension e ON e.extname = m.name WHERE m.kind = 'extension'`,
};

/** Catalog, column with the table, kind of loss: objects whose removal locks their table. */
const PARTS: readonly (readonly [catalog: string, table: string, what: string])[] = [
  ['pg_constraint', 'conrelid', 'part'],
  ['pg_attrdef', 'adrelid', 'part'],
  ['pg_trigger', 'tgrelid', 'part'],
  ['pg_rewrite', 'ev_class', 'part'],
  ['pg_policy', 'polrelid', 'part'],
  ['pg_statistic_ext', 'stxrelid', 'beside'],
];

const partOf = ([catalog, table, what]: (typeof PARTS)[number]): string => `
    SELECT o.${table}, '${what}' FROM pg_catalog.${catalog} o WHERE g.classid = ${classOf(catalog)} AND o.oid = g.objid`;

/** A rule takes its view with it, being an inner part of it, and a partition's constraint the whole table's. */
const GONE = `
gone (key, classid, objid, objsubid) AS (
  SELECT * FROM seed
  UNION
  SELECT g.key, next.* FROM gone g CROSS JOIN LATERAL (
    SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d
     WHERE d.refclassid = g.classid AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
       AND d.deptype <> 'x'
    UNION ALL
    SELECT d.refclassid, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d
     WHERE d.classid = g.classid AND d.objid = g.objid AND d.deptype = 'i'
       AND g.classid IN (${classOf('pg_rewrite')}, ${classOf('pg_constraint')})
  ) AS next
)`;

export function losses(doomed: readonly Doomed[]): string {
  const kinds = [...new Set(doomed.map(({ kind }) => kind))];
  return `
seed (key, classid, objid, objsubid) AS (${kinds.map((kind) => SEEDS[kind](doomed.length)).join('\n  UNION ALL')}
),${GONE}, loss (key, oid, what) AS (
  SELECT g.key, g.objid, CASE WHEN g.objsubid = 0 THEN 'itself' ELSE 'part' END FROM gone g WHERE g.classid = ${classOf('pg_class')}
  UNION
  SELECT g.key, part.oid, part.what FROM gone g CROSS JOIN LATERAL (${PARTS.map(partOf).join('\n    UNION ALL')}
    UNION ALL
    SELECT i.indrelid, 'part' FROM pg_catalog.pg_index i WHERE g.classid = ${classOf('pg_class')} AND i.indexrelid = g.objid
  ) AS part (oid, what) WHERE part.oid <> 0
)`;
}
