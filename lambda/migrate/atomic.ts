/** Runs a file in one transaction with its ledger row: all of it takes effect, or nothing. */
import type { Session } from '../ports/database';
import { tooLate } from './execution-plan';
import { asOurselves, type FileRun, failedStatement, isConnectionLoss } from './file-run';
import { BudgetExceeded } from './locks/budget-exceeded';
import type { Asked, LockGuard } from './locks/lock-guard';
import { TransactionLocks } from './locks/transaction-locks';
import { StatementObserver } from './observe/statement-observer';
import type { FileOutcome } from './outcome';
import { type Attempt, retryOnLocks } from './retry';

export async function runAtomically(run: FileRun): Promise<FileOutcome> {
  const late = tooLate(
    run,
    run.script.statements.map((_, index) => index + 1),
  );
  if (late !== undefined) return late;
  const asked = run.script.statements.map((statement, index) => ({ index, statement }));
  const result = await retryOnLocks(run, (guard) => attemptFile(run, guard, asked), asked);
  switch (result.outcome) {
    case 'done':
    case 'waiting':
      return { outcome: result.outcome };
    case 'aborted':
      return { outcome: 'aborted', statementsDone: 0 };
    case 'failed': {
      const { index, error, addition } = result;
      const failed = failedStatement(run, { index, error, addition, atomic: true, statementsDone: 0 });
      run.log.failed(Math.min(index, run.script.statements.length - 1), failed.message);
      return { outcome: 'failed', failed };
    }
  }
}

async function attemptFile(run: FileRun, guard: LockGuard, asked: readonly Asked[]): Promise<Attempt> {
  const session = await run.sessions.open();
  const locks = new TransactionLocks(run, guard, session);
  const at = { index: 0 };
  try {
    await locks.begin(asked);
    await runStatements(run, { session, locks, asked, at });
    await asOurselves(session, run.script);
    await run.sealAndCommit(session);
    run.log.committed();
    return { ok: true };
  } catch (error) {
    if (isConnectionLoss(error)) return settle(run, at.index, error);
    await run.sessions.rollBack();
    run.log.rolledBack();
    return { ok: false, index: at.index, error, queuedMs: locks.queuedMs };
  }
}

interface Transaction {
  readonly session: Session;
  readonly locks: TransactionLocks;
  readonly asked: readonly Asked[];
  readonly at: { index: number };
}

async function runStatements(run: FileRun, { session, locks, asked, at }: Transaction): Promise<void> {
  const looked = (ms: number): void => run.log.looked(ms);
  const observer = run.request.observeLocks ? await StatementObserver.begin(session, looked) : undefined;
  for (const { index, statement } of asked) {
    at.index = index;
    run.request.signal?.throwIfAborted();
    refuseToHoldOn(run);
    run.log.started(index);
    await observer?.before(statement);
    await locks.before({ index, statement });
    await session.query(statement.sql);
    if (observer) run.log.observed(index, await observer.after());
    run.log.finished(index);
  }
  at.index = run.script.statements.length;
  refuseToHoldOn(run);
}

/** Between two statements there is nothing that the watch could cancel. */
function refuseToHoldOn(run: FileRun): void {
  const breach = run.watch.takeBreach();
  if (breach !== undefined) throw new BudgetExceeded(breach, run.request.maxBlockingMs);
}

/** The connection broke: a COMMIT may have arrived all the same. Only the ledger knows. */
async function settle(run: FileRun, index: number, error: unknown): Promise<Attempt> {
  await run.sessions.discard();
  if (await run.isSealed(await run.sessions.open())) return { ok: true };
  run.log.rolledBack();
  return { ok: false, index, error };
}
