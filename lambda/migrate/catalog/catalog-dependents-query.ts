/** Part of the catalog query, for checks: what depends on the relations reached, and functions whose text may mention them. */

const classOf = (catalog: string): string => `'pg_catalog.${catalog}'::pg_catalog.regclass`;

/** An object of one kind: its catalog `o`, and what of it tells kind, namespace, name and the table that it stands on. */
interface Source {
  readonly catalog: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly table: string;
  readonly only?: string;
}

const alone = (catalog: string, kind: string, prefix: string): Source => ({
  catalog,
  kind: `'${kind}'`,
  namespace: `o.${prefix}namespace`,
  name: `o.${prefix}name`,
  table: 'NULL::oid',
});

const part = (catalog: string, kind: string, name: string, table: string): Source => ({
  catalog,
  kind: `'${kind}'`,
  namespace: 'NULL::oid',
  name: `o.${name}`,
  table: `o.${table}`,
});

const OF_RULE = '(SELECT v.%s FROM pg_catalog.pg_class v WHERE v.oid = o.ev_class)';

const ofView = (field: string, otherwise: string): string =>
  `CASE WHEN o.rulename = '_RETURN' THEN ${OF_RULE.replace('%s', field)} ELSE ${otherwise} END`;

const SOURCES: readonly Source[] = [
  {
    ...alone('pg_class', '', 'rel'),
    kind: `CASE o.relkind WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END`,
    only: `d.objsubid = 0 AND o.relkind IN ('r', 'p', 'f', 'S', 'i', 'I')`,
  },
  {
    catalog: 'pg_rewrite',
    // A view is kept as a rule of its own.
    kind: `CASE ${ofView("relkind::text || '_'", "'rule'")} WHEN 'v_' THEN 'view' WHEN 'm_' THEN 'materialized view' ELSE 'rule' END`,
    namespace: ofView('relnamespace', 'NULL::oid'),
    name: ofView('relname', 'o.rulename'),
    table: `CASE WHEN o.rulename <> '_RETURN' THEN o.ev_class END`,
    only: `NOT (o.rulename = '_RETURN' AND o.ev_class = d.refobjid)`,
  },
  {
    ...part('pg_constraint', 'constraint', 'conname', 'conrelid'),
    only: `o.contype <> 'n' AND o.conrelid <> 0`,
  },
  { ...part('pg_trigger', 'trigger', 'tgname', 'tgrelid'), only: 'NOT o.tgisinternal' },
  part('pg_policy', 'policy', 'polname', 'polrelid'),
  {
    ...part('pg_publication_rel', 'publication', '', ''),
    name: '(SELECT p.pubname FROM pg_catalog.pg_publication p WHERE p.oid = o.prpubid)',
    table: 'NULL::oid',
  },
  alone('pg_proc', 'function', 'pro'),
  alone('pg_statistic_ext', 'statistics', 'stx'),
];

const rowsOf = ({ catalog, kind, namespace, name, table, only = 'true' }: Source): string => `
    SELECT d.refobjid, d.refobjsubid, ${kind}, ${namespace}, ${name}::text, ${table}, d.deptype::text
      FROM near d JOIN pg_catalog.${catalog} o ON o.oid = d.objid
     WHERE d.classid = ${classOf(catalog)} AND ${only}`;

/** The expression of a generated column needs other columns; the table takes both along. */
const DEFAULTS = `
    SELECT d.refobjid, place.number, CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generated column' END,
           NULL::oid, a.attname::text, o.adrelid, place.strength
      FROM near d JOIN pg_catalog.pg_attrdef o ON o.oid = d.objid
      JOIN pg_catalog.pg_attribute a ON a.attrelid = o.adrelid AND a.attnum = o.adnum
     CROSS JOIN LATERAL (
       SELECT d.refobjsubid, d.deptype::text
       UNION SELECT 0, 'a' WHERE o.adrelid = d.refobjid
     ) AS place (number, strength)
     WHERE d.classid = ${classOf('pg_attrdef')} AND NOT (o.adrelid = d.refobjid AND o.adnum = d.refobjsubid)`;

const PUBLISHED = `
    SELECT c.oid, 0, 'publication', NULL::oid, p.pubname::text, NULL::oid, 'a'
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_publication p ON p.puballtables OR EXISTS (
        SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace)
     WHERE c.oid = ANY (ARRAY(SELECT oid FROM reached)) AND c.relkind IN ('r', 'p')`;

/** Partitions' indexes depend on the whole table's in a way of their own, and so do members of an extension. */
export const DEPENDENCIES = `
  WITH near AS (
    SELECT d.* FROM pg_catalog.pg_depend d
     WHERE d.refclassid = ${classOf('pg_class')} AND d.refobjid = ANY (ARRAY(SELECT oid FROM reached))
       AND d.deptype IN ('n', 'a', 'i')
  ), dependent (relation, number, kind, namespace, name, standing, strength) AS (
    ${[...SOURCES.map(rowsOf), DEFAULTS, PUBLISHED].join('\n    UNION ALL')}
  )
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'relation', x.relation::bigint, 'column', a.attname, 'kind', x.kind, 'schema', n.nspname, 'name', x.name,
      'tableSchema', tn.nspname, 'tableName', t.relname, 'strength', x.strength))
    FROM dependent x
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.relation AND a.attnum = x.number AND x.number <> 0
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = x.namespace
    LEFT JOIN pg_catalog.pg_class t ON t.oid = x.standing
    LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace`;

/** Objects that came with the server have smaller numbers. */
const FIRST_OWN_OID = 16_384;

/** Only a body that was parsed when the function was made leaves dependencies behind. */
export const TEXTS = `
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'schema', n.nspname, 'name', p.proname, 'text', p.prosrc,
      'triggersOn', ARRAY(
        SELECT t.tgrelid::bigint FROM pg_catalog.pg_trigger t WHERE t.tgfoid = p.oid AND NOT t.tgisinternal)))
    FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
   WHERE p.oid >= ${FIRST_OWN_OID} AND p.prosqlbody IS NULL AND l.lanname NOT IN ('c', 'internal')
     AND NOT EXISTS (
       SELECT FROM pg_catalog.pg_depend d WHERE d.classid = ${classOf('pg_proc')} AND d.objid = p.oid AND d.deptype = 'e')`;
