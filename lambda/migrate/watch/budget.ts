/** Holds the migration to its budget: a statement of ours that is about to make somebody wait too long is cancelled. */
import type { Session } from '../../ports/database';
import { type OwnSession, type Queue, type Wait, waitingFor } from './waits';

/** Somebody waited, or was about to wait, longer than the budget. */
export interface Breach {
  readonly waiter: {
    readonly pid: number;
    readonly user: string;
    readonly applicationName: string;
    readonly query: string;
  };
  readonly relation: string | undefined;
  readonly waitedMs: number;
  readonly ourPid: number;
  readonly ourQuery: string;
}

/** What is to be done about it: only a statement that runs can be cancelled. */
export interface Verdict {
  readonly breach: Breach;
  readonly own: OwnSession;
}

/** Cancelling, rolling back and waking the waiter take their time, too. */
const MARGIN_MS = 30;

/** A statement that queues is ended by its own `lock_timeout`, which is as long as the budget. */
const limitFor = (own: OwnSession, budgetMs: number): number =>
  own.isWaiting ? budgetMs : Math.max(budgetMs * 0.7, budgetMs - MARGIN_MS);

/** Without a transaction, or with a failed one, there is nothing that could be taken back for the waiter's sake. */
const IN_TRANSACTION: ReadonlySet<string> = new Set(['active', 'idle in transaction']);

export function verdictOf({ own, waits }: Queue, budgetMs: number): Verdict | undefined {
  const ours = new Set(own.map(({ pid }) => pid));
  const others = waits.filter(({ pid }) => !ours.has(pid));
  for (const one of own.filter(({ state }) => IN_TRANSACTION.has(state))) {
    const worst = longest(waitingFor(new Set([one.pid]), others).filter(({ isClient }) => isClient));
    if (worst !== undefined && worst.waitedMs >= limitFor(one, budgetMs)) {
      return { breach: breachOf(one, worst), own: one };
    }
  }
  return undefined;
}

export const longest = <W extends { readonly waitedMs: number }>(waits: readonly W[]): W | undefined =>
  waits.reduce<W | undefined>(
    (worst, wait) => (wait.waitedMs > (worst?.waitedMs ?? -1) ? wait : worst),
    undefined,
  );

const breachOf = (
  own: OwnSession,
  { pid, user, applicationName, query, relation, waitedMs }: Wait,
): Breach => ({
  waiter: { pid, user, applicationName, query },
  relation,
  waitedMs,
  ourPid: own.pid,
  ourQuery: own.query,
});

export class BudgetGuard {
  readonly #budgetMs: number;
  #breach: Breach | undefined;
  /** A waiter goes on waiting for a moment while we roll back: that is the same breach, and no reason to cancel the ROLLBACK. */
  #punished: OwnSession | undefined;

  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
  }

  takeBreach(): Breach | undefined {
    const taken = this.#breach;
    this.#breach = undefined;
    return taken;
  }

  async look(session: Session, queue: Queue): Promise<void> {
    const verdict = verdictOf(queue, this.#budgetMs);
    if (verdict === undefined) return;
    const { own, breach } = verdict;
    const isKnown = own.pid === this.#punished?.pid && own.transaction === this.#punished.transaction;
    if (!isKnown) {
      // Before it is cancelled: who gets the error asks at once.
      this.#breach = breach;
      this.#punished = own;
    }
    if (own.state === 'active' && this.#shallEnd(own)) await cancel(session, own);
  }

  /** What was begun before the executor heard of the breach ends, too, unless it is the end of the transaction anyway. */
  #shallEnd({ statement, query }: OwnSession): boolean {
    return statement === this.#punished?.statement || (this.#breach !== undefined && query !== 'ROLLBACK');
  }
}

/** Unless it has gone on to its next statement meanwhile. */
async function cancel(session: Session, own: OwnSession): Promise<void> {
  await session.query(
    `SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity
     WHERE pid = $1 AND state = 'active' AND query_start::text = $2`,
    [own.pid, own.statement],
  );
}
