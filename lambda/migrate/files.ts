/** Takes one file through the ledger: decides between fresh, resumed and refused, runs it, and records how it ended. */
import type { Migration } from '../domain/migration';
import type { MigrationFailure, StatementTiming } from '../domain/run';
import { type Session, SQLSTATE, StatementFailed } from '../ports/database';
import type { ParsedScript } from '../sql/parse';
import { makesTemporary } from '../sql/settings';
import { runAtomically } from './atomic';
import type { FileRun } from './file-run';
import type { LedgerHistory } from './history';
import {
  adoptMigration,
  commitApplied,
  failMigration,
  finishMigration,
  isApplied,
  isOfRun,
  LEDGER_NAME,
  type LedgerRow,
  newLedgerId,
  readLedger,
  recordRolledBackAttempt,
  rollBackMigration,
  startMigration,
} from './ledger';
import type { ExecutorRequest, FileOutcome } from './outcome';
import type { ExecutorSessions } from './sessions';
import {
  clearJournal,
  ensureJournal,
  type JournalKey,
  readJournal,
  recordStarted,
  WHOLE_FILE,
} from './statement-journal';
import { StatementLog } from './statement-log';
import { runStepwise } from './stepwise';
import type { LockWatch } from './watch/lock-watch';

export interface File {
  readonly request: ExecutorRequest;
  readonly migration: Migration;
  readonly script: ParsedScript;
  readonly mode: 'atomic' | 'stepwise';
  readonly sessions: ExecutorSessions;
  readonly watch: LockWatch;
  readonly history: LedgerHistory;
}

export type TimedOutcome = FileOutcome & {
  readonly timings: readonly StatementTiming[];
  /** It was applied before: by an earlier call for this run, or by somebody else. */
  readonly foundApplied?: 'ours' | "another's";
};

export async function runUpFile(file: File): Promise<TimedOutcome> {
  const { history, migration, sessions, request } = file;
  const row = await history.rowOf(await sessions.open(), migration.name);
  if (row !== undefined && row.checksum !== migration.checksum) {
    const state = isApplied(row) ? 'applied' : 'begun';
    return refused(
      file,
      `It was ${state} with another content. Restore the file as it was, or make a new migration.`,
    );
  }
  if (row !== undefined && isApplied(row)) {
    const foundApplied = isOfRun(row, request.runId) ? 'ours' : "another's";
    return { outcome: 'done', timings: [], foundApplied };
  }
  if (file.mode === 'atomic' && row !== undefined) return refused(file, LEFT_BEHIND);
  const result = file.mode === 'atomic' ? await runUpAtomically(file) : await runUpStepwise(file, row);
  if (migration.sql.includes(LEDGER_NAME)) history.forget();
  return result;
}

const LEFT_BEHIND =
  'An earlier attempt began it and left no trace of how far it got. ' +
  'See what it changed, undo or complete that, and mark it with `godwit resolve`.';

/** Its name may mean a permanent table now. */
const LOST_WITH_SESSION =
  'It was interrupted after it had made a temporary table, which is gone with its session. ' +
  'See what it changed, undo or complete that, and mark it with `godwit resolve`.';

const NO_JOURNAL =
  'It runs stepwise, and its role may not create the journal in the schema _godwit. ' +
  'GRANT CREATE ON DATABASE to the role, or make the schema for it: CREATE SCHEMA _godwit AUTHORIZATION "role".';

async function mayJournal(session: Session): Promise<boolean> {
  try {
    await ensureJournal(session);
    return true;
  } catch (error) {
    if (error instanceof StatementFailed && error.sqlState === SQLSTATE.insufficientPrivilege) return false;
    throw error;
  }
}

async function runUpAtomically(file: File): Promise<TimedOutcome> {
  const { migration, sessions, request } = file;
  const ledger = file.history.table;
  const id = newLedgerId(request.runId);
  const startedAt = request.clock.now();
  const run = runOf(file, 'up', {
    sealAndCommit: (session) => commitApplied(session, ledger, migration, id),
    isSealed: async (session) => (await readLedger(session, ledger)).some((row) => row.id === id),
  });
  const result = await runAtomically(run);
  if (result.outcome === 'failed') {
    const attempt = { migration, id, startedAt, logs: logsOf(result.failed) };
    await sessions.clean();
    await recordRolledBackAttempt(await sessions.open(), ledger, attempt);
  }
  return { ...result, timings: run.log.timings };
}

async function runUpStepwise(file: File, row: LedgerRow | undefined): Promise<TimedOutcome> {
  const { migration, sessions, request } = file;
  const ledger = file.history.table;
  const key: JournalKey = { migration: migration.name, checksum: migration.checksum, direction: 'up' };
  const session = await sessions.open();
  const isOurs = row !== undefined && isOfRun(row, request.runId);
  const id = isOurs ? row.id : newLedgerId(request.runId);
  if (row === undefined) {
    if (!(await mayJournal(session))) return refused(file, NO_JOURNAL);
    await inTransaction(session, async () => {
      await clearJournal(session, migration);
      await startMigration(session, ledger, migration, id);
      await recordStarted(session, key, { ordinal: WHOLE_FILE, runId: request.runId });
    });
  } else {
    const begun = await readJournal(session, key);
    if (begun.size === 0) return refused(file, LEFT_BEHIND);
    const isLost = file.script.statements.some(
      (statement, index) => begun.get(index + 1) === 'finished' && makesTemporary(statement),
    );
    if (isLost) return refused(file, LOST_WITH_SESSION);
    // Begun by an older Godwit, the journal may lack what this one writes.
    await ensureJournal(session);
    if (!isOurs) await adoptMigration(session, ledger, row, id);
  }
  const run = runOf(file, 'up', {
    sealAndCommit: async (at) => {
      await finishMigration(at, ledger, id);
      await clearJournal(at, migration);
      await at.query('COMMIT');
    },
    isSealed: async (at) =>
      (await readLedger(at, ledger)).some((other) => other.id === id && isApplied(other)),
  });
  const result = await runStepwise(run, key);
  if (result.outcome === 'failed') {
    await sessions.clean();
    await failMigration(await sessions.open(), ledger, id, logsOf(result.failed));
  }
  return { ...result, timings: run.log.timings };
}

/** Rolled back already: nothing is left to do. */
export async function runDownFile(file: File & { readonly downChecksum: string }): Promise<TimedOutcome> {
  const { history, migration, sessions, request, downChecksum } = file;
  const ledger = history.table;
  const row = await history.rowOf(await sessions.open(), migration.name);
  if (row === undefined) return { outcome: 'done', timings: [] };
  const run = runOf(file, 'down', {
    sealAndCommit: async (session) => {
      await rollBackMigration(session, ledger, row.id);
      await clearJournal(session, migration);
      await session.query('COMMIT');
    },
    isSealed: async (session) =>
      (await readLedger(session, ledger)).some(
        ({ id, rolledBackAt }) => id === row.id && rolledBackAt !== undefined,
      ),
  });
  if (file.mode === 'atomic') {
    const result = await runAtomically(run);
    return { ...result, timings: run.log.timings };
  }
  const key: JournalKey = { migration: migration.name, checksum: downChecksum, direction: 'down' };
  const session = await sessions.open();
  await ensureJournal(session);
  await recordStarted(session, key, { ordinal: WHOLE_FILE, runId: request.runId });
  const result = await runStepwise(run, key);
  return { ...result, timings: run.log.timings };
}

function runOf(
  file: File,
  direction: 'up' | 'down',
  bookkeeping: Pick<FileRun, 'sealAndCommit' | 'isSealed'>,
): FileRun {
  const { request, migration, script, sessions, watch } = file;
  const log = new StatementLog({ migration: migration.name, script }, request.clock, (event) =>
    request.onEvent?.(event),
  );
  return { request, migration, direction, script, sessions, watch, log, ...bookkeeping };
}

function refused(file: File, message: string): TimedOutcome {
  const failed: MigrationFailure = {
    migration: file.migration.name,
    statement: 0,
    line: 1,
    message: `${file.migration.name}: ${message}`,
    atomic: false,
    statementsDone: 0,
  };
  return { outcome: 'failed', failed, timings: [] };
}

const logsOf = ({ statement, line, message, sqlState }: MigrationFailure): string =>
  `Statement ${statement}, line ${line}: ${message}${sqlState === undefined ? '' : ` (SQLSTATE ${sqlState})`}`;

async function inTransaction(session: Session, work: () => Promise<void>): Promise<void> {
  await session.query('BEGIN');
  try {
    await work();
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
