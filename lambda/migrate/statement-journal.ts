/** Remembers in the target database which statements of a stepwise migration are done, so that a rerun goes on where it stopped. */
import type { Migration } from '../domain/migration';
import type { Session } from '../ports/database';

export type Direction = 'up' | 'down';

/** A new content of the file is another file: its statements are not those that were done. */
export interface JournalKey {
  readonly migration: string;
  readonly checksum: string;
  readonly direction: Direction;
}

export type StatementState = 'started' | 'finished';

/** Stands for the file itself: begun, maybe no statement yet. */
export const WHOLE_FILE = 0;

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

export interface JournalEntry {
  readonly ordinal: number;
  readonly runId: string;
}

export async function journalExists(session: Session): Promise<boolean> {
  const { rows } = await session.query<{ found: boolean }>(
    "SELECT pg_catalog.to_regclass('_godwit.statement') IS NOT NULL AS found",
  );
  return rows[0]?.found === true;
}

/** In a schema of its own, which Prisma's diff does not look at. */
export async function ensureJournal(session: Session): Promise<void> {
  // IF NOT EXISTS alone would ask for the right to create schemas even where there is nothing to create.
  const { rows } = await session.query<{ found: boolean; complete: boolean }>(
    `SELECT journal IS NOT NULL AS found, EXISTS (
       SELECT FROM pg_catalog.pg_attribute WHERE attrelid = journal AND attname = 'detail' AND NOT attisdropped
     ) AS complete
     FROM pg_catalog.to_regclass('_godwit.statement') AS journal`,
  );
  if (rows[0]?.complete === true) return;
  if (rows[0]?.found === true) {
    await session.query('ALTER TABLE _godwit.statement ADD COLUMN IF NOT EXISTS detail pg_catalog.jsonb');
    return;
  }
  const { rows: schemas } = await session.query(
    "SELECT FROM pg_catalog.pg_namespace WHERE nspname = '_godwit'",
  );
  if (schemas.length === 0) await session.query('CREATE SCHEMA IF NOT EXISTS _godwit');
  await session.query(`CREATE TABLE IF NOT EXISTS _godwit.statement (
    migration   text NOT NULL,
    checksum    text NOT NULL,
    direction   text NOT NULL CHECK (direction IN ('up', 'down')),
    ordinal     integer NOT NULL,
    run_id      text NOT NULL,
    state       text NOT NULL CHECK (state IN ('started', 'finished')),
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    detail      jsonb,
    PRIMARY KEY (migration, checksum, direction, ordinal)
)`);
}

/** Ordinal → state; empty where nothing was begun. */
export async function readJournal(
  session: Session,
  key: JournalKey,
): Promise<ReadonlyMap<number, StatementState>> {
  if (!(await journalExists(session))) return new Map();
  const { rows } = await session.query<{ ordinal: number; state: StatementState }>(
    'SELECT ordinal, state FROM _godwit.statement WHERE migration = $1 AND checksum = $2 AND direction = $3',
    [key.migration, key.checksum, key.direction],
  );
  return new Map(rows.map(({ ordinal, state }) => [ordinal, state]));
}

/** What was noted when the statement was first started stays: a rerun finds another state of things. */
export async function recordStarted(
  session: Session,
  key: JournalKey,
  entry: JournalEntry,
  detail?: JsonObject,
): Promise<void> {
  await session.query(
    `INSERT INTO _godwit.statement (migration, checksum, direction, ordinal, run_id, state, detail)
     VALUES ($1, $2, $3, $4, $5, 'started', $6::pg_catalog.jsonb) ON CONFLICT DO NOTHING`,
    [...rowOf(key, entry), detail === undefined ? null : JSON.stringify(detail)],
  );
}

/** How far a statement that takes many transactions got: written in the transaction of what it tells. */
export async function recordProgress(
  session: Session,
  key: JournalKey,
  entry: JournalEntry,
  detail: JsonObject,
): Promise<void> {
  await session.query(
    `INSERT INTO _godwit.statement (migration, checksum, direction, ordinal, run_id, state, detail)
     VALUES ($1, $2, $3, $4, $5, 'started', $6::pg_catalog.jsonb)
     ON CONFLICT (migration, checksum, direction, ordinal)
     DO UPDATE SET state = 'started', run_id = EXCLUDED.run_id, detail = EXCLUDED.detail`,
    [...rowOf(key, entry), JSON.stringify(detail)],
  );
}

/** What {@link recordProgress} or {@link recordStarted} wrote last; undefined where nothing was. */
export async function readDetail(
  session: Session,
  key: JournalKey,
  ordinal: number,
): Promise<JsonObject | undefined> {
  const { rows } = await session.query<{ detail: JsonObject | null }>(
    `SELECT detail FROM _godwit.statement
     WHERE migration = $1 AND checksum = $2 AND direction = $3 AND ordinal = $4`,
    [key.migration, key.checksum, key.direction, ordinal],
  );
  return rows[0]?.detail ?? undefined;
}

export async function recordFinished(session: Session, key: JournalKey, entry: JournalEntry): Promise<void> {
  await session.query(
    `INSERT INTO _godwit.statement (migration, checksum, direction, ordinal, run_id, state, started_at, finished_at)
     VALUES ($1, $2, $3, $4, $5, 'finished', pg_catalog.now(), pg_catalog.clock_timestamp())
     ON CONFLICT (migration, checksum, direction, ordinal)
     DO UPDATE SET state = 'finished', run_id = EXCLUDED.run_id, finished_at = EXCLUDED.finished_at`,
    rowOf(key, entry),
  );
}

const rowOf = ({ migration, checksum, direction }: JournalKey, { ordinal, runId }: JournalEntry) =>
  [migration, checksum, direction, ordinal, runId] as const;

/** A statement that failed and left nothing behind was, in effect, not started. */
export async function forgetStarted(session: Session, key: JournalKey, ordinal: number): Promise<void> {
  await session.query(
    `DELETE FROM _godwit.statement
     WHERE migration = $1 AND checksum = $2 AND direction = $3 AND ordinal = $4 AND state = 'started'`,
    [key.migration, key.checksum, key.direction, ordinal],
  );
}

/** The migration is finished or rolled back as a whole: a later attempt starts anew. */
export async function clearJournal(session: Session, migration: Pick<Migration, 'name'>): Promise<void> {
  if (!(await journalExists(session))) return;
  await session.query('DELETE FROM _godwit.statement WHERE migration = $1', [migration.name]);
}
