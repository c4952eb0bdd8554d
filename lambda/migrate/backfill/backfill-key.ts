/** Finds in the catalog the unique key in whose order a table is walked, and writes conditions on it that no setting can bend. */
import { GodwitError } from '../../domain/errors';
import type { Session } from '../../ports/database';
import { assignsKey, type BackfillMark, type Write } from '../../sql/backfill';
import { quoted, quotedName, shown, shownName } from '../../sql/names';

/** The key's values as text, in its order. */
export type KeyValues = readonly string[];

export interface BackfillKey {
  /** As the server names it, ready for SQL. */
  readonly table: string;
  readonly oid: number;
  readonly columns: readonly KeyColumn[];
  /** As of the last ANALYZE and the table's size now; undefined where it was never analyzed. */
  readonly estimatedRows: number | undefined;
}

export interface KeyColumn {
  readonly name: string;
  /** For a cast of a value, ready for SQL. */
  readonly type: string;
  /** Schema of the operators that the index is ordered by. */
  readonly operatorSchema: string;
}

/** The table has no key by which its rows could be parted into batches. */
export class BackfillKeyUnusable extends GodwitError {
  override readonly name = 'BackfillKeyUnusable';
  readonly kind = 'refused';
}

/** @throws BackfillKeyUnusable */
export async function findKey(session: Session, write: Write, mark: BackfillMark): Promise<BackfillKey> {
  const { rows: tables } = await session.query<TableRow>(TABLE, [quotedName(write.table)]);
  const table = tables[0];
  const name = shownName(write.table);
  if (table === undefined) throw new BackfillKeyUnusable(`There is no table ${name} to backfill.`);
  if (table.kind !== 'r' && table.kind !== 'p') {
    throw new BackfillKeyUnusable(`${name} is not a table: only a table's rows have a key to walk by.`);
  }
  if (table.kind === 'r' && table.has_children && !write.only) {
    throw new BackfillKeyUnusable(
      `${name} has tables that inherit from it, which no key of its own covers. Backfill each with UPDATE ONLY or DELETE FROM ONLY.`,
    );
  }
  const { rows } = await session.query<KeyRow>(KEYS, [table.oid]);
  const found = rows.find((row) =>
    mark.key === undefined ? row.is_primary : sameNames(row.columns, mark.key),
  );
  if (found === undefined) throw new BackfillKeyUnusable(noSuchKey(name, mark));
  const problem = problemOf(found, write);
  if (problem !== undefined) {
    throw new BackfillKeyUnusable(
      `${name} cannot be backfilled by ${found.columns.map(shown).join(', ')}: ${problem}`,
    );
  }
  return {
    table: `${write.only ? 'ONLY ' : ''}${quotedName({ schema: table.schema, name: table.name })}`,
    oid: table.oid,
    columns: found.columns.map((column, index) => ({
      name: column,
      type: quotedName({ schema: found.type_schemas[index], name: found.types[index] ?? '' }),
      operatorSchema: found.operator_schemas[index] ?? 'pg_catalog',
    })),
    estimatedRows: table.estimated_rows === null ? undefined : Math.round(table.estimated_rows),
  };
}

const sameNames = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((name, index) => name === other[index]);

const noSuchKey = (table: string, { key }: BackfillMark): string =>
  key === undefined
    ? `${table} has no primary key to walk by. Name a unique key of columns that are NOT NULL: \`-- godwit:backfill by "column"\`.`
    : `${table} has no valid unique index on exactly (${key.map(shown).join(', ')}), in that order and without a condition. ` +
      'Create one first (CREATE UNIQUE INDEX CONCURRENTLY), or name another key.';

function problemOf(key: KeyRow, write: Write): string | undefined {
  const assigned = key.columns.filter((column) => write.assignments.some(({ name }) => name === column));
  if (assigned.length > 0) return assignsKey(assigned);
  if (!key.not_null) return 'a column of it may be NULL, and a row with a NULL would never be reached.';
  if (key.is_generated) return 'a generated column of it could change with the row.';
  if (!key.is_default_order) {
    return 'its index is ordered otherwise than its columns (operator class, collation, or ASC beside DESC).';
  }
  if (new Set(key.operator_schemas).size > 1) {
    return 'its columns are compared by operators of different schemas. Name another unique key.';
  }
  return undefined;
}

interface TableRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly has_children: boolean;
  readonly estimated_rows: number | null;
}

/** What ANALYZE counted, scaled to the table's size now as the planner does; of a partitioned table, the sum. */
const TABLE = `
WITH RECURSIVE tree AS (
  SELECT pg_catalog.to_regclass($1)::oid AS oid
  UNION ALL
  SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT c.oid AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
  EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = c.oid) AS has_children,
  (SELECT CASE WHEN pg_catalog.bool_or(p.reltuples < 0 AND pg_catalog.pg_relation_size(p.oid) > 0) THEN NULL ELSE
      pg_catalog.sum(GREATEST(p.reltuples, 0)::float8 / GREATEST(p.relpages, 1)
        * GREATEST(pg_catalog.pg_relation_size(p.oid) / pg_catalog.current_setting('block_size')::int8, 1)) END
     FROM tree JOIN pg_catalog.pg_class p USING (oid)
    WHERE p.relkind = 'r') AS estimated_rows
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass($1)`;

interface KeyRow {
  readonly is_primary: boolean;
  readonly columns: readonly string[];
  readonly type_schemas: readonly string[];
  readonly types: readonly string[];
  readonly operator_schemas: readonly string[];
  readonly not_null: boolean;
  readonly is_generated: boolean;
  readonly is_default_order: boolean;
}

/**
 * A value is cast to the type that the index compares (text for varchar, the base type for a domain), unless that is
 * polymorphic. Since 18 a column is attnotnull by a constraint that was never validated, too.
 */
const KEYS = `
SELECT i.indisprimary AS is_primary,
  pg_catalog.array_agg(a.attname::text ORDER BY k.ord) AS columns,
  pg_catalog.array_agg(tn.nspname::text ORDER BY k.ord) AS type_schemas,
  pg_catalog.array_agg(t.typname::text ORDER BY k.ord) AS types,
  pg_catalog.array_agg(pn.nspname::text ORDER BY k.ord) AS operator_schemas,
  pg_catalog.bool_and(a.attnotnull AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint v
     WHERE v.conrelid = i.indrelid AND v.contype = 'n' AND v.conkey[1] = a.attnum AND NOT v.convalidated)) AS not_null,
  pg_catalog.bool_or(a.attgenerated <> '') AS is_generated,
  pg_catalog.bool_and(o.opcdefault AND p.oprname = '>' AND i.indcollation[k.ord - 1] = a.attcollation)
    AND pg_catalog.min(i.indoption[k.ord - 1] & 1) = pg_catalog.max(i.indoption[k.ord - 1] & 1) AS is_default_order
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'
  CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, ord)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k.ord - 1]
  JOIN pg_catalog.pg_type ot ON ot.oid = o.opcintype
  JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN ot.typtype = 'p' THEN a.atttypid ELSE ot.oid END
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
  JOIN pg_catalog.pg_amop ap ON ap.amopfamily = o.opcfamily AND ap.amopstrategy = 5
    AND ap.amoplefttype = o.opcintype AND ap.amoprighttype = o.opcintype
  JOIN pg_catalog.pg_operator p ON p.oid = ap.amopopr
  JOIN pg_catalog.pg_namespace pn ON pn.oid = p.oprnamespace
 WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
   AND k.ord <= i.indnkeyatts
 GROUP BY i.indexrelid, i.indisprimary
HAVING pg_catalog.count(*) = pg_catalog.max(i.indnkeyatts)
 ORDER BY i.indisprimary DESC, i.indexrelid`;

/** `reference."a" > value`; of several columns, by row comparison, which one index scan answers. */
export function keyCondition(
  { columns }: Pick<BackfillKey, 'columns'>,
  compare: { readonly reference: string; readonly operator: '>' | '<='; readonly values: readonly string[] },
): string {
  const operator = `OPERATOR(${quoted(columns[0]?.operatorSchema ?? 'pg_catalog')}.${compare.operator})`;
  const left = columns.map(({ name }) => `${compare.reference}.${quoted(name)}`);
  const right = columns.map(({ type }, index) => `${compare.values[index]}::${type}`);
  if (columns.length === 1) return `${left[0]} ${operator} ${right[0]}`;
  return `ROW(${left.join(', ')}) ${operator} ROW(${right.join(', ')})`;
}

/** `E''` means the same whatever `standard_conforming_strings` is. */
const literal = (value: string): string => `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

const WALKED = 'godwit_walked';

/** Text that reads back as the same value whatever the file has set. */
const READING_SETTINGS = [
  "SET LOCAL datestyle = 'ISO, YMD'",
  "SET LOCAL intervalstyle = 'postgres'",
  'SET LOCAL extra_float_digits = 1',
  "SET LOCAL bytea_output = 'hex'",
  // The key's index or nothing: a plan that reads the table instead would do so once a batch.
  'SET LOCAL enable_seqscan = off',
  'SET LOCAL enable_bitmapscan = off',
  'SET LOCAL enable_sort = off',
].join('; ');

/** Leaves its transaction open. */
async function readKey(
  session: Session,
  key: BackfillKey,
  rest: string,
  limits: string,
): Promise<KeyValues | undefined> {
  // Cast as it is compared: a regclass is shown as a name, which is no oid.
  const values = key.columns.map(
    ({ name, type }) => `pg_catalog.format('%s', ${WALKED}.${quoted(name)}::${type})`,
  );
  const select = `SELECT ARRAY[${values.join(', ')}] AS values FROM ${key.table} AS ${WALKED} ${rest}`;
  const { rows } = await session.query<{ values: KeyValues }>(
    `BEGIN READ ONLY; ${READING_SETTINGS}; ${limits}; ${select}`,
  );
  return rows[0]?.values;
}

const order = (key: BackfillKey, direction: '' | ' DESC'): string =>
  `ORDER BY ${key.columns.map(({ name }) => `${WALKED}.${quoted(name)}${direction}`).join(', ')}`;

/** Undefined for an empty table. */
export async function highestKey(
  session: Session,
  key: BackfillKey,
  limits: string,
): Promise<KeyValues | undefined> {
  const values = await readKey(session, key, `${order(key, ' DESC')} LIMIT 1`, limits);
  await session.query('COMMIT');
  return values;
}

/**
 * The key `rows` rows on; undefined where fewer are left. Leaves its transaction open: ended together with the beginning
 * of the next one, it costs no round trip.
 */
export function keyAhead(
  session: Session,
  key: BackfillKey,
  from: { readonly after: KeyValues | undefined; readonly upTo: KeyValues; readonly rows: number },
  limits: string,
): Promise<KeyValues | undefined> {
  const bound = (operator: '>' | '<=', values: KeyValues): string =>
    keyCondition(key, { reference: WALKED, operator, values: values.map(literal) });
  const conditions = [
    ...(from.after === undefined ? [] : [bound('>', from.after)]),
    bound('<=', from.upTo),
  ].join(' AND ');
  const rest = `WHERE ${conditions} ${order(key, '')} LIMIT 1 OFFSET ${from.rows - 1}`;
  return readKey(session, key, rest, limits);
}
