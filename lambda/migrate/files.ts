/** Takes one file through the ledger: decides between fresh, resumed and refused, runs it, and records how it ended. */
import type { Migration } from '../domain/migration';
import type { MigrationFailure, StatementTiming } from '../domain/run';
import type { Session } from '../ports/database';
import type { ParsedScript } from '../sql/parse';
import { runAtomically } from './atomic';
import type { FileRun } from './file-run';
import {
  failMigration,
  finishMigration,
  isApplied,
  isUnfinished,
  type LedgerRow,
  type LedgerTable,
  newLedgerId,
  readLedger,
  recordApplied,
  recordRolledBackAttempt,
  rollBackMigration,
  startMigration,
} from './ledger';
import type { LockWatch } from './lock-watch';
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

export interface File {
  readonly request: ExecutorRequest;
  readonly migration: Migration;
  readonly script: ParsedScript;
  readonly mode: 'atomic' | 'stepwise';
  readonly sessions: ExecutorSessions;
  readonly watch: LockWatch;
  readonly ledger: LedgerTable;
}

export type TimedOutcome = FileOutcome & { readonly timings: readonly StatementTiming[] };

export async function runUpFile(file: File): Promise<TimedOutcome> {
  const row = await ledgerRow(file);
  if (row !== undefined && row.checksum !== file.migration.checksum) {
    const state = isApplied(row) ? 'applied' : 'begun';
    return refused(
      file,
      `It was ${state} with another content. Restore the file as it was, or make a new migration.`,
    );
  }
  if (row !== undefined && isApplied(row)) return { outcome: 'done', timings: [] };
  if (file.mode === 'atomic') return row === undefined ? runUpAtomically(file) : refused(file, LEFT_BEHIND);
  return runUpStepwise(file, row);
}

const LEFT_BEHIND =
  'An earlier attempt began it and left no trace of how far it got. ' +
  'See what it changed, undo or complete that, and mark it with `godwit resolve`.';

async function runUpAtomically(file: File): Promise<TimedOutcome> {
  const { ledger, migration, sessions, request } = file;
  const id = newLedgerId();
  const startedAt = request.clock.now();
  const run = runOf(file, 'up', {
    seal: (session) => recordApplied(session, ledger, migration, id),
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
  const { ledger, migration, sessions, request } = file;
  const key: JournalKey = { migration: migration.name, checksum: migration.checksum, direction: 'up' };
  const session = await sessions.open();
  const id = row?.id ?? newLedgerId();
  if (row === undefined) {
    await ensureJournal(session);
    await inTransaction(session, async () => {
      await clearJournal(session, migration);
      await startMigration(session, ledger, migration, id);
      await recordStarted(session, key, { ordinal: WHOLE_FILE, runId: request.runId });
    });
  } else if ((await readJournal(session, key)).size === 0) {
    return refused(file, LEFT_BEHIND);
  }
  const run = runOf(file, 'up', {
    seal: async (at) => {
      await finishMigration(at, ledger, id);
      await clearJournal(at, migration);
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
  const { ledger, migration, sessions, request, downChecksum } = file;
  const row = await ledgerRow(file);
  if (row === undefined) return { outcome: 'done', timings: [] };
  const run = runOf(file, 'down', {
    seal: async (session) => {
      await rollBackMigration(session, ledger, row.id);
      await clearJournal(session, migration);
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

/** The migration's row that counts: the latest that is not rolled back. */
async function ledgerRow({ sessions, ledger, migration }: File): Promise<LedgerRow | undefined> {
  const rows = await readLedger(await sessions.open(), ledger);
  const own = rows.filter((row) => row.name === migration.name && row.rolledBackAt === undefined);
  return own.find(isApplied) ?? own.findLast(isUnfinished);
}

function runOf(
  file: File,
  direction: 'up' | 'down',
  bookkeeping: Pick<FileRun, 'seal' | 'isSealed'>,
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
