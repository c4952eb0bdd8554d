/**
 * Whether a recovered instance is sound in itself: its rows satisfy their constraints, its indexes agree with their
 * tables, its sequences are past what they handed out. It is taken for a throw-away one: constraints are tried on it.
 */
import { messageOf } from '../domain/errors';
import type { Session } from '../ports/database';
import { ConnectionLost, StatementFailed } from '../ports/database';
import { faultsSince, type SequencePositions, takenBy } from './sequences';

export interface StructureRead {
  readonly looked: number;
  /** `object: what is wrong`. */
  readonly broken: readonly string[];
  /** `object: why it could not be told`. */
  readonly unclear: readonly string[];
  /** Marked as not (yet) valid, so that their content was not looked at. */
  readonly notValid: readonly string[];
  /** What could not be looked at on any of them. */
  readonly limits: readonly string[];
}

const APPLICATION_SCHEMAS = `n.nspname not in ('information_schema', '_godwit') and n.nspname not like 'pg\\_%'`;
/** foreign_key_violation, check_violation */
const VIOLATED: ReadonlySet<string> = new Set(['23503', '23514']);
/** Classes of internal errors, corrupted data and indexes among them, and of files that cannot be read. */
const FOUND_DAMAGED = /^(XX|58)/;

/** Each is added once more, for which Postgres looks at every row, and taken back. */
export async function tryConstraints(
  session: Session,
  { signal }: { readonly signal: AbortSignal },
): Promise<StructureRead> {
  const { rows } = await session.query<{
    table: string;
    name: string;
    definition: string;
    isValid: boolean;
  }>(CONSTRAINTS);
  const valid = rows.filter(({ isValid }) => isValid);
  const broken: string[] = [];
  const unclear: string[] = [];
  for (const { table, name, definition } of valid) {
    signal.throwIfAborted();
    const problem = await problemOf(
      session,
      `alter table ${table} add constraint "godwit drill" ${definition}`,
    );
    if (problem === undefined) continue;
    (VIOLATED.has(problem.sqlState) ? broken : unclear).push(`${name} of ${table}: ${messageOf(problem)}`);
  }
  const notValid = rows.filter(({ isValid }) => !isValid).map(({ table, name }) => `${name} of ${table}`);
  return { looked: valid.length, broken, unclear, notValid, limits: [] };
}

async function problemOf(session: Session, sql: string): Promise<StatementFailed | undefined> {
  await session.query('begin');
  try {
    await session.query(sql);
    return undefined;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    return error;
  } finally {
    // Nothing to be rolled back where the connection is gone, which the statement's own error tells.
    await session.query('rollback').catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) throw error;
    });
  }
}

/**
 * `amcheck` compares every B-tree with itself, and with its table: each row is in the index, and in a unique one once.
 * @param compareWithTables reads every table once for each of its indexes
 */
export async function verifyIndexes(
  session: Session,
  { compareWithTables, signal }: { readonly compareWithTables: boolean; readonly signal: AbortSignal },
): Promise<StructureRead> {
  const { rows } = await session.query<{ oid: string; name: string; isValid: boolean; isBtree: boolean }>(
    INDEXES,
  );
  const notValid = rows.filter(({ isValid }) => !isValid).map(({ name }) => name);
  await session.query('begin');
  try {
    await session.query('create extension if not exists amcheck');
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    await session.query('rollback');
    const limit = `only whether they are marked valid: amcheck cannot be installed there (${messageOf(error)})`;
    return { looked: rows.length, broken: [], unclear: [], notValid, limits: [limit] };
  }
  const verification = await verificationQuery(session, compareWithTables);
  const btrees = rows.filter(({ isValid, isBtree }) => isValid && isBtree);
  const broken: string[] = [];
  const unclear: string[] = [];
  for (const { oid, name } of btrees) {
    signal.throwIfAborted();
    await session.query('savepoint one');
    try {
      await session.query(verification, [oid]);
    } catch (error) {
      if (!(error instanceof StatementFailed)) throw error;
      (FOUND_DAMAGED.test(error.sqlState) ? broken : unclear).push(`${name}: ${messageOf(error)}`);
      await session.query('rollback to savepoint one');
    }
  }
  await session.query('rollback');
  const others = rows.filter(({ isBtree }) => !isBtree).map(({ name }) => name);
  return {
    looked: btrees.length,
    broken,
    unclear,
    notValid,
    limits: [
      ...(compareWithTables ? [] : ['each with itself only, not with its table: the database is large']),
      ...(others.length > 0 ? [`not those that are no B-tree: ${others.join(', ')}`] : []),
    ],
  };
}

/** The extension may lie in a schema where no search path leads. */
async function verificationQuery(session: Session, compareWithTables: boolean): Promise<string> {
  const { rows } = await session.query<{ schema: string }>(
    `select extnamespace::regnamespace::text as schema from pg_extension where extname = 'amcheck'`,
  );
  return `select ${rows[0]?.schema}.bt_index_check($1::oid::regclass, ${compareWithTables}, i.indisunique and ${compareWithTables}) from pg_index i where i.indexrelid = $1::oid`;
}

/** One that is behind its column is sound where it was so at the restore point: then the application gives keys itself. */
export function compareSequences(
  found: SequencePositions,
  recorded: SequencePositions | undefined = {},
): StructureRead {
  const all = Object.entries(found);
  const unclear = all.flatMap(([name, position]) =>
    'problem' in position ? [`${name}: ${position.problem}`] : [],
  );
  const faults = faultsSince(recorded, found).filter((line) => !unclear.includes(line));
  const takenWhere = (isRecorded: boolean): readonly string[] =>
    all.flatMap(([name, position]) => (name in recorded === isRecorded ? takenBy(name, position) : []));
  return {
    looked: all.length,
    broken: [...faults, ...takenWhere(false)],
    unclear,
    notValid: [],
    limits: takenWhere(true)
      .filter((line) => !faults.includes(line))
      .map((line) => `as at the restore point, ${line}`),
  };
}

/** `NOT ENFORCED` came with Postgres 18: where the column is not there, all are enforced. */
const CONSTRAINTS = `
select format('%I.%I', n.nspname, c.relname) as table, quote_ident(k.conname) as name,
       pg_get_constraintdef(k.oid) as definition, k.convalidated as "isValid"
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_namespace n on n.oid = c.relnamespace
 where k.contype in ('c', 'f') and k.conparentid = 0 and (k.contype = 'f' or k.conislocal)
   and coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
   and ${APPLICATION_SCHEMAS}
 order by 1, 2`;

const INDEXES = `
select i.indexrelid::text as oid, format('%I.%I', n.nspname, c.relname) as name,
       i.indisvalid and i.indisready and i.indislive as "isValid", am.amname = 'btree' as "isBtree"
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_am am on am.oid = c.relam
 where c.relkind = 'i' and ${APPLICATION_SCHEMAS}
 order by 2`;
