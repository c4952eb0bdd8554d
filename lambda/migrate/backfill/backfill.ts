/**
 * Runs an UPDATE or DELETE in the order of a unique key, in short transactions that keep their cursor in the journal.
 *
 * Every row that is there when the backfill begins is written exactly once, whatever interrupts it. Of those that come
 * meanwhile, the ones ahead of the cursor, up to the highest key at the beginning, are written, too, and the ones behind
 * it are the application's, as with one statement. Where the WHERE of an UPDATE excludes the rows that are done
 * (`repeatCondition`), passes over the table follow until one finds nothing, or no fewer than the one before: they take
 * in the rows that were inserted or undone meanwhile.
 */
import { SQLSTATE, StatementFailed } from '../../ports/database';
import { backfillOf, writeOf } from '../../sql/backfill';
import { leftOverQuery, repeatCondition, SpliceFailed } from '../../sql/backfill-splice';
import { asOurselves, type FileRun, isAborted, isLockFailure, isOverdue, undo } from '../file-run';
import { backoffMs, type RetryOutcome, retryOnLocks } from '../retry';
import { type JournalKey, readDetail } from '../statement-journal';
import type { Step } from '../stepwise';
import { type Blocker, describeBlockers } from '../watch/lock-watch';
import { type Backfill, type BatchDone, runBatch } from './backfill-batch';
import { BackfillKeyUnusable, findKey } from './backfill-key';
import { afterBatch, afterLockFailure, afterTimeout, firstPace, type Pace } from './backfill-pace';
import { BackfillProgress } from './backfill-progress';
import { BackfillThrottle } from './backfill-throttle';
import { firstWalk, type Walk, walkFromJson, writtenInAll } from './backfill-walk';

export async function runBackfill(run: FileRun, key: JournalKey, step: Step): Promise<RetryOutcome> {
  run.log.started(step.index);
  const prepared: { value?: Prepared } = {};
  const ready = await retryOnLocks(run, async () => {
    try {
      prepared.value = await prepare(run, key, step);
      return { ok: true };
    } catch (error) {
      return { ok: false, index: step.index, error: await undo(run, error) };
    }
  });
  if (prepared.value === undefined || ready.outcome !== 'done') return ready;
  return new Walker(run, key, prepared.value).walk();
}

interface Prepared {
  readonly backfill: Backfill;
  readonly walk: Walk;
}

async function prepare(run: FileRun, key: JournalKey, { index, statement }: Step): Promise<Prepared> {
  const write = writeOf(statement);
  const mark = backfillOf(statement);
  if (write === undefined || mark === undefined) throw new SpliceFailed(statement);
  const session = await run.sessions.open();
  // Not journaled yet, the table is found by the search path and the role that the file has set.
  const found = await findKey(session, write, mark);
  const names = found.columns.map(({ name }) => name);
  await session.query('BEGIN');
  await asOurselves(session, run.script);
  const detail = await readDetail(session, key, index + 1);
  await session.query('COMMIT');
  const walk = detail === undefined ? firstWalk(names) : walkFromJson(detail, names);
  if (walk === undefined) {
    throw new BackfillKeyUnusable(
      `The backfill of line ${statement.line} was begun by another key than (${names.join(', ')}), which its table has now. ` +
        'Bring the key back, or undo what was done and mark the migration rolled back.',
    );
  }
  const repeat = await repeatCondition(statement);
  const leftOver = repeat === undefined ? undefined : await leftOverQuery(statement, repeat);
  return { backfill: { index, statement, write, key: found, repeat, leftOver, texts: new Map() }, walk };
}

/** Of the budget: a row may be waited for until the batch is committed, and a batch may itself wait for a row. */
const LOCK_SHARE = 0.5;
const BATCH_SHARE = 0.8;

class Walker {
  readonly #run: FileRun;
  readonly #journal: JournalKey;
  readonly #backfill: Backfill;
  readonly #progress: BackfillProgress;
  readonly #throttle: BackfillThrottle;
  #walk: Walk;
  #pace: Pace;
  /** Since the last batch that was committed. */
  #failures = 0;
  #firstFailureAtMs: number | undefined;
  #lastSeen: readonly Blocker[] = [];

  constructor(run: FileRun, journal: JournalKey, { backfill, walk }: Prepared) {
    this.#run = run;
    this.#journal = journal;
    this.#backfill = backfill;
    this.#walk = walk;
    this.#pace = firstPace(run.request.maxBlockingMs);
    this.#progress = new BackfillProgress(this.#nowMs(), walk.walked, backfill.key.estimatedRows);
    this.#throttle = new BackfillThrottle(run, backfill.key, this.#nowMs());
  }

  async walk(): Promise<RetryOutcome> {
    for (;;) {
      if (isAborted(this.#run)) return { outcome: 'aborted' };
      if (isOverdue(this.#run)) return { outcome: 'waiting' };
      try {
        if (await this.#isHalted()) continue;
        const done = await this.#batch();
        if (done.walk === undefined) return this.#finished(done);
        this.#advance(done, done.walk);
      } catch (error) {
        const reason = await undo(this.#run, error);
        if (isAborted(this.#run)) return { outcome: 'aborted' };
        const failed = await this.#stepBack(reason);
        if (failed !== undefined) return failed;
      }
    }
  }

  async #isHalted(): Promise<boolean> {
    const session = await this.#run.sessions.open();
    const { pace, pauseMs, reason } = await this.#throttle.look(session, this.#nowMs());
    if (pace === 'full') return false;
    this.#tell(reason === undefined ? undefined : `slowed down: ${reason}`);
    await this.#pause(pauseMs);
    return pace === 'halted';
  }

  #batch(): Promise<BatchDone> {
    const { maxBlockingMs, giveUpAfterMs } = this.#run.request;
    const { rows, targetMs } = this.#pace;
    // One row cannot be made less: it gets the time that it needs, and the watch looks after those who wait.
    const timeout = rows > 1 ? Math.max(targetMs * 2, maxBlockingMs * BATCH_SHARE) : giveUpAfterMs;
    const limits = {
      rows,
      lockTimeoutMs: Math.max(1, Math.round(maxBlockingMs * LOCK_SHARE)),
      statementTimeoutMs: Math.max(1, Math.round(Math.min(timeout, giveUpAfterMs))),
    };
    return runBatch(this.#run, this.#journal, this.#backfill, { walk: this.#walk, limits });
  }

  #advance({ walked, written, heldMs }: BatchDone, walk: Walk): void {
    const { index } = this.#backfill;
    this.#run.log.heldLocks(index, Math.round(heldMs));
    this.#pace = afterBatch(this.#pace, { walked, written, elapsedMs: heldMs });
    this.#throttle.batchTook(heldMs);
    this.#failures = 0;
    this.#firstFailureAtMs = undefined;
    if (walk.pass === this.#walk.pass) this.#progress.advanced(this.#nowMs(), walked);
    else this.#progress.startedOver(this.#nowMs());
    this.#walk = walk;
    this.#tell(walk.pass === 1 ? undefined : `pass ${walk.pass}, for rows that were written meanwhile`);
  }

  #finished({ written, heldMs }: BatchDone): RetryOutcome {
    const { index } = this.#backfill;
    this.#run.log.heldLocks(index, Math.round(heldMs));
    const rows = writtenInAll(this.#walk) + written;
    this.#run.log.progressed(index, {
      done: rows,
      total: rows,
      unit: 'rows',
      message: this.#closing(written),
    });
    this.#run.log.finished(index);
    return { outcome: 'done' };
  }

  #closing(written: number): string {
    const last = this.#walk.written + written;
    const isStillFound = this.#walk.pass > 1 && last > 0;
    return isStillFound
      ? `the application goes on writing such rows: the last of ${this.#walk.pass} passes found ${last}`
      : 'every row is done';
  }

  /** Undefined: try again. */
  async #stepBack(error: unknown): Promise<RetryOutcome | undefined> {
    const { index } = this.#backfill;
    const isTimeout = error instanceof StatementFailed && error.sqlState === SQLSTATE.queryCanceled;
    if (!isTimeout && !isLockFailure(error)) {
      return { outcome: 'failed', index, error, addition: this.#leftAs() };
    }
    const cause = this.#causeOf(isTimeout);
    this.#pace = isTimeout ? afterTimeout(this.#pace) : afterLockFailure(this.#pace);
    this.#failures += 1;
    this.#firstFailureAtMs ??= this.#nowMs();
    const { giveUpAfterMs, maxBlockingMs } = this.#run.request;
    const triedMs = this.#nowMs() - this.#firstFailureAtMs;
    if (triedMs >= giveUpAfterMs) {
      const addition = `Gave up after ${triedMs} ms and ${this.#failures} attempts at one batch. ${cause} ${this.#leftAs()}`;
      return { outcome: 'failed', index, error, addition };
    }
    this.#run.log.steppedBack(index, `${error.message}. ${cause}`);
    // Fewer rows are what a batch needs that was only too long; a pause is for those who were in the way, or waited.
    const isInNobodysWay = isTimeout && this.#failures === 1;
    if (!isInNobodysWay) {
      await this.#pause(Math.min(backoffMs(this.#failures, maxBlockingMs), giveUpAfterMs - triedMs));
    }
    return undefined;
  }

  #causeOf(isTimeout: boolean): string {
    const breach = this.#run.watch.takeBreach();
    const seen = this.#run.watch.takeBlockers();
    if (seen.length > 0) this.#lastSeen = seen;
    if (breach !== undefined) return `A request had waited ${Math.round(breach.waitedMs)} ms for it.`;
    if (isTimeout && seen.length === 0) return `A batch of ${this.#pace.rows} rows took too long.`;
    return describeBlockers(this.#lastSeen);
  }

  #leftAs(): string {
    const rows = writtenInAll(this.#walk);
    return `${rows} rows are written and stay so; running the migration again goes on behind them.`;
  }

  #tell(message: string | undefined): void {
    const progress = this.#progress.due(this.#nowMs());
    if (progress === undefined) return;
    this.#run.log.progressed(this.#backfill.index, {
      ...progress,
      ...(message === undefined ? {} : { message }),
    });
  }

  async #pause(ms: number): Promise<void> {
    const { clock, signal } = this.#run.request;
    const startedAtMs = this.#nowMs();
    await clock.sleep(ms, signal).catch((error: unknown) => {
      if (!isAborted(this.#run)) throw error;
    });
    this.#run.log.heldUp(this.#backfill.index, this.#nowMs() - startedAtMs);
  }

  #nowMs(): number {
    return this.#run.request.clock.now().getTime();
  }
}
