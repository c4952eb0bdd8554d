/** Runs a file statement by statement, each with its journal row, so that whatever interrupts it, a rerun goes on from there. */
import type { Session } from '../ports/database';
import { backfillOf } from '../sql/backfill';
import { factsOf } from '../sql/facts';
import type { SqlStatement } from '../sql/parse';
import { onlySetsSession } from '../sql/settings';
import { runAlone } from './alone';
import { runBackfill } from './backfill/backfill';
import { tooLate } from './execution-plan';
import { asOurselves, type FileRun, failedStatement, isConnectionLoss, undo } from './file-run';
import { askingTimeMs } from './locks/lock-budget';
import type { LockGuard } from './locks/lock-guard';
import { TransactionLocks } from './locks/transaction-locks';
import { observedAround } from './observe/around';
import { StatementObserver } from './observe/statement-observer';
import type { FileOutcome } from './outcome';
import { type Attempt, type RetryOutcome, retryOnLocks } from './retry';
import { type JournalKey, readJournal, recordFinished, WHOLE_FILE } from './statement-journal';

/** Postgres refuses to let a procedure commit inside somebody else's transaction. */
const COMMITS_BY_ITSELF = '2D000';

export async function runStepwise(run: FileRun, key: JournalKey): Promise<FileOutcome> {
  const journal = await readJournal(await run.sessions.open(), key);
  for (const [index, statement] of run.script.statements.entries()) {
    const state = journal.get(index + 1);
    // A setting lives in the session: a rerun on a new one needs it again.
    if (state === 'finished' && !onlySetsSession(statement)) {
      run.log.skipped(index, 'finished before');
      continue;
    }
    const late = backfillOf(statement) === undefined ? tooLate(run, [index + 1]) : undefined;
    if (late !== undefined) return late;
    const result = await runOne(run, key, { index, statement, interrupted: state === 'started' });
    if (result.outcome !== 'done') return endedAt(run, key, result);
  }
  const sealed = await retryOnLocks(run, () => seal(run));
  return sealed.outcome === 'done' ? { outcome: 'done' } : endedAt(run, key, sealed);
}

export interface Step {
  readonly index: number;
  readonly statement: SqlStatement;
  /** Its journal row says started, and not finished. */
  readonly interrupted: boolean;
}

async function runOne(run: FileRun, key: JournalKey, step: Step): Promise<RetryOutcome> {
  if (backfillOf(step.statement) !== undefined) {
    return observedAround(run, step, () => runWatchedBackfill(run, key, step));
  }
  const transactional = factsOf(step.statement).canRunInTransaction;
  const alone = (): Promise<RetryOutcome> => observedAround(run, step, () => runAlone(run, key, step));
  if (transactional === 'no' || step.interrupted) return alone();
  const result = await retryOnLocks(run, (guard) => attemptInTransaction(run, key, step, guard), [step]);
  const commitsByItself =
    transactional === 'unknown' &&
    result.outcome === 'failed' &&
    (result.error as { sqlState?: string }).sqlState === COMMITS_BY_ITSELF;
  return commitsByItself ? alone() : result;
}

/** Its batches follow one another too quickly to tell the watch of each. */
async function runWatchedBackfill(run: FileRun, key: JournalKey, step: Step): Promise<RetryOutcome> {
  run.watch.attention('close');
  try {
    return await runBackfill(run, key, step);
  } finally {
    run.watch.attention('relaxed');
  }
}

async function attemptInTransaction(
  run: FileRun,
  key: JournalKey,
  step: Step,
  guard: LockGuard,
): Promise<Attempt> {
  const { index, statement } = step;
  const session = await run.sessions.open();
  const locks = new TransactionLocks(run, guard, session);
  try {
    run.log.started(index);
    await locks.begin([step]);
    const looked = (ms: number): void => run.log.looked(ms);
    const observer = run.request.observeLocks ? await StatementObserver.begin(session, looked) : undefined;
    await observer?.before(statement);
    await locks.before(step);
    await session.query(statement.sql);
    if (observer) run.log.observed(index, await observer.after());
    await asOurselves(session, run.script);
    await recordFinished(session, key, { ordinal: index + 1, runId: run.request.runId });
    await session.query('COMMIT');
    run.log.finished(index);
    return { ok: true };
  } catch (error) {
    return { ok: false, index, error: await undo(run, error), queuedMs: locks.queuedMs };
  }
}

async function seal(run: FileRun): Promise<Attempt> {
  const session: Session = await run.sessions.open();
  try {
    await session.query(`BEGIN; SET LOCAL lock_timeout = ${askingTimeMs(run.request.maxBlockingMs)}`);
    await asOurselves(session, run.script);
    await run.sealAndCommit(session);
    return { ok: true };
  } catch (error) {
    const lost = isConnectionLoss(error);
    await undo(run, error);
    if (lost && (await run.isSealed(await run.sessions.open()))) return { ok: true };
    return { ok: false, index: run.script.statements.length, error };
  }
}

async function endedAt(
  run: FileRun,
  key: JournalKey,
  result: Exclude<RetryOutcome, { outcome: 'done' }>,
): Promise<FileOutcome> {
  if (result.outcome === 'waiting') return { outcome: 'waiting' };
  // The journal is ours, whatever role the file took on.
  await run.sessions.clean();
  // Read anew: after a lost connection only the journal tells whether the last statement was committed.
  const journal = await readJournal(await run.sessions.open(), key);
  const statementsDone = [...journal].filter(
    ([ordinal, state]) => ordinal !== WHOLE_FILE && state === 'finished',
  ).length;
  if (result.outcome === 'aborted') return { outcome: 'aborted', statementsDone };
  const { index, error, addition } = result;
  const failed = failedStatement(run, { index, error, addition, atomic: false, statementsDone });
  run.log.failed(Math.min(index, run.script.statements.length - 1), failed.message);
  return { outcome: 'failed', failed };
}
