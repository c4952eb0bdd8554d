/** Takes, inside of a transaction, the locks of each statement before it runs, all of them together within the time to ask. */
import type { Session } from '../../ports/database';
import type { LockNeed } from '../../sql/effects/effects';
import { factsOf } from '../../sql/facts';
import { type LockMode, stronger } from '../../sql/lock-modes';
import { quotedName } from '../../sql/names';
import { type FileRun, mayChangeSettings } from '../file-run';
import { AskingTime } from './lock-budget';
import { type Asked, blockingNeeds, type LockGuard } from './lock-guard';

/** After `deadlock_timeout` the server makes an autovacuum worker give way to who waits for it. */
const FOR_AUTOVACUUM_MS = 500;

export class TransactionLocks {
  readonly #run: FileRun;
  readonly #guard: LockGuard;
  readonly #session: Session;
  readonly #time: AskingTime;
  readonly #held = new Map<number, LockMode>();
  #limitMs: number | undefined;
  #queuedMs = 0;
  /** Those that were looked up before the file began. */
  #namesMayBeOld = false;

  constructor(run: FileRun, guard: LockGuard, session: Session) {
    this.#run = run;
    this.#guard = guard;
    this.#session = session;
    this.#time = new AskingTime(run.request.clock, run.request.maxBlockingMs);
  }

  /** How long it was waited for locks that make others wait. */
  get queuedMs(): number {
    return this.#queuedMs;
  }

  /**
   * Begins the transaction. While nothing is held yet, a worker of autovacuum is asked to leave by a lock that stands in no request's way, and
   * that then keeps the next one out.
   */
  async begin(asked: readonly Asked[]): Promise<void> {
    this.#limitMs = this.#time.leftMs();
    await this.#session.query(`BEGIN; SET LOCAL lock_timeout = ${this.#limitMs}`);
    if (this.#guard.vacuumed.size === 0) return;
    const needs = asked.flatMap(({ index }) => this.#needsOf(index));
    for (const { oid, relation } of needs) {
      if (!this.#guard.vacuumed.has(oid) || this.#held.has(oid)) continue;
      await this.#session.query(
        `SELECT pg_catalog.set_config('lock_timeout', (setting::int + ${FOR_AUTOVACUUM_MS})::text, true)
         FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'`,
      );
      await this.#session.query(`LOCK TABLE ONLY ${quotedName(relation)} IN SHARE UPDATE EXCLUSIVE MODE`);
      this.#limitMs = undefined;
      this.#held.set(oid, 'ShareUpdateExclusiveLock');
    }
  }

  /** Leaves `lock_timeout` such that whatever else the statement locks keeps within the time, too. */
  async before({ index, statement }: Asked): Promise<void> {
    const { giveUpAfterMs } = this.#run.request;
    for (const group of grouped(this.#needsOf(index))) await this.#take(group);
    const mayWaitLong = !factsOf(statement).mayBeCutShort && !this.#time.hasBegun;
    await this.#limit(mayWaitLong ? giveUpAfterMs : this.#time.leftMs());
    if (this.#guard.effectsOf(index)?.opaque) this.#time.begin();
    if (mayChangeSettings(statement)) this.#limitMs = undefined;
    if (RENAMING.includes(statement.kind)) this.#namesMayBeOld = true;
  }

  async #take(needs: readonly LockNeed[]): Promise<void> {
    const missing = needs.filter(({ oid, mode }) => !this.#holds(oid, mode));
    const [first] = missing;
    if (first === undefined) return;
    for (const { oid, mode } of missing) this.#held.set(oid, mode);
    const leftMs = this.#time.leftMs();
    this.#time.begin();
    // A role that the file takes on may own the table and yet not be allowed to lock it by itself.
    if (this.#namesMayBeOld || this.#run.script.statements.some(mayChangeSettings)) return;
    const names = missing.filter(isLockedByItself).map(({ relation }) => `ONLY ${quotedName(relation)}`);
    if (names.length === 0) return;
    const askedMs = this.#nowMs();
    try {
      await this.#session.query(
        `SET LOCAL lock_timeout = ${leftMs}; LOCK TABLE ${names.join(', ')} IN ${inWords(first.mode)} MODE`,
      );
    } finally {
      this.#queuedMs += this.#nowMs() - askedMs;
      this.#limitMs = leftMs;
    }
  }

  #holds(oid: number, mode: LockMode): boolean {
    const held = this.#held.get(oid);
    return held !== undefined && stronger(held, mode) === held;
  }

  async #limit(ms: number): Promise<void> {
    const wanted = Math.max(1, Math.round(ms));
    const isNearEnough =
      this.#limitMs !== undefined && this.#limitMs <= wanted * 1.25 && this.#limitMs >= wanted / 2;
    if (isNearEnough) return;
    await this.#session.query(`SET LOCAL lock_timeout = ${wanted}`);
    this.#limitMs = wanted;
  }

  #needsOf(index: number): readonly LockNeed[] {
    return blockingNeeds(this.#guard.effectsOf(index));
  }

  #nowMs(): number {
    return this.#run.request.clock.now().getTime();
  }
}

const RENAMING: readonly string[] = ['RenameStmt', 'AlterObjectSchemaStmt'];

/** `ShareRowExclusiveLock` → `SHARE ROW EXCLUSIVE` */
function inWords(mode: LockMode): string {
  const words = mode.replace('Lock', '').replaceAll(/(?!^)[A-Z]/g, ' $&');
  return words.toUpperCase();
}

/** LOCK TABLE of a view locks the tables under it, too, which no statement about the view does. */
const isLockedByItself = ({ kind, lockable }: LockNeed): boolean => lockable && kind !== 'view';

const MOST_REQUESTS = 8;

/**
 * One after another, so that each gets what is left of the time. Where there are hundreds, as of partitions, what was
 * granted would be held for longer by the messages than by the statement: then several of a mode at once.
 */
function grouped(needs: readonly LockNeed[]): readonly (readonly LockNeed[])[] {
  const size = Math.ceil(needs.length / MOST_REQUESTS);
  const groups: LockNeed[][] = [];
  for (const need of needs) {
    const last = groups.at(-1);
    if (last !== undefined && last.length < size && last[0]?.mode === need.mode) last.push(need);
    else groups.push([need]);
  }
  return groups;
}
