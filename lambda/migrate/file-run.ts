/** One file on its way through the executor: what both modes of execution share. */

import { messageOf } from '../domain/errors';
import type { Migration } from '../domain/migration';
import type { MigrationFailure } from '../domain/run';
import { ConnectionLost, type Session, SQLSTATE, StatementFailed } from '../ports/database';
import { factsOf } from '../sql/facts';
import type { ParsedScript, SqlStatement } from '../sql/parse';
import { askingTimeMs } from './locks/lock-budget';
import { LockNotGranted } from './locks/lock-not-granted';
import type { ExecutorRequest } from './outcome';
import type { ExecutorSessions } from './sessions';
import type { Direction } from './statement-journal';
import type { StatementLog } from './statement-log';
import type { LockWatch } from './watch/lock-watch';

export interface FileRun {
  readonly request: ExecutorRequest;
  readonly migration: Migration;
  readonly direction: Direction;
  readonly script: ParsedScript;
  readonly sessions: ExecutorSessions;
  readonly watch: LockWatch;
  readonly log: StatementLog;
  /** Writes to the ledger what it means that the file is done, in the transaction that is open, and commits that. */
  sealAndCommit(session: Session): Promise<void>;
  /** Whether that was committed. */
  isSealed(session: Session): Promise<boolean>;
}

export const isAborted = ({ request }: FileRun): boolean => request.signal?.aborted === true;

export const isOverdue = ({ request }: FileRun): boolean =>
  request.deadline !== undefined && request.clock.now() >= request.deadline;

/** Whether waiting and trying again may help: somebody else held a lock, or was served first. */
export function isLockFailure(error: unknown): error is StatementFailed {
  return (
    error instanceof StatementFailed &&
    (error.sqlState === SQLSTATE.lockNotAvailable ||
      error.sqlState === SQLSTATE.deadlockDetected ||
      error.sqlState === SQLSTATE.serializationFailure)
  );
}

/** 57P01-57P03, 25P03: the server ends the session; class 08: the connection is broken. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof ConnectionLost) return true;
  return (
    error instanceof StatementFailed &&
    ['57P0', '25P03', '08'].some((beginning) => error.sqlState.startsWith(beginning))
  );
}

/** Milliseconds of `lock_timeout` for a statement that runs outside of a transaction. */
export function lockTimeoutFor(run: FileRun, statement: SqlStatement): number {
  const { maxBlockingMs, giveUpAfterMs } = run.request;
  // Waiting long does no harm to one who stands in nobody's way, and being cut short leaves a remnant.
  if (!factsOf(statement).mayBeCutShort) return Math.max(1, Math.round(giveUpAfterMs));
  return askingTimeMs(maxBlockingMs);
}

/** Kinds after which `lock_timeout` may be another than we set. */
const MAY_CHANGE_SETTINGS: readonly string[] = [
  'VariableSetStmt',
  'SelectStmt',
  'DoStmt',
  'CallStmt',
  'DiscardStmt',
];

export const mayChangeSettings = (statement: SqlStatement): boolean =>
  MAY_CHANGE_SETTINGS.includes(statement.kind);

/**
 * After a failed attempt. Answers what it failed of: where rolling back broke the connection, a next attempt would run
 * without what the file has set in the session, and so there must be none.
 */
export async function undo({ sessions, request }: FileRun, error: unknown): Promise<unknown> {
  if (isConnectionLoss(error)) {
    await sessions.discard();
    return error;
  }
  await sessions.rollBack();
  return sessions.backendPid === undefined
    ? new ConnectionLost(request.database.address, 'it broke after a failed statement', error)
    : error;
}

/** Bookkeeping is ours, whatever role the file took on; a file's `SET ROLE` holds again after COMMIT. */
export async function asOurselves(session: Session, script: ParsedScript): Promise<void> {
  if (!script.statements.some(mayChangeSettings)) return;
  await session.query('SET LOCAL SESSION AUTHORIZATION DEFAULT');
  await session.query('SET LOCAL ROLE NONE');
}

/** What a failure means, in the terms of the file. `index` beyond the last statement: the COMMIT failed. */
export function failedStatement(
  run: FileRun,
  failure: {
    index: number;
    error: unknown;
    atomic: boolean;
    statementsDone: number;
    addition?: string | undefined;
  },
): MigrationFailure {
  const { statements } = run.script;
  const statement = statements[Math.min(failure.index, statements.length - 1)];
  const { error } = failure;
  const atCommit = failure.index >= statements.length;
  const position = !atCommit && error instanceof StatementFailed ? error.position : undefined;
  const parts = [atCommit ? 'On COMMIT:' : '', describe(error), failure.addition ?? ''];
  return {
    migration: run.migration.name,
    statement: Math.min(failure.index + 1, statements.length),
    line: lineOf(statement, position),
    ...sqlStateOf(error),
    message: asSentences(parts),
    atomic: failure.atomic,
    statementsDone: failure.statementsDone,
  };
}

const sqlStateOf = (error: unknown): { sqlState?: string } =>
  error instanceof StatementFailed || error instanceof LockNotGranted ? { sqlState: error.sqlState } : {};

function lineOf(statement: SqlStatement | undefined, position: number | undefined): number {
  if (statement === undefined) return 1;
  if (position === undefined) return statement.line;
  const before = [...statement.sql].slice(0, position - 1).join('');
  return statement.line + before.split('\n').length - 1;
}

const CANNOT_RUN_IN_TRANSACTION = ['25001', '2D000'];

function describe(error: unknown): string {
  if (!(error instanceof StatementFailed)) return messageOf(error);
  const advice = CANNOT_RUN_IN_TRANSACTION.includes(error.sqlState)
    ? 'Put `-- godwit:stepwise because <reason>` into the file, so that each statement runs by itself.'
    : undefined;
  return asSentences([error.message, error.detail, error.hint, advice]);
}

/** The server's messages end without a full stop. */
function asSentences(parts: readonly (string | undefined)[]): string {
  const said = parts.filter((part) => part !== undefined && part !== '') as string[];
  return said
    .map((part, index) => (index === said.length - 1 || ENDS.includes(part.slice(-1)) ? part : `${part}.`))
    .join(' ');
}

const ENDS = '.:!?';
