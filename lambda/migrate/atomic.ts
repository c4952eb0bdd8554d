/** Runs a file in one transaction with its ledger row: all of it takes effect, or nothing. */
import type { Session } from '../ports/database';
import {
  asOurselves,
  type FileRun,
  failedStatement,
  isConnectionLoss,
  lockTimeoutFor,
  mayChangeSettings,
} from './file-run';
import { LockObserver } from './lock-observer';
import type { FileOutcome } from './outcome';
import { type Attempt, retryOnLocks } from './retry';

export async function runAtomically(run: FileRun): Promise<FileOutcome> {
  const result = await retryOnLocks(run, () => attemptFile(run));
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

async function attemptFile(run: FileRun): Promise<Attempt> {
  const session = await run.sessions.open();
  const at = { index: 0 };
  try {
    await session.query('BEGIN');
    await runStatements(run, session, at);
    await asOurselves(session, run.script);
    await run.seal(session);
    await session.query('COMMIT');
    run.log.committed();
    return { ok: true };
  } catch (error) {
    if (isConnectionLoss(error)) return settle(run, at.index, error);
    await run.sessions.rollBack();
    run.log.rolledBack();
    return { ok: false, index: at.index, error };
  }
}

async function runStatements(run: FileRun, session: Session, at: { index: number }): Promise<void> {
  const { statements } = run.script;
  let limit: number | undefined;
  const observer = run.request.observeLocks ? await LockObserver.begin(session) : undefined;
  for (const [index, statement] of statements.entries()) {
    at.index = index;
    run.request.signal?.throwIfAborted();
    run.log.started(index);
    const wanted = lockTimeoutFor(run, statement, index > 0);
    if (wanted !== limit) await session.query(`SET LOCAL lock_timeout = ${wanted}`);
    await session.query(statement.sql);
    if (observer) run.log.observed(index, await observer.lookAgain());
    limit = mayChangeSettings(statement) ? undefined : wanted;
    run.log.finished(index);
  }
  at.index = statements.length;
}

/** The connection broke: a COMMIT may have arrived all the same. Only the ledger knows. */
async function settle(run: FileRun, index: number, error: unknown): Promise<Attempt> {
  await run.sessions.discard();
  if (await run.isSealed(await run.sessions.open())) return { ok: true };
  run.log.rolledBack();
  return { ok: false, index, error };
}
