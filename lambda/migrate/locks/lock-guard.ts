/** Lets a migration ask for its locks only when it will get them soon: looks who holds them, and waits without queueing. */
import type { Session } from '../../ports/database';
import { effectsOf, type LockNeed, type StatementEffects } from '../../sql/effects/effects';
import { factsOf } from '../../sql/facts';
import { blocksRequests } from '../../sql/lock-modes';
import { shownName } from '../../sql/names';
import type { SqlStatement } from '../../sql/parse';
import { readCatalog } from '../catalog/read-catalog';
import { type FileRun, isAborted, isConnectionLoss, isOverdue } from '../file-run';
import { describeBlockers } from '../watch/lock-watch';
import { askingTimeMs, budgetToAskFor } from './lock-budget';
import { type Holder, readLockHolders, readOldTransactions, terminateIdle } from './lock-holders';
import { LockNotGranted } from './lock-not-granted';
import { QueueRule } from './queue-rule';

/** Index in its file, and the statement. */
export interface Asked {
  readonly index: number;
  readonly statement: SqlStatement;
}

export type Clearance =
  | { readonly outcome: 'clear' }
  | { readonly outcome: 'waiting' }
  | { readonly outcome: 'aborted' }
  | { readonly outcome: 'failed'; readonly index: number; readonly error: unknown };

/** Older ones are waited for before a statement begins that will have to wait for them in its middle. */
const OLD_TRANSACTION_MS = 1_000;
const TOLD_EVERY_MS = 2_000;

export class LockGuard {
  readonly #run: FileRun;
  readonly #asked: readonly Asked[];
  readonly #rule: QueueRule;
  readonly #firstSeenMs = new Map<string, number>();
  #effects: ReadonlyMap<number, StatementEffects> | undefined;
  #vacuumed: ReadonlySet<number> = new Set();
  #oldOnes: ReadonlySet<string> | undefined;
  #waitedMs = 0;
  #isFirstLook = true;
  #isAlone = false;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(run: FileRun, asked: readonly Asked[]) {
    this.#run = run;
    this.#asked = asked;
    this.#rule = new QueueRule(askingTimeMs(run.request.maxBlockingMs));
  }

  /** For how long locks were tried for, in all; `spend` adds what an attempt and its pause took. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  spend(ms: number): void {
    this.#waitedMs += ms;
  }

  /** Nobody else was connected when it was last looked. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  effectsOf(index: number): StatementEffects | undefined {
    return this.#effects?.get(index);
  }

  /** Tables on which an autovacuum worker was seen: it gives way, but only to who waits for a second. */
  get vacuumed(): ReadonlySet<number> {
    return this.#vacuumed;
  }

  /** To be called outside of a transaction. */
  async untilClear(): Promise<Clearance> {
    try {
      return await this.#look();
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      await this.#run.sessions.discard();
      return { outcome: 'failed', index: this.#asked[0]?.index ?? 0, error };
    }
  }

  async #look(): Promise<Clearance> {
    const { request, sessions } = this.#run;
    const beganMs = this.#nowMs();
    const spentBefore = this.#waitedMs;
    let heldUp: number | undefined;
    for (;;) {
      if (isAborted(this.#run)) return { outcome: 'aborted' };
      if (isOverdue(this.#run)) return { outcome: 'waiting' };
      const session = await sessions.open();
      // Nobody is there, or was: on an empty database a look at the catalog would cost more than most statements.
      this.#isAlone = this.#isFirstLook && (await sessions.isAlone());
      this.#isFirstLook = false;
      if (this.#isAlone) return { outcome: 'clear' };
      this.#effects ??= await this.#readEffects(session);
      const inTheWay = (await this.#lockHolders(session)) ?? (await this.#oldTransactions(session));
      if (inTheWay === undefined) {
        if (heldUp !== undefined) this.#run.log.heldUp(heldUp, this.#nowMs() - beganMs);
        return { outcome: 'clear' };
      }
      heldUp = inTheWay.index;
      this.#waitedMs = spentBefore + this.#nowMs() - beganMs;
      if (this.#waitedMs >= request.giveUpAfterMs) return this.#givenUp(inTheWay);
      await this.#terminateIdle(session, inTheWay);
      this.#tell(inTheWay);
      const pauseMs = Math.min(pauseFor(inTheWay.holders), request.giveUpAfterMs - this.#waitedMs);
      try {
        await request.clock.sleep(Math.max(1, pauseMs), request.signal);
      } catch (error) {
        if (!isAborted(this.#run)) throw error;
      }
    }
  }

  async #readEffects(session: Session): Promise<ReadonlyMap<number, StatementEffects>> {
    const catalog = await readCatalog(
      session,
      this.#asked.map(({ statement }) => statement),
    );
    return new Map(this.#asked.map(({ index, statement }) => [index, effectsOf(statement, catalog)]));
  }

  async #lockHolders(session: Session): Promise<InTheWay | undefined> {
    const wanted = this.#asked.flatMap(({ index }) =>
      blockingNeeds(this.effectsOf(index)).map((need) => ({ index, need })),
    );
    if (wanted.length === 0) return undefined;
    const all = await readLockHolders(
      session,
      wanted.map(({ need }) => need),
    );
    const lockable = new Set(wanted.filter(({ need }) => need.lockable).map(({ need }) => need.oid));
    const vacuums = all.filter(({ isAutovacuum, oid }) => isAutovacuum && lockable.has(oid));
    this.#vacuumed = new Set(vacuums.map(({ oid }) => oid));
    const holders = all.filter((holder) => !vacuums.includes(holder));
    const nowMs = this.#nowMs();
    const holdings = holders.map((holder) => ({
      session: holder.pid,
      transaction: holder.transaction,
      ageMs: this.#ageOf(holder, nowMs),
    }));
    if (this.#rule.look(nowMs, holdings) === 'ask') return undefined;
    const first = wanted.find(({ need }) => holders.some(({ oid }) => oid === need.oid));
    return { index: first?.index ?? 0, need: first?.need, holders };
  }

  /** Those that are old when this is first asked: where old ones come and go, the statement's own wait for them ends. */
  async #oldTransactions(session: Session): Promise<InTheWay | undefined> {
    const waiting = this.#asked.find(({ statement }) => waitsForTransactions(statement));
    if (waiting === undefined) return undefined;
    const old = await readOldTransactions(session, OLD_TRANSACTION_MS);
    this.#oldOnes ??= new Set(old.map(({ transaction }) => transaction));
    const holders = old.filter(({ transaction }) => this.#oldOnes?.has(transaction));
    return holders.length === 0 ? undefined : { index: waiting.index, need: undefined, holders };
  }

  /** Where the server hides how old a transaction is, it is as old as we have known it. */
  #ageOf({ transaction, ageMs }: Holder, nowMs: number): number {
    const firstSeenMs = this.#firstSeenMs.get(transaction) ?? nowMs;
    this.#firstSeenMs.set(transaction, firstSeenMs);
    return Math.max(ageMs, nowMs - firstSeenMs);
  }

  async #terminateIdle(session: Session, { index, holders }: InTheWay): Promise<void> {
    const limitMs = this.#run.request.terminateIdleAfterMs;
    if (limitMs === undefined) return;
    for (const holder of holders) {
      if (holder.idleMs === undefined || holder.idleMs < limitMs) continue;
      if (!(await terminateIdle(session, holder, limitMs))) continue;
      this.#run.log.waiting(
        index,
        `Ended a session that sat idle in its transaction. ${describeBlockers([holder])}`,
      );
    }
  }

  #givenUp({ index, need, holders }: InTheWay): Clearance {
    // One who was there before we came does not come and go.
    const oldestMs = Math.max(0, ...holders.map((holder) => this.#ageOf(holder, this.#nowMs())));
    const waitMs = oldestMs < this.#waitedMs / 2 ? this.#rule.shortWaitMs() : undefined;
    const wanted =
      need === undefined
        ? 'transactions that began before are still open, and the statement would wait for them'
        : `${shownName(need.relation)} was never free for ${need.mode}`;
    const budgetThatWouldDo = need === undefined || waitMs === undefined ? undefined : budgetToAskFor(waitMs);
    const error = new LockNotGranted({
      wanted,
      waitedMs: Math.round(this.#waitedMs),
      holders,
      budgetThatWouldDo,
    });
    return { outcome: 'failed', index, error };
  }

  #tell({ index, holders }: InTheWay): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#toldMs < TOLD_EVERY_MS) return;
    this.#toldMs = nowMs;
    this.#run.log.waiting(index, `waits for its locks. ${describeBlockers(holders)}`);
  }

  #nowMs(): number {
    return this.#run.request.clock.now().getTime();
  }
}

interface InTheWay {
  /** Of the statement that has to wait. */
  readonly index: number;
  readonly need: LockNeed | undefined;
  readonly holders: readonly Holder[];
}

export const blockingNeeds = (effects: StatementEffects | undefined): readonly LockNeed[] =>
  (effects?.locks ?? []).filter(({ mode }) => blocksRequests(mode));

/** CONCURRENTLY waits for all that were there before, and is not to be cut short. */
const waitsForTransactions = (statement: SqlStatement): boolean => {
  const { canRunInTransaction, mayBeCutShort } = factsOf(statement);
  return canRunInTransaction === 'no' && !mayBeCutShort;
};

/** The longer they have been holding on, the less it matters to see the very moment at which they let go. */
function pauseFor(holders: readonly Holder[]): number {
  const oldestMs = Math.max(0, ...holders.map(({ ageMs }) => ageMs));
  return Math.min(100, Math.max(10, oldestMs / 100));
}
