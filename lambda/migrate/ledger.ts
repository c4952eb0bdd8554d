/** Reads and writes `_prisma_migrations` exactly as Prisma's engine does, so that Prisma's tools agree before and after. */
import { createHash, randomUUID } from 'node:crypto';
import type { Migration } from '../domain/migration';
import type { Session } from '../ports/database';
import { literal, quoted } from '../sql/names';

export const LEDGER_NAME = '_prisma_migrations';

/** Quoted and with its schema: a migration may leave another `search_path` behind. */
export type LedgerTable = string & { readonly __brand: 'LedgerTable' };

export interface LedgerRow {
  readonly id: string;
  readonly checksum: string;
  readonly name: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
  readonly rolledBackAt: Date | undefined;
  readonly logs: string | undefined;
  readonly appliedSteps: number;
}

export const isApplied = (row: LedgerRow): boolean =>
  row.finishedAt !== undefined && row.rolledBackAt === undefined;

/** What Prisma calls a failed migration (P3009): begun, and nobody knows how it ended. */
export const isUnfinished = (row: LedgerRow): boolean =>
  row.finishedAt === undefined && row.rolledBackAt === undefined;

/** Where the ledger is, if there is one: the first of the search path, as for Prisma. */
export async function findLedger(session: Session): Promise<LedgerTable | undefined> {
  const { rows } = await session.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = pg_catalog.to_regclass('${LEDGER_NAME}')`,
  );
  return rows[0] && tableIn(rows[0].schema);
}

/** Creates the ledger where there is none, with the engine's own definition. */
export async function ensureLedger(session: Session): Promise<LedgerTable> {
  const existing = await findLedger(session);
  if (existing !== undefined) return existing;
  const { rows } = await session.query<{ schema: string | null }>(
    'SELECT pg_catalog.current_schema() AS schema',
  );
  const table = tableIn(rows[0]?.schema ?? 'public');
  await session.query(`CREATE TABLE ${table} (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`);
  return table;
}

const tableIn = (schema: string): LedgerTable => `${quoted(schema)}.${quoted(LEDGER_NAME)}` as LedgerTable;

/** In the order in which they were started; empty where there is no ledger. */
export async function readLedger(session: Session, table?: LedgerTable): Promise<LedgerRow[]> {
  const ledger = table ?? (await findLedger(session));
  if (ledger === undefined) return [];
  const { rows } = await session.query<RawRow>(
    `SELECT id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count
     FROM ${ledger} ORDER BY started_at ASC`,
  );
  return rows.map((row) => ({
    id: row.id,
    checksum: row.checksum,
    name: row.migration_name,
    startedAt: row.started_at,
    finishedAt: row.finished_at ?? undefined,
    rolledBackAt: row.rolled_back_at ?? undefined,
    logs: row.logs ?? undefined,
    appliedSteps: row.applied_steps_count,
  }));
}

interface RawRow {
  id: string;
  checksum: string;
  finished_at: Date | null;
  migration_name: string;
  logs: string | null;
  rolled_back_at: Date | null;
  started_at: Date;
  applied_steps_count: number;
}

/**
 * Made here, not in the database: after a lost connection it tells which attempt a row belongs to. Its first half tells
 * the run, so that one that crashed before it could say what it applied knows its own rows from another executor's.
 */
export const newLedgerId = (runId: string): string => `${markOf(runId)}${randomUUID().slice(MARK_LENGTH)}`;

export const isOfRun = ({ id }: Pick<LedgerRow, 'id'>, runId: string): boolean =>
  id.startsWith(markOf(runId));

/** `xxxxxxxx-xxxx` of the UUID: 48 bits, and the version that follows stays what it is. */
const MARK_LENGTH = 13;

function markOf(runId: string): string {
  const digits = createHash('sha256').update(runId).digest('hex');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}`;
}

export async function startMigration(
  session: Session,
  table: LedgerTable,
  migration: Pick<Migration, 'name' | 'checksum'>,
  id: string,
): Promise<void> {
  await session.query(
    `INSERT INTO ${table} (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, pg_catalog.clock_timestamp())`,
    [id, migration.checksum, migration.name],
  );
}

/** A run that goes on with another's unfinished migration makes the row its own. */
export async function adoptMigration(
  session: Session,
  table: LedgerTable,
  { id }: Pick<LedgerRow, 'id'>,
  newId: string,
): Promise<void> {
  await session.query(`UPDATE ${table} SET id = $2 WHERE id = $1`, [id, newId]);
}

/** Prisma counts a file as one step, however many statements it holds, and so do we. */
export async function finishMigration(session: Session, table: LedgerTable, id: string): Promise<void> {
  await session.query(
    `UPDATE ${table} SET finished_at = pg_catalog.clock_timestamp(), applied_steps_count = applied_steps_count + 1,
       logs = NULL WHERE id = $1`,
    [id],
  );
}

/**
 * One row for a migration that ran in this very transaction, which it ends: started when that began, finished now.
 * Both in one message: over a long history each trip to the server counts.
 */
export async function commitApplied(
  session: Session,
  table: LedgerTable,
  migration: Pick<Migration, 'name' | 'checksum'>,
  id: string,
): Promise<void> {
  await session.query(
    `INSERT INTO ${table} (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     VALUES (${[id, migration.checksum, migration.name].map(literal).join(', ')}, pg_catalog.now(),
       pg_catalog.clock_timestamp(), 1);
     COMMIT`,
  );
}

export async function failMigration(
  session: Session,
  table: LedgerTable,
  id: string,
  logs: string,
): Promise<void> {
  await session.query(`UPDATE ${table} SET logs = $2 WHERE id = $1`, [id, logs]);
}

/** Prisma ignores rolled back rows: the migration counts as pending again. */
export async function rollBackMigration(session: Session, table: LedgerTable, id: string): Promise<void> {
  await session.query(`UPDATE ${table} SET rolled_back_at = pg_catalog.clock_timestamp() WHERE id = $1`, [
    id,
  ]);
}

/** An attempt that left nothing behind: kept for the record, and no obstacle to the next one. */
export async function recordRolledBackAttempt(
  session: Session,
  table: LedgerTable,
  attempt: { migration: Pick<Migration, 'name' | 'checksum'>; id: string; startedAt: Date; logs: string },
): Promise<void> {
  await session.query(
    `INSERT INTO ${table} (id, checksum, migration_name, started_at, logs, rolled_back_at)
     VALUES ($1, $2, $3, $4, $5, pg_catalog.clock_timestamp())`,
    [
      attempt.id,
      attempt.migration.checksum,
      attempt.migration.name,
      attempt.startedAt.toISOString(),
      attempt.logs,
    ],
  );
}
