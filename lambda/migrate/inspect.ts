/** Tells from outside how a migration stands that another process applies: begin there, inspect here, and never await. */
import type { Migration } from '../domain/migration';
import { type Database, type Session, withSession } from '../ports/database';
import { findLockHolder, type LockHolder } from './executor-lock';
import { isApplied, isUnfinished, type LedgerRow, readLedger } from './ledger';
import {
  type JournalKey,
  type JsonObject,
  readDetail,
  readJournal,
  type StatementState,
  WHOLE_FILE,
} from './statement-journal';
import { EXECUTOR_NAME } from './watch/lock-watch';
import { PROGRESS } from './watch/read-vitals';
import type { Build } from './watch/vitals';

export interface InspectRequest {
  readonly database: Database;
  readonly migration: Pick<Migration, 'name' | 'checksum'>;
  /**
   * Whose work it is. Of an atomic file nothing is visible before it is committed, and so whoever holds the executor
   * lock is taken to be at it; with this, only that run's executor is.
   */
  readonly runId?: string;
}

interface Standing {
  /** Of a file that runs statement by statement. */
  readonly statementsDone: number;
  /** The one that it is at, or stopped at, from 1; undefined for a file that runs in one transaction. */
  readonly statement: number | undefined;
}

export type Inspection =
  | { readonly state: 'not-begun' }
  | ({
      readonly state: 'running';
      readonly pid: number;
      /** When its session began. */
      readonly since: Date;
      /** When the statement that it is at began. */
      readonly activeSince: Date | undefined;
      /** Of an index build and the like, as the server tells. */
      readonly build: Build | undefined;
      /** Of a backfill, as its cursor tells. */
      readonly cursor: JsonObject | undefined;
    } & Standing)
  /** Begun, and nobody is at it: `migrate` goes on from there. */
  | ({ readonly state: 'interrupted'; readonly reason: string | undefined } & Standing)
  | { readonly state: 'finished'; readonly at: Date }
  /** Nothing of it is in effect: it failed as a whole, or was taken back. */
  | { readonly state: 'rolled-back'; readonly at: Date; readonly reason: string | undefined };

export function inspectMigration(request: InspectRequest): Promise<Inspection> {
  const options = { applicationName: 'godwit inspect', readOnly: true, statementTimeoutMs: 10_000 };
  return withSession(request.database, options, async (session) => {
    const first = await look(session, request);
    // Between two looks an executor may have come or gone: only what is seen twice was interrupted.
    return first.state === 'interrupted' ? look(session, request) : first;
  });
}

async function look(session: Session, { migration, runId }: InspectRequest): Promise<Inspection> {
  const holder = await findLockHolder(session);
  const rows = (await readLedger(session)).filter(({ name }) => name === migration.name);
  const applied = rows.find(isApplied);
  if (applied?.finishedAt !== undefined) return { state: 'finished', at: applied.finishedAt };

  const key: JournalKey = { migration: migration.name, checksum: migration.checksum, direction: 'up' };
  const standing = standingOf(await readJournal(session, key));
  if (holder !== undefined && isExecutorOf(holder, runId)) {
    return { state: 'running', ...standing, ...(await progressOf(session, holder, key, standing)) };
  }
  const unfinished = rows.findLast(isUnfinished);
  if (unfinished) return { state: 'interrupted', ...standing, reason: unfinished.logs };
  return rolledBackOrNotBegun(rows.at(-1));
}

/** Postgres cuts application names off at 63 bytes. */
const isExecutorOf = ({ applicationName }: LockHolder, runId: string | undefined): boolean =>
  runId === undefined || applicationName === `${EXECUTOR_NAME} ${runId}`.slice(0, 63);

async function progressOf(
  session: Session,
  { pid, since, activeSince }: LockHolder,
  key: JournalKey,
  { statement }: Standing,
) {
  const { rows } = await session.query<Build>(PROGRESS, [[pid]]);
  const cursor = statement === undefined ? undefined : await readDetail(session, key, statement);
  return { pid, since, activeSince, build: rows[0], cursor };
}

function standingOf(journal: ReadonlyMap<number, StatementState>): Standing {
  const done = [...journal].filter(([ordinal, state]) => ordinal !== WHOLE_FILE && state === 'finished');
  if (!journal.has(WHOLE_FILE)) return { statementsDone: 0, statement: undefined };
  // Settings of the session are repeated: the last that is finished, not the number of those, tells the place.
  const last = Math.max(0, ...done.map(([ordinal]) => ordinal));
  return { statementsDone: done.length, statement: last + 1 };
}

function rolledBackOrNotBegun(row: LedgerRow | undefined): Inspection {
  if (row?.rolledBackAt === undefined) return { state: 'not-begun' };
  return { state: 'rolled-back', at: row.rolledBackAt, reason: row.logs };
}
