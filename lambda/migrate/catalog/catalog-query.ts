/**
 * Composes the one query behind `readCatalog`: from the names in a statement to the relations, types and functions
 * concerned. Planning it costs more than running it, and so only what the statement's effects depend on is asked.
 */
import type { Aspect } from '../../sql/effects/aspects';
import type { Mentions } from '../../sql/effects/mentions';
import { DEPENDENCIES, TEXTS } from './catalog-dependents-query';
import {
  COLUMNS,
  CONSTRAINTS,
  DEFAULT_PARTITION,
  FUNCTION_ROWS,
  INDEX,
  isMeant,
  mentioned,
  OF_TYPE,
  READS,
  SEQUENCES,
  STORAGE,
  TYPE_ROWS,
} from './catalog-fields';
import { losses } from './catalog-losses';

const relationNames = (count: number): string => `
named_relation AS (
  SELECT m.schema, m.name, c.oid
    FROM ${mentioned('relations', count)}
    JOIN pg_catalog.pg_class c ON c.relname = m.name
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE ${isMeant('pg_catalog.pg_table_is_visible(c.oid)')}
)`;

const functionsCalled = (count: number): string => `
called AS (
  SELECT p.oid, n.nspname, p.proname, p.provolatile
    FROM ${mentioned('functions', count)}
    JOIN pg_catalog.pg_proc p ON p.proname = m.name
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
   WHERE ${isMeant('pg_catalog.pg_function_is_visible(p.oid)')}
)`;

const typesConcerned = (count: number): string => `
named_type AS (
  SELECT m.schema, m.name, t.oid
    FROM ${mentioned('types', count)}
    JOIN pg_catalog.pg_type t ON t.typname = m.name
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE ${isMeant('pg_catalog.pg_type_is_visible(t.oid)')}
), concerned_type (oid) AS (
  SELECT oid FROM named_type
  UNION
  SELECT a.atttypid FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = ANY (ARRAY(SELECT oid FROM named_relation)) AND a.attnum > 0 AND a.atttypid <> 0
  UNION
  SELECT next.oid FROM concerned_type t JOIN pg_catalog.pg_type y ON y.oid = t.oid AND y.typtype = 'd'
   CROSS JOIN LATERAL (
    SELECT y.typbasetype
    UNION ALL
    SELECT d.objid FROM pg_catalog.pg_depend d
     WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid = y.oid
       AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.deptype = 'n'
  ) AS next (oid)
)`;

/** Tables with a column of a domain, or of a domain on that domain. */
const DOMAIN_USERS = `
SELECT d.objid, 'subject' FROM concerned_type t JOIN pg_catalog.pg_type y ON y.oid = t.oid AND y.typtype = 'd'
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid = y.oid
 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass`;

const SCHEMA_MEMBERS = `
SELECT c.oid, 'subject' FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN (SELECT pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb -> 'schemas'))
   AND c.relkind IN ('r', 'p', 'm', 'v', 'f', 'S')`;

const REFERENCING = `
SELECT t.tgconstrrelid, CASE WHEN ($1::pg_catalog.jsonb -> 'chain')::pg_catalog.bool THEN 'subject' ELSE 'partner' END
  FROM pg_catalog.pg_trigger t WHERE t.tgrelid = r.oid AND t.tgconstrrelid <> 0 AND r.role = 'subject'`;

/**
 * What lies next to a relation `r` of the role `subject` (everything about it matters), `partner` (the other end of a
 * dependency, with its partitions) or `above` (a parent, with its default partition).
 * A referenced table finds the tables that reference it by its triggers: foreign keys are not indexed from that side.
 */
const NEIGHBOURS: readonly (readonly [aspect: Aspect | 'always', sql: string])[] = [
  [
    'always',
    `SELECT i.inhrelid, r.role FROM pg_catalog.pg_inherits i WHERE i.inhparent = r.oid AND r.role <> 'above'`,
  ],
  [
    'parents',
    `SELECT i.inhparent, 'above' FROM pg_catalog.pg_inherits i WHERE i.inhrelid = r.oid AND r.role <> 'partner'
    UNION ALL
    SELECT p.partdefid, 'partner' FROM pg_catalog.pg_partitioned_table p
     WHERE p.partrelid = r.oid AND p.partdefid <> 0 AND r.role = 'above'`,
  ],
  [
    'indexes',
    `SELECT i.indexrelid, 'partner' FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid
    UNION ALL
    SELECT i.indrelid, r.role FROM pg_catalog.pg_index i WHERE i.indexrelid = r.oid AND r.role <> 'above'`,
  ],
  [
    'references',
    `SELECT k.confrelid, 'partner' FROM pg_catalog.pg_constraint k
     WHERE k.conrelid = r.oid AND k.contype = 'f' AND r.role = 'subject'
    UNION ALL ${REFERENCING}`,
  ],
  [
    'sequences',
    `SELECT d.objid, 'partner' FROM pg_catalog.pg_depend d
     WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.oid AND d.refobjsubid > 0
       AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') AND r.role = 'subject'
    UNION ALL
    SELECT d.refobjid, 'partner' FROM pg_catalog.pg_depend d
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i')
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0 AND r.role = 'subject'`,
  ],
  [
    'reads',
    `SELECT d.refobjid, 'subject' FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d
        ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
     WHERE w.ev_class = r.oid AND w.rulename = '_RETURN' AND r.role = 'subject'
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass`,
  ],
  [
    'typed',
    `SELECT d.objid, 'partner' FROM pg_catalog.pg_class o JOIN pg_catalog.pg_depend d
        ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid = o.reltype
     WHERE o.oid = r.oid AND o.relkind = 'c' AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass`,
  ],
];

const reached = (sources: readonly string[], neighbours: readonly string[]): string => `
reached (oid, role) AS (
  ${sources.join('\n  UNION\n  ')}
  UNION
  SELECT next.* FROM reached r CROSS JOIN LATERAL (
    ${neighbours.join('\n    UNION ALL\n    ')}
  ) AS next (oid, role)
)`;

/** Fields of a relation that take a query of their own. */
const FIELDS: readonly (readonly [aspect: Aspect, sql: string])[] = [
  ['columns', COLUMNS],
  ['constraints', CONSTRAINTS],
  ['parents', DEFAULT_PARTITION],
  ['indexes', INDEX],
  ['sequences', SEQUENCES],
  ['reads', READS],
  ['storage', STORAGE],
  ['typed', OF_TYPE],
];

const relationRows = (aspects: readonly Aspect[]): string => `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
    'oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'isPartition', c.relispartition,
    'isUnlogged', c.relpersistence = 'u',
    'pages', c.relpages, 'lockable', pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE'),
    'parents', ARRAY(SELECT h.inhparent::bigint FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid),
    'hasTriggers', c.relhastriggers AND EXISTS (
      SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
    'hasRules', c.relhasrules AND EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid)${FIELDS.filter(
      ([aspect]) => aspects.includes(aspect),
    )
      .map(([, field]) => `,\n    ${field}`)
      .join('')}) ORDER BY c.oid)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY (ARRAY(SELECT oid FROM reached)) AND n.nspname <> 'pg_toast'`;

const namedIn = (table: string): string =>
  `(SELECT pg_catalog.json_agg(m) FROM (SELECT schema, name, oid::bigint FROM ${table}) AS m)`;

/** `checks`: with all that depends on the relations. */
export type Reading = 'effects' | 'checks';

export function catalogQuery(mentions: Mentions, reading: Reading): string {
  const { aspects } = mentions;
  const tables = [relationNames(mentions.relations.length)];
  const sources = ["SELECT oid, 'subject' FROM named_relation"];
  const answers = [`'relations', (${relationRows(aspects)})`, `'named', ${namedIn('named_relation')}`];
  if (mentions.schemas.length > 0) sources.push(SCHEMA_MEMBERS);
  if (mentions.functions.length > 0) {
    tables.push(functionsCalled(mentions.functions.length));
    answers.push(`'functions', (${FUNCTION_ROWS})`);
  }
  if (mentions.types.length > 0 || reading === 'checks') {
    tables.push(typesConcerned(mentions.types.length));
    sources.push(DOMAIN_USERS);
    answers.push(`'types', (${TYPE_ROWS})`, `'namedTypes', ${namedIn('named_type')}`);
  }
  if (mentions.doomed.length > 0) {
    tables.push(losses(mentions.doomed));
    // An array's length is taken for ten: a guess that stays one, where the rows of a recursion are taken for thousands.
    sources.push("SELECT o.oid, 'subject' FROM pg_catalog.unnest(ARRAY(SELECT oid FROM loss)) AS o (oid)");
    answers.push(
      "'losses', (SELECT pg_catalog.json_agg(m ORDER BY m.oid, m.what) FROM (SELECT key, oid::bigint, what FROM loss) AS m)",
    );
  }
  if (reading === 'checks') answers.push(`'dependencies', (${DEPENDENCIES})`, `'texts', (${TEXTS})`);
  const neighbours = NEIGHBOURS.filter(([aspect]) => aspect === 'always' || aspects.includes(aspect));
  const all = [
    ...tables,
    reached(
      sources,
      neighbours.map(([, sql]) => sql),
    ),
  ];
  return `WITH RECURSIVE ${all.join(',')}
SELECT pg_catalog.json_build_object(${answers.join(', ')},
  'searchPath', pg_catalog.current_schemas(true)::text[], 'timeZone', pg_catalog.current_setting('TimeZone')) AS answer`;
}
