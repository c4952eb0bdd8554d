/** Runs a statement that Postgres refuses in a transaction: journaled before and after, and looked at in the catalog in between. */
import { GodwitError } from '../domain/errors';
import { type Session, StatementFailed } from '../ports/database';
import { summaryOf } from '../sql/summary';
import { asOurselves, type FileRun, isConnectionLoss, lockTimeoutFor, undo } from './file-run';
import { type Interruptible, interruptible, type Progress } from './interruptible';
import { type Attempt, type RetryOutcome, retryOnLocks } from './retry';
import {
  forgetStarted,
  type JournalKey,
  type JsonObject,
  readDetail,
  recordFinished,
  recordStarted,
} from './statement-journal';
import type { Step } from './stepwise';

/** What an earlier attempt left in the catalog does not let the statement run. */
export class StatementRemnant extends GodwitError {
  override readonly name = 'StatementRemnant';
  readonly kind = 'refused';
}

export async function runAlone(run: FileRun, key: JournalKey, step: Step): Promise<RetryOutcome> {
  const { index, statement } = step;
  const object = interruptible(statement.node);
  const summary = summaryOf(statement);
  const entry = { ordinal: index + 1, runId: run.request.runId };
  /** What was there before the statement was first sent, once that is in the journal. */
  const begun: { noted: JsonObject | undefined } = { noted: undefined };

  const attempt = async (): Promise<Attempt> => {
    const session = await run.sessions.open();
    try {
      await session.query(`SET lock_timeout = ${lockTimeoutFor(run, statement)}`);
      if (step.interrupted) {
        begun.noted ??= (await journaled(run, session, () => readDetail(session, key, entry.ordinal))) ?? {};
      }
      const isBegun = begun.noted !== undefined;
      const noted = begun.noted ?? (await object.note(session));
      const before = await object.look(session, noted);
      if (isBegun && before === 'done') {
        await journaled(run, session, () => recordFinished(session, key, entry));
        run.log.skipped(index, 'finished before the interruption');
        return { ok: true };
      }
      await clearTheWay({ object, noted, before, isBegun, summary, session });
      run.log.started(index);
      // What is there already was not made by us: a failure must not later be taken for our success.
      if (!isBegun && before !== 'done') {
        await journaled(run, session, () => recordStarted(session, key, entry, noted));
        begun.noted = noted;
      }
      // Of some statements, what was left undone is completed by the repair.
      const isRepaired = before === 'half-done' && (await object.look(session, noted)) === 'done';
      if (!isRepaired) await session.query(statement.sql);
      await verify(session, { object, noted, summary });
      await journaled(run, session, () => recordFinished(session, key, entry));
      run.log.finished(index);
      return { ok: true };
    } catch (error) {
      return { ok: false, index, error: await undo(run, error) };
    }
  };

  const result = await retryOnLocks(run, attempt, [step]);
  const { noted } = begun;
  if (result.outcome === 'done' || result.outcome === 'waiting' || noted === undefined) return result;
  if (result.outcome === 'failed' && isConnectionLoss(result.error)) return result;
  const remains = await leaveNothing(run, key, { object, noted, ordinal: entry.ordinal });
  if (!remains || result.outcome === 'aborted') return result;
  const addition = `${result.addition ?? ''} ${object.remnant} remains; running the migration again sees to it.`;
  return { ...result, addition: addition.trim() };
}

async function clearTheWay(found: {
  object: Interruptible;
  noted: JsonObject;
  before: Progress;
  isBegun: boolean;
  summary: string;
  session: Session;
}): Promise<void> {
  const { object, noted, before, isBegun, summary, session } = found;
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
  await object.repair(session, noted);
}

async function verify(
  session: Session,
  { object, noted, summary }: { object: Interruptible; noted: JsonObject; summary: string },
): Promise<void> {
  if ((await object.look(session, noted)) === 'half-done') {
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
  { object, noted, ordinal }: { object: Interruptible; noted: JsonObject; ordinal: number },
): Promise<boolean> {
  const session = await run.sessions.open();
  try {
    let progress = await object.look(session, noted);
    if (progress === 'half-done') {
      await object.repair(session, noted);
      progress = await object.look(session, noted);
    }
    // Completed by its repair, it stays in the journal: a rerun finds it done.
    if (progress === 'absent') await journaled(run, session, () => forgetStarted(session, key, ordinal));
    return false;
  } catch (error) {
    // What failed the statement is what is told, not what failed the cleaning.
    if (!(error instanceof StatementFailed)) throw error;
    if (isConnectionLoss(error)) await run.sessions.discard();
    return true;
  }
}

async function journaled<T>(run: FileRun, session: Session, work: () => Promise<T>): Promise<T> {
  await session.query('BEGIN');
  await asOurselves(session, run.script);
  const result = await work();
  await session.query('COMMIT');
  return result;
}
