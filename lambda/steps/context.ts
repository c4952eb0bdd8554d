/** What a step gets to work with: the ports, and the run that it belongs to. */
import type { RehearsalLimits } from '../domain/estimate';
import type { FencingToken } from '../domain/fencing-token';
import type { Migration } from '../domain/migration';
import type { PhaseRecords, Policy, RunRequest } from '../domain/run';
import type { StepInput, StepName, StepOutput, Verdict } from '../domain/step';
import type { Journal } from '../journal/journal';
import type { Capacity } from '../ports/capacity';
import type { Clock } from '../ports/clock';
import type { Database } from '../ports/database';
import type { Endpoint } from '../ports/endpoint';
import type { Metrics } from '../ports/metrics';
import type { Notifier } from '../ports/notifier';
import type { ObjectStore } from '../ports/object-store';
import type { Progress } from '../ports/progress';
import type { Recovery } from '../ports/recovery';
import type { SchemaEngine } from '../ports/schema-engine';
import type { ReportApplication } from '../report/data';

/** The ports and the facts about this process; the same for every step of a run. */
export interface StepContext {
  readonly database: Database;
  /** Absent where the server belongs to somebody else: then there are no restore points, clones or restores. */
  readonly recovery: Recovery | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly capacity: Capacity | undefined;
  readonly store: ObjectStore;
  readonly engine: SchemaEngine;
  readonly notifier: Notifier;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Names this process or execution in the lease. */
  readonly owner: string;
  isOwnerGone(owner: string): boolean;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** Work that outlasts this answers `waiting` and is entered again: a Lambda's time limit less a margin. */
  readonly stepTimeMs: number;
  /** Whether the home ends what outlasts it nevertheless, as Lambda does: then no statement may take longer. */
  readonly endsOverdueSteps?: boolean;
  /** The stage's own, where it has any: a request cannot waive them. */
  readonly limits?: RehearsalLimits;
  /** What an application measured from outside while the run went on, where one is being watched. */
  observedApplication?(): ReportApplication | undefined;
}

/** A step's view of its run. */
export interface RunContext extends StepContext {
  readonly runId: string;
  readonly request: RunRequest;
  readonly policy: Policy;
  readonly journal: Journal;
  readonly input: StepInput;
  readonly deadline: Date;
  /** Of the run's lease; steps that only tell have none. */
  readonly fencingToken?: FencingToken;
  /** Aborted when the lease turns out to be another's: what is being done must stop where it is safe. */
  readonly takenOver?: AbortSignal;
  /** Reports progress of this step. */
  tell(
    message: string,
    amount?: {
      done: number;
      total: number;
      unit: 'bytes' | 'rows' | 'statements' | 'migrations' | 'invariants';
    },
  ): void;
}

export interface StepOutcome<Record_> {
  readonly verdict: Verdict;
  readonly route?: string;
  /** For people, one sentence. */
  readonly message: string;
  readonly record?: Record_;
}

export type StepBody<P extends keyof PhaseRecords> = (
  run: RunContext,
) => Promise<StepOutcome<PhaseRecords[P]>>;

export type Step = (context: StepContext, input: StepInput) => Promise<StepOutput>;

/** The migrations that Preflight found to be applied in this run, in order. */
export function pendingMigrations(run: RunContext): readonly Migration[] {
  const pending = new Set(run.journal.record('Preflight')?.pending ?? []);
  return run.request.project.migrations.filter((migration) => pending.has(migration.name));
}

export type { StepName };
