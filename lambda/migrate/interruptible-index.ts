/** What an interrupted CREATE INDEX, DROP INDEX or REINDEX CONCURRENTLY leaves, and how it is put right. */
import type { DropStmt, IndexStmt, ReindexStmt } from 'libpg-query';
import type { Session } from '../ports/database';
import { nameParts, qualifiedName, quotedName, rangeName, shownName } from '../sql/names';
import type { Node } from '../sql/parse';
import type { Interruptible } from './interruptible';
import type { JsonObject } from './statement-journal';

interface Index {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly valid: boolean;
}

export function indexBuild(statement: IndexStmt): Interruptible {
  const { idxname: name } = statement;
  const find = async (session: Session, before: JsonObject): Promise<readonly TableIndex[]> => {
    const indexes = await indexesOf(session, statement);
    if (name !== undefined && name !== '') return indexes.filter((index) => index.name === name);
    const earlier = new Set(listOf(before.indexes));
    return indexes.filter((index) => !earlier.has(index.oid) && hasShapeOf(statement, index));
  };
  return {
    // Postgres chooses the name of one that has none: it is known by not having been there.
    note: async (session) => ({ indexes: (await indexesOf(session, statement)).map(({ oid }) => oid) }),
    look: async (session, before) => {
      if (before.indexes === undefined && !name) return 'untold';
      const found = await find(session, before);
      if (found.some(({ valid }) => !valid)) return 'half-done';
      // Somebody may meanwhile have given the name to another one: that is not what the statement wants.
      return found.some((index) => hasShapeOf(statement, index)) ? 'done' : 'absent';
    },
    repair: async (session, before) => {
      const found = await find(session, before);
      await dropAll(
        session,
        found.filter(({ valid }) => !valid),
      );
    },
    remnant: name
      ? `an INVALID index ${shownName({ schema: undefined, name })}`
      : `an INVALID index of ${shownName(rangeName(statement.relation))}`,
  };
}

interface TableIndex extends Index {
  readonly unique: boolean;
  readonly method: string;
  /** Key columns, then those that are merely included; null for an expression. */
  readonly columns: readonly (string | null)[];
  readonly keys: number;
  readonly partial: boolean;
}

async function indexesOf(session: Session, { relation }: IndexStmt): Promise<readonly TableIndex[]> {
  const { rows } = await session.query<TableIndex>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS name, i.indisvalid AS valid, i.indisunique AS "unique",
       m.amname AS method, i.indnkeyatts::int AS keys, i.indpred IS NOT NULL AS partial,
       ARRAY(
         SELECT a.attname::pg_catalog.text FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         ORDER BY place
       ) AS columns
     FROM pg_catalog.pg_index i
     JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_am m ON m.oid = c.relam
     WHERE i.indrelid = pg_catalog.to_regclass($1)`,
    [quotedName(rangeName(relation))],
  );
  return rows;
}

/** So that one which somebody else made of the table meanwhile is not taken for ours. */
function hasShapeOf(statement: IndexStmt, index: TableIndex): boolean {
  const keys = columnsOf(statement.indexParams);
  const columns = [...keys, ...columnsOf(statement.indexIncludingParams)];
  return (
    index.unique === (statement.unique ?? false) &&
    index.method === (statement.accessMethod ?? 'btree') &&
    index.partial === (statement.whereClause !== undefined) &&
    index.keys === keys.length &&
    index.columns.length === columns.length &&
    // An expression may be a column in parentheses.
    columns.every((column, place) => column === null || column === index.columns[place])
  );
}

const columnsOf = (elements: readonly Node[] | undefined): (string | null)[] =>
  (elements ?? []).map((element) => ('IndexElem' in element ? (element.IndexElem.name ?? null) : null));

/** CONCURRENTLY drops one index; what an interruption leaves of it can be dropped again. */
export function indexDrop(statement: DropStmt): Interruptible {
  const name = quotedName(qualifiedName(nameParts(statement.objects?.[0])));
  return {
    // By its number: behind the one that was dropped, the search path may lead to another of the same name.
    note: async (session) => {
      const { rows } = await session.query<{ oid: number | null }>(
        'SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid',
        [name],
      );
      return { index: rows[0]?.oid ?? null };
    },
    look: async (session, { index }) => {
      if (index === undefined) return 'untold';
      const { rows } = await session.query('SELECT 1 FROM pg_catalog.pg_class WHERE oid = $1', [index]);
      return rows.length === 0 ? 'done' : 'absent';
    },
    repair: async () => undefined,
    remnant: `an INVALID index ${name}`,
  };
}

/**
 * Beside each index a new one `…_ccnew` is built; they change names, which makes the old one `…_ccold`, and that one is
 * dropped. Both are INVALID; the rebuilt index has a number of its own.
 */
export function indexRebuild(statement: ReindexStmt): Interruptible {
  const remnants = async (session: Session, before: JsonObject): Promise<readonly Index[]> => {
    const earlier = new Set(listOf(before.invalid));
    const indexes = await indexesIn(session, statement);
    return indexes.filter(
      (index) => isTransient(index) && index.droppable && !earlier.has(quotedName(index)),
    );
  };
  return {
    note: async (session) => {
      const indexes = await indexesIn(session, statement);
      return {
        invalid: indexes.filter(({ valid }) => !valid).map(quotedName),
        rebuilding: indexes.filter(({ target }) => target).map(({ oid }) => oid),
      };
    },
    look: async (session, before) => {
      if ((await remnants(session, before)).length > 0) return 'half-done';
      const old = listOf(before.rebuilding);
      if (old.length === 0) return 'absent';
      const { rows } = await session.query('SELECT 1 FROM pg_catalog.pg_class WHERE oid = ANY ($1) LIMIT 1', [
        old,
      ]);
      return rows.length === 0 ? 'done' : 'absent';
    },
    repair: async (session, before) => dropAll(session, await remnants(session, before)),
    remnant: 'an INVALID index (…_ccnew or …_ccold)',
  };
}

const isTransient = ({ name, valid }: Index): boolean => !valid && /_cc(?:new|old)\d*$/.test(name);

interface ReachedIndex extends Index {
  /** Whether REINDEX rebuilds it; of what it only reaches, exclusion constraints and invalid ones are passed over. */
  readonly target: boolean;
  /** An owner without rights on the schema pg_toast cannot drop what is left there. It costs writes, and no more. */
  readonly droppable: boolean;
}

/** Of the tables that the statement works on, and of their TOAST tables. */
async function indexesIn(session: Session, statement: ReindexStmt): Promise<readonly ReachedIndex[]> {
  const { tables, named, subject } = reachOf(statement);
  const { rows } = await session.query<ReachedIndex>(
    `WITH named AS (${named}), tables AS (${tables})
     SELECT c.oid, n.nspname AS schema, c.relname AS name, i.indisvalid AS valid,
       CASE WHEN EXISTS (SELECT FROM named) THEN c.oid IN (SELECT oid FROM named)
         ELSE i.indisvalid AND NOT i.indisexclusion END AS target,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS droppable
     FROM pg_catalog.pg_index i
     JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'i' AND i.indrelid IN (
       SELECT oid FROM tables
       UNION ALL SELECT reltoastrelid FROM pg_catalog.pg_class WHERE oid IN (SELECT oid FROM tables)
     )`,
    subject === undefined ? [] : [subject],
  );
  return rows;
}

const NOTHING = 'SELECT oid FROM pg_catalog.pg_class WHERE false';
const FOUND = 'SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid';
const FOUND_WITH_PARTITIONS = `${FOUND} UNION SELECT relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1))`;

function reachOf({ kind, relation, name }: ReindexStmt): {
  readonly tables: string;
  readonly named: string;
  readonly subject: string | undefined;
} {
  switch (kind) {
    case 'REINDEX_OBJECT_INDEX':
      return {
        tables: 'SELECT indrelid AS oid FROM pg_catalog.pg_index WHERE indexrelid IN (SELECT oid FROM named)',
        named: FOUND_WITH_PARTITIONS,
        subject: quotedName(rangeName(relation)),
      };
    case 'REINDEX_OBJECT_TABLE':
      return { tables: FOUND_WITH_PARTITIONS, named: NOTHING, subject: quotedName(rangeName(relation)) };
    case 'REINDEX_OBJECT_SCHEMA':
      return {
        tables: `SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1`,
        named: NOTHING,
        subject: name ?? '',
      };
    default:
      // Indexes of system catalogs cannot be rebuilt concurrently; below 16384 are those.
      return {
        tables: 'SELECT oid FROM pg_catalog.pg_class WHERE oid >= 16384',
        named: NOTHING,
        subject: undefined,
      };
  }
}

/** IF EXISTS: one that waits for its lock may find the work done by another. */
async function dropAll(session: Session, indexes: readonly Index[]): Promise<void> {
  for (const index of indexes) {
    if (!(await isLeftInvalid(session, index))) continue;
    await session.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quotedName(index)}`);
  }
}

/**
 * One that somebody else is building at this moment is INVALID, too. Who has the table's lock knows that nobody is.
 * DROP INDEX would wait for it with a snapshot, for which the build would wait: a deadlock, that may end the build.
 */
async function isLeftInvalid(session: Session, { oid }: Index): Promise<boolean> {
  const { rows: tables } = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_index i
     JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE i.indexrelid = $1 AND c.relkind = 'r'`,
    [oid],
  );
  await session.query('BEGIN');
  for (const table of tables) {
    await session.query(`LOCK TABLE ONLY ${quotedName(table)} IN SHARE UPDATE EXCLUSIVE MODE`);
  }
  const isInvalid = await staysInvalid(session, oid);
  await session.query('COMMIT');
  return isInvalid;
}

const LONGEST_COMMIT_S = 10;

/**
 * A build lets go of the table's lock shortly before it commits that its index is valid: while the transaction that
 * last changed the index's row is at work, its word is awaited.
 */
async function staysInvalid(session: Session, oid: number): Promise<boolean> {
  for (let waitedS = 0; waitedS < LONGEST_COMMIT_S; waitedS += 0.05) {
    const { rows } = await session.query<{ changing: boolean }>(
      `SELECT EXISTS (
         SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'transactionid' AND l.transactionid = i.xmax
       ) AS changing
       FROM pg_catalog.pg_index i WHERE i.indexrelid = $1 AND NOT i.indisvalid`,
      [oid],
    );
    if (rows[0]?.changing !== true) return rows.length > 0;
    await session.query('SELECT pg_catalog.pg_sleep(0.05)');
  }
  return false;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
