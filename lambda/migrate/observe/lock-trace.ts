/** Follows from a session of its own which relations a backend has locked, where locks come and go within one statement. */
import { ConnectionLost, type Database, type Session } from '../../ports/database';
import type { SeenLock, SeenRelation } from './foretold';
import { type LockRow, readLocksOf } from './relations';

/** A lock that is held for less may be missed. */
const EVERY_MS = 5;

export interface TracedLock extends SeenLock {
  /** The longest that it was seen without a break. */
  readonly heldMs: number;
}

export class LockTrace {
  readonly #session: Session;
  readonly #pid: number;
  /** Locks on others are nobody's concern. */
  readonly #known: ReadonlyMap<number, SeenRelation>;
  readonly #now = new Map<string, number>();
  readonly #longest = new Map<string, TracedLock>();
  readonly #working: Promise<void>;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  private constructor(session: Session, pid: number, known: ReadonlyMap<number, SeenRelation>) {
    this.#session = session;
    this.#pid = pid;
    this.#known = known;
    this.#working = this.#work();
  }

  static async start(
    database: Database,
    pid: number,
    known: ReadonlyMap<number, SeenRelation>,
  ): Promise<LockTrace> {
    return new LockTrace(
      await database.connect({ applicationName: 'godwit trace', readOnly: true, statementTimeoutMs: 5_000 }),
      pid,
      known,
    );
  }

  async stop(): Promise<readonly TracedLock[]> {
    this.#isOver = true;
    await this.#working;
    await this.#session.close();
    if (this.#failure !== undefined) throw this.#failure.error;
    return [...this.#longest.values()];
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      try {
        this.#see(await readLocksOf(this.#session, this.#pid), performance.now());
      } catch (error) {
        // A clone that is gone is told of by whoever works on it.
        if (!(error instanceof ConnectionLost)) this.#failure = { error };
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  #see(locks: readonly LockRow[], atMs: number): void {
    const seen = new Set<string>();
    for (const { oid, mode } of locks) {
      const name = this.#known.get(oid)?.name;
      if (name === undefined) continue;
      const key = `${oid} ${mode}`;
      seen.add(key);
      const sinceMs = this.#now.get(key) ?? atMs;
      this.#now.set(key, sinceMs);
      const heldMs = Math.max(atMs - sinceMs, this.#longest.get(key)?.heldMs ?? 0);
      this.#longest.set(key, { oid, name, mode, heldMs });
    }
    for (const key of this.#now.keys()) if (!seen.has(key)) this.#now.delete(key);
  }
}
