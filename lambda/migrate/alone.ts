/** Runs a statement that Postgres refuses in a transaction: journaled before and after, and looked at in the catalog in between. */
import { GodwitError } from '../domain/errors';
import type { Session } from '../ports/database';
import { summaryOf } from '../sql/summary';
import { asOurselves, type FileRun, isConnectionLoss, isLockFailure, lockTimeoutFor } from './file-run';
import { type Interruptible, interruptible } from './interruptible';
import { type Attempt, type RetryOutcome, retryOnLocks } from './retry';
import { forgetStarted, type JournalKey, recordFinished, recordStarted } from './statement-journal';
import type { Step } from './stepwise';

/** What an earlier attempt left in the catalog does not let the statement run. */
export class StatementRemnant extends GodwitError {
  override readonly name = 'StatementRemnant';
  readonly kind = 'refused';
}

export async function runAlone(run: FileRun, key: JournalKey, step: Step): Promise<RetryOutcome> {
  const { index, statement } = step;
  const object = interruptible(statement.node);
  const entry = { ordinal: index + 1, runId: run.request.runId };
  const isBegun = { value: step.interrupted };

  const attempt = async (): Promise<Attempt> => {
    const session = await run.sessions.open();
    try {
      await session.query(`SET lock_timeout = ${lockTimeoutFor(run, statement, false)}`);
      const before = await object.look(session);
      if (isBegun.value && before === 'done') {
        await journaled(run, session, () => recordFinished(session, key, entry));
        run.log.skipped(index, 'finished before the interruption');
        return { ok: true };
      }
      await clearTheWay({ object, before, isBegun: isBegun.value, summary: summaryOf(statement), session });
      run.log.started(index);
      // What is there already was not made by us: a failure must not later be taken for our success.
      if (!isBegun.value && before !== 'done') {
        await journaled(run, session, () => recordStarted(session, key, entry));
        isBegun.value = true;
      }
      // FINALIZE repairs a pending detachment by completing it.
      const isRepaired = before === 'half-done' && (await object.look(session)) === 'done';
      if (!isRepaired) await session.query(statement.sql);
      await verify(object, session, summaryOf(statement));
      await journaled(run, session, () => recordFinished(session, key, entry));
      run.log.finished(index);
      return { ok: true };
    } catch (error) {
      if (isConnectionLoss(error)) await run.sessions.discard();
      else await run.sessions.rollBack();
      return { ok: false, index, error };
    }
  };

  const result = await retryOnLocks(run, attempt);
  if (result.outcome === 'done' || result.outcome === 'waiting' || !isBegun.value) return result;
  if (result.outcome === 'failed' && isConnectionLoss(result.error)) return result;
  const remains = await leaveNothing(run, key, { object, ordinal: entry.ordinal });
  if (!remains || result.outcome === 'aborted') return result;
  const addition = `${result.addition ?? ''} ${object.remnant} remains; running the migration again sees to it.`;
  return { ...result, addition: addition.trim() };
}

async function clearTheWay(found: {
  object: Interruptible;
  before: Awaited<ReturnType<Interruptible['look']>>;
  isBegun: boolean;
  summary: string;
  session: Session;
}): Promise<void> {
  const { object, before, isBegun, summary, session } = found;
  if (before === 'untold' && isBegun) {
    throw new StatementRemnant(
      `${summary} was interrupted, and how far it got cannot be told from outside. ` +
        'Look at its effects, undo or complete them, and mark the migration rolled back or applied.',
    );
  }
  if (before !== 'half-done') return;
  if (!isBegun) {
    throw new StatementRemnant(
      `${object.remnant} is in the way of ${summary}, and this migration did not make it. ` +
        'Remove it (an index with DROP INDEX CONCURRENTLY) and try again.',
    );
  }
  await object.repair(session);
}

async function verify(object: Interruptible, session: Session, summary: string): Promise<void> {
  if ((await object.look(session)) === 'half-done') {
    throw new StatementRemnant(`${summary} ended without an error and left ${object.remnant}.`);
  }
}

/**
 * Cleans up after a failure, so that the next attempt, or a person, finds the database as before the statement.
 * What keeps the statement from its lock may keep the cleaning from it, too: then the journal row stays, and a rerun
 * knows the remnant for its own. Answers whether one remains.
 */
async function leaveNothing(
  run: FileRun,
  key: JournalKey,
  left: { object: Interruptible; ordinal: number },
): Promise<boolean> {
  const session = await run.sessions.open();
  try {
    let progress = await left.object.look(session);
    if (progress === 'half-done') {
      await left.object.repair(session);
      progress = await left.object.look(session);
    }
    // Completed by its repair, it stays in the journal: a rerun finds it done.
    if (progress === 'absent') await journaled(run, session, () => forgetStarted(session, key, left.ordinal));
    return false;
  } catch (error) {
    if (!isLockFailure(error)) throw error;
    return true;
  }
}

async function journaled(run: FileRun, session: Session, write: () => Promise<void>): Promise<void> {
  await session.query('BEGIN');
  await asOurselves(session, run.script);
  await write();
  await session.query('COMMIT');
}
