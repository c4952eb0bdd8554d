/** Takes readings of invariants, all in one consistent snapshot. */
import { messageOf } from '../domain/errors';
import type { Invariant, Reading, ReadingRow, Readings } from '../domain/invariant';
import type { Database, Session } from '../ports/database';
import { ConnectionLost, SQLSTATE, StatementFailed, withSession } from '../ports/database';
import { literal } from '../sql/names';
import { parseScript } from '../sql/parse';

/** An invariant that takes longer is not read: validation must not become the load that it watches for. */
const STATEMENT_TIMEOUT_MS = 60_000;

export interface ReadingRequest {
  readonly database: Database;
  readonly invariants: readonly Invariant[];
  /** ISO 8601, UTC: the instant that time-dependent invariants refer to, the same before and after. */
  readonly asOf: string;
  /** Exported by another session (`pg_export_snapshot`), whose view of the database is taken over. */
  readonly snapshot?: string;
  onReading?(invariant: Invariant, done: number): void;
}

export async function takeReadings(request: ReadingRequest): Promise<Readings> {
  const options = {
    applicationName: 'godwit readings',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    readOnly: true,
  };
  return withSession(request.database, options, async (session) => {
    await session.query('begin transaction isolation level repeatable read read only');
    if (request.snapshot !== undefined) {
      await session.query(`set transaction snapshot ${literal(request.snapshot)}`);
    }
    await session.query(`select set_config('godwit.as_of', $1, true), set_config('timezone', 'UTC', true)`, [
      request.asOf.replace('Z', '').replace('T', ' '),
    ]);
    const readings: Record<string, Reading> = {};
    for (const [index, invariant] of request.invariants.entries()) {
      readings[invariant.file] = await readOne(session, invariant);
      request.onReading?.(invariant, index + 1);
    }
    await session.query('rollback');
    return readings;
  });
}

const MISSING_OBJECT: ReadonlySet<string> = new Set([
  SQLSTATE.undefinedTable,
  SQLSTATE.undefinedColumn,
  SQLSTATE.undefinedFunction,
  SQLSTATE.undefinedSchema,
]);

/** A failed query aborts the transaction, and with it the snapshot: a savepoint keeps it. */
async function readOne(session: Session, invariant: Invariant): Promise<Reading> {
  const began = performance.now();
  await session.query('savepoint invariant');
  try {
    const { rows } = await session.query<{ row: ReadingRow }>(asText(await queryOf(invariant)));
    await session.query('release savepoint invariant');
    return { rows: rows.map(({ row }) => row), durationMs: performance.now() - began };
  } catch (error) {
    if (error instanceof ConnectionLost) throw error;
    await session.query('rollback to savepoint invariant');
    const isAbsent = error instanceof StatementFailed && MISSING_OBJECT.has(error.sqlState);
    return { problem: messageOf(error), ...(isAbsent ? { isAbsent } : {}) };
  }
}

/** The statement alone: what follows its semicolon, comments included, would end the subquery that it becomes. */
async function queryOf({ sql, file }: Invariant): Promise<string> {
  const [statement, another] = (await parseScript(sql)).statements;
  if (!statement || another) throw new Error(`syntax error in ${file}: an invariant is one SELECT`);
  return statement.sql;
}

/** Values are compared as Postgres prints them: no float, timestamp or numeric is ever rounded on the way. */
const asText = (query: string): string =>
  `select coalesce((select jsonb_object_agg(key, value) from jsonb_each_text(to_jsonb(reading))), '{}') as row from (${query}\n) as reading`;
