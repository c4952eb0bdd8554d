/** What the executor is asked, what it tells while it works, and what it answers. */
import type { FencingToken } from '../domain/fencing-token';
import type { Migration } from '../domain/migration';
import type { MigrationFailure, StatementTiming } from '../domain/run';
import type { StatementProgress } from '../domain/step';
import type { Clock } from '../ports/clock';
import type { Database } from '../ports/database';
import type { LockWatch } from './watch/lock-watch';

export interface ExecutorRequest {
  readonly database: Database;
  readonly runId: string;
  /** The budget: no request of the application waits longer than that because of the migration. */
  readonly maxBlockingMs: number;
  /** How long, in all, a statement's lock is tried for; also the `lock_timeout` of those that must not be cut short. */
  readonly giveUpAfterMs: number;
  /** Ends sessions in the way that have been idle in a transaction for longer; without it nobody's session is ended. */
  readonly terminateIdleAfterMs?: number;
  /** Of the run's lease: an executor with a lower one than the database has seen is refused. */
  readonly fencingToken?: FencingToken | undefined;
  /** Measured by a rehearsal, in ms; `statement` from 1. */
  estimates?(migration: string, statement: number): number | undefined;
  /** One that the caller keeps; without it the executor starts and stops its own. */
  readonly watch?: LockWatch;
  /** How long another executor is waited for; Prisma waits 10 s. */
  readonly executorLockWaitMs?: number;
  readonly signal?: AbortSignal;
  readonly clock: Clock;
  /** No statement is begun after this. */
  readonly deadline?: Date;
  /** What a step has from its entry to the deadline: what is estimated at more never fits. */
  readonly stepTimeMs?: number;
  onEvent?(event: StatementEvent): void;
  /** For rehearsals: each statement's timing says what it locked, wrote anew and cost, and whether that was foretold. */
  readonly observeLocks?: boolean;
}

export interface MigrateRequest extends ExecutorRequest {
  /** Those to apply, in order; one that the ledger has as applied counts as applied. */
  readonly migrations: readonly Migration[];
}

export interface DownRequest extends ExecutorRequest {
  readonly migration: Migration;
}

/** The caller makes it a progress event of its step. */
export interface StatementEvent extends Omit<StatementProgress, 'type' | 'step'> {
  readonly attempts?: number;
  /** Time spent in attempts that got no lock, and between them. */
  readonly waitedMs?: number;
}

interface Progressed {
  /** Names of the migrations whose files (of `runDown`: down scripts) this run brought into effect, in order. */
  readonly applied: readonly string[];
  /** Those that the ledger had as applied, and not by this run: they are not this run's to roll back. */
  readonly alreadyApplied?: readonly string[];
  readonly statements: readonly StatementTiming[];
}

interface LongWork {
  /** From 1; of an atomic file, the first. */
  readonly statement: number;
  readonly estimateMs: number;
}

export type MigrateOutcome =
  | ({ readonly outcome: 'applied' } & Progressed)
  | ({ readonly outcome: 'waiting' } & Progressed)
  | ({ readonly outcome: 'failed'; readonly failed: MigrationFailure } & Progressed)
  /** The statement would not end within a step: nothing of it was begun. */
  | ({ readonly outcome: 'needs-long-runner'; readonly migration: string } & LongWork & Progressed)
  | ({
      readonly outcome: 'aborted';
      readonly inMigration?: string;
      readonly statementsDone: number;
    } & Progressed);

/** How one file ended. */
export type FileOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'waiting' }
  | ({ readonly outcome: 'needs-long-runner' } & LongWork)
  | { readonly outcome: 'failed'; readonly failed: MigrationFailure }
  | { readonly outcome: 'aborted'; readonly statementsDone: number };
