/** Parts of the catalog query: what is asked of each relation `c`, type and function. */

/**
 * `$1` is a JSON object with the names that the statements mention, by what they name. The planner takes every such list
 * for a hundred entries; told how many there are, it finds the query cheap, and does not compile it (JIT) for half a second.
 */
export const mentioned = (what: string, count: number, columns = 'schema text, name text'): string =>
  `(SELECT * FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb -> '${what}') AS e (${columns}) LIMIT ${count}) AS m`;

/** As `search_path` finds it; `pg_temp` is an alias that the catalog does not know. */
export const isMeant = (visible: string): string =>
  `CASE WHEN m.schema IS NULL THEN ${visible}
        ELSE n.nspname = m.schema OR (m.schema = 'pg_temp' AND n.oid = pg_catalog.pg_my_temp_schema()) END`;

const columnNames = (relation: string, numbers: string): string =>
  `ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = ${relation} AND a.attnum = ANY (${numbers}))`;

/** `pg_get_constraintdef` locks nothing, unlike `pg_get_expr`. */
export const CONSTRAINTS = `'constraints', (
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', k.conname, 'kind', k.contype, 'validated', k.convalidated, 'columns', ${columnNames('k.conrelid', 'k.conkey')},
      'references', k.confrelid::bigint, 'referencedColumns', ${columnNames('k.confrelid', 'k.confkey')},
      'index', k.conindid::bigint, 'onDelete', k.confdeltype, 'onUpdate', k.confupdtype,
      'definition', CASE WHEN k.contype = 'c' AND k.convalidated THEN pg_catalog.pg_get_constraintdef(k.oid) END))
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid)`;

/** A default is kept as a tree of nodes; asking for it as SQL would lock the table. */
const IS_DEFAULT_VOLATILE = `EXISTS (
        SELECT FROM pg_catalog.pg_attrdef d
         CROSS JOIN LATERAL pg_catalog.regexp_matches(d.adbin::text, ':(?:func|opfunc)id (\\d+)', 'g') AS called (oids)
          JOIN pg_catalog.pg_proc p ON p.oid = called.oids[1]::oid AND p.provolatile = 'v'
         WHERE d.adrelid = c.oid AND d.adnum = a.attnum)`;

export const COLUMNS = `'columns', (
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', a.attname, 'type', a.atttypid::bigint, 'typmod', a.atttypmod, 'collation', a.attcollation::bigint,
      'typeName', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'notNull', a.attnotnull, 'hasDefault', a.atthasdef, 'isDefaultVolatile', a.atthasdef AND ${IS_DEFAULT_VOLATILE}, 'generated', a.attgenerated, 'identity', a.attidentity)
      ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'c'))`;

export const DEFAULT_PARTITION = `'defaultPartition', (
  SELECT p.partdefid::bigint FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = c.oid)`;

/** A relation of the database's own tablespace, and of the default access method's, has a zero there. */
export const STORAGE = `'accessMethod', (SELECT o.amname FROM pg_catalog.pg_am o WHERE o.oid = c.relam),
    'tablespace', (
  SELECT o.spcname FROM pg_catalog.pg_tablespace o
   WHERE o.oid = COALESCE(NULLIF(c.reltablespace, 0), (
     SELECT b.dattablespace FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database())))`;

export const OF_TYPE = `'ofType', (SELECT y.typrelid::bigint FROM pg_catalog.pg_type y WHERE y.oid = c.reloftype)`;

/** An index on an expression, or with a predicate, depends on the columns in them. */
export const INDEX = `'index', (
  SELECT pg_catalog.json_build_object(
      'table', i.indrelid::bigint, 'isPrimary', i.indisprimary, 'isUnique', i.indisunique, 'isValid', i.indisvalid,
      'isComputed', i.indexprs IS NOT NULL OR i.indpred IS NOT NULL, 'isPartial', i.indpred IS NOT NULL,
      'method', (SELECT o.amname FROM pg_catalog.pg_am o WHERE o.oid = c.relam),
      'keys', ARRAY(
        SELECT a.attname::text
          FROM pg_catalog.unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (number, place)
          LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number <> 0
         ORDER BY k.place),
      'columns', ARRAY(
        SELECT a.attname::text FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = i.indrelid AND (a.attnum = ANY (i.indkey) OR a.attnum IN (
           SELECT d.refobjsubid FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid
              AND d.refobjsubid > 0))))
    FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid AND c.relkind IN ('i', 'I'))`;

export const SEQUENCES = `'sequences', (
  SELECT pg_catalog.json_agg(pg_catalog.json_build_object('oid', s.oid::bigint, 'column', a.attname))
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
   WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid AND d.refobjsubid > 0
     AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i'))`;

export const READS = `'reads', CASE WHEN c.relkind IN ('v', 'm') THEN ARRAY(
  SELECT DISTINCT d.refobjid::bigint FROM pg_catalog.pg_rewrite w
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
   WHERE w.ev_class = c.oid AND w.rulename = '_RETURN'
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> c.oid) END`;

export const TYPE_ROWS = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
    'oid', y.oid::bigint, 'schema', n.nspname, 'name', y.typname, 'kind', y.typtype, 'array', y.typarray::bigint,
    'collation', y.typcollation::bigint, 'base', y.typbasetype::bigint, 'baseTypmod', y.typtypmod,
    'hasDefault', y.typdefault IS NOT NULL,
    'values', ARRAY(
      SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = y.oid ORDER BY e.enumsortorder),
    'isConstrained', y.typtype = 'd' AND (y.typnotnull OR EXISTS (
      SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid = y.oid AND k.contype = 'c')),
    'binaryTo', ARRAY(
      SELECT s.casttarget::bigint FROM pg_catalog.pg_cast s WHERE s.castsource = y.oid AND s.castmethod = 'b'),
    'users', CASE WHEN y.typtype = 'd' THEN ARRAY(
      SELECT DISTINCT d.objid::bigint FROM pg_catalog.pg_depend d
       WHERE d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid = y.oid
         AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass) END))
  FROM pg_catalog.pg_type y
  JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace
 WHERE y.oid = ANY (ARRAY(SELECT oid FROM concerned_type))`;

/** Objects that came with the server have smaller numbers. */
const FIRST_OWN_OID = 16_384;

export const FUNCTION_ROWS = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
    'schema', nspname, 'name', proname, 'volatile', provolatile = 'v', 'builtIn', oid < ${FIRST_OWN_OID}))
  FROM called`;
