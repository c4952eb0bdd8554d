/** Applies the migrations on the clone, one by one, and keeps what each statement of them took. */
import { blocksApplication } from '../domain/estimate';
import type { Finding } from '../domain/finding';
import type { Migration } from '../domain/migration';
import type { StatementTiming } from '../domain/run';
import { migrate, type StatementEvent } from '../migrate/executor';
import type { Database } from '../ports/database';
import { pendingMigrations, type RunContext } from './context';
import { cutOffFinding } from './outlasting';
import { requestOn } from './rehearsal-clone';
import { failedFinding } from './rehearsal-findings';
import { statementTeller } from './statement-teller';

export class Up {
  readonly statements: StatementTiming[] = [];
  readonly #run: RunContext;
  readonly #clone: Database;
  readonly #signal: AbortSignal;
  readonly #tell: (event: StatementEvent) => void;
  #totalMs = 0;
  #last: { readonly event: StatementEvent; readonly at: number } | undefined;

  constructor(run: RunContext, clone: Database, signal: AbortSignal) {
    this.#run = run;
    this.#clone = clone;
    this.#signal = signal;
    this.#tell = statementTeller(
      run,
      'RunRehearsal',
      pendingMigrations(run).map(({ name }) => name),
    );
  }

  /** What the executor took, and without what went into looking. */
  get totalMs(): number {
    const lookedMs = this.statements.reduce((sum, { cost }) => sum + (cost?.observedMs ?? 0), 0);
    return Math.max(0, this.#totalMs - lookedMs);
  }

  /** That one statement or transaction held a lock that makes the application's reads or writes wait. */
  get longestBlockingMs(): number {
    const blocking = this.statements.flatMap(({ locks = [] }) =>
      locks.filter(({ mode }) => blocksApplication(mode)).map(({ heldMs }) => heldMs),
    );
    return Math.max(0, ...blocking);
  }

  async apply(migration: Migration): Promise<Finding | undefined> {
    const began = performance.now();
    const outcome = await migrate({
      ...requestOn({ run: this.#run, clone: this.#clone, signal: this.#signal }),
      observeLocks: true,
      onEvent: (event) => {
        if (event.status === 'started') this.#last = { event, at: performance.now() };
        this.#tell(event);
      },
      migrations: [migration],
    });
    this.#totalMs += performance.now() - began;
    this.statements.push(...outcome.statements);
    if (outcome.outcome === 'applied') return undefined;
    if (outcome.outcome !== 'aborted' || this.#run.signal.aborted) return failedFinding(migration, outcome);
    const last = this.#last && { event: this.#last.event, ranMs: performance.now() - this.#last.at };
    return cutOffFinding(this.#run, migration, last);
  }
}
