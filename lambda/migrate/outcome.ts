/** What the executor is asked, what it tells while it works, and what it answers. */
import type { Migration } from '../domain/migration';
import type { MigrationFailure, StatementTiming } from '../domain/run';
import type { StatementProgress } from '../domain/step';
import type { Clock } from '../ports/clock';
import type { Database } from '../ports/database';

export interface ExecutorRequest {
  readonly database: Database;
  readonly runId: string;
  /** `lock_timeout` of the statements that may be cut short: as long as that, others may queue behind one of them. */
  readonly maxBlockingMs: number;
  /** How long, in all, a statement's lock is tried for; also the `lock_timeout` of those that must not be cut short. */
  readonly giveUpAfterMs: number;
  /** How long another executor is waited for; Prisma waits 10 s. */
  readonly executorLockWaitMs?: number;
  readonly signal?: AbortSignal;
  readonly clock: Clock;
  /** No statement is begun after this. */
  readonly deadline?: Date;
  onEvent?(event: StatementEvent): void;
  /** For rehearsals: each statement's timing says which locks it took and whether it wrote a table anew. */
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
  /** Names of the migrations whose files (of `runDown`: down scripts) are in effect, in order. */
  readonly applied: readonly string[];
  readonly statements: readonly StatementTiming[];
}

export type MigrateOutcome =
  | ({ readonly outcome: 'applied' } & Progressed)
  | ({ readonly outcome: 'waiting' } & Progressed)
  | ({ readonly outcome: 'failed'; readonly failed: MigrationFailure } & Progressed)
  | ({
      readonly outcome: 'aborted';
      readonly inMigration?: string;
      readonly statementsDone: number;
    } & Progressed);

/** How one file ended. */
export type FileOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'waiting' }
  | { readonly outcome: 'failed'; readonly failed: MigrationFailure }
  | { readonly outcome: 'aborted'; readonly statementsDone: number };
