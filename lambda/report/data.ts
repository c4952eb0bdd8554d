/** All that a run's report says, as plain data: collected elsewhere, rendered here. */
import type { DataLossWindow } from '../domain/data-loss';
import type { Estimate } from '../domain/estimate';
import type { Finding } from '../domain/finding';
import type { PlanChange } from '../domain/rehearsal';
import type { Rung } from '../domain/rollback-plan';
import type { ChecklistItem, InvariantOutcome, RunStatus, StatementTiming } from '../domain/run';
import type { Verdict } from '../domain/step';
import type { WatchRecord } from '../domain/watch';

export interface ReportData {
  readonly runId: string;
  readonly status: RunStatus;
  /** For people, one sentence: why it ended so. */
  readonly reason: string;
  /** Without secrets, e.g. `127.0.0.1:5432/wedefidaily`. */
  readonly database: string;
  readonly requestedBy: string;
  /** Times are ISO 8601, UTC. */
  readonly startedAt: string;
  /** Absent while the run goes on. */
  readonly finishedAt?: string;
  readonly phases: readonly ReportPhase[];
  readonly checklist: readonly ChecklistItem[];
  readonly findings: readonly Finding[];
  readonly migrations: readonly ReportMigration[];
  readonly invariants: readonly ReportInvariant[];
  /** Longest time that a lock kept the application waiting, measured by the executor. */
  readonly worstBlockingMs?: number;
  readonly maxBlockingMs: number;
  /** What the rehearsal foretold for production; absent where there was none. */
  readonly estimate?: Estimate;
  /** Of watched queries, on the clone. */
  readonly plans?: readonly PlanChange[];
  /** What the migrations took in production, waiting included. */
  readonly migratedMs?: number;
  /** What the executor's watch saw of the server while it migrated; the longest waits first. */
  readonly watch?: WatchRecord;
  /** Present where an application was measured from outside while the migration ran. */
  readonly application?: ReportApplication;
  readonly restorePoint?: { readonly name: string; readonly at: string; readonly lsn?: string };
  /** Every rung with the reason for or against it; empty where nothing had to be undone. */
  readonly rollbackPlan: readonly {
    readonly rung: Rung;
    readonly chosen: boolean;
    readonly reason: string;
  }[];
  /** What was written since the restore point when writes were fenced; absent where they never were. */
  readonly dataLoss?: DataLossWindow;
  readonly timeline: readonly { readonly at: string; readonly event: string }[];
  /** What people should do now, in order. */
  readonly next: readonly string[];
}

export interface ReportPhase {
  readonly name: string;
  readonly verdict: Exclude<Verdict, 'waiting'> | 'skipped' | 'running';
  readonly durationMs?: number;
  readonly message?: string;
}

export interface ReportMigration {
  readonly name: string;
  readonly effect: 'applied' | 'partial' | 'rolled-back' | 'not-applied';
  readonly hasDownScript: boolean;
  readonly statements: readonly ReportStatement[];
}

export interface ReportStatement {
  readonly line: number;
  readonly sql: string;
  /** On the clone. */
  readonly rehearsedMs?: number;
  /** In production. */
  readonly durationMs?: number;
  /** How often production was asked for the locks. */
  readonly attempts?: number;
  /** Whether the table was written anew. */
  readonly rewrites?: boolean;
  /** On the clone. */
  readonly locks?: NonNullable<StatementTiming['locks']>;
  readonly cost?: NonNullable<StatementTiming['cost']>;
}

/** `InvariantOutcome`'s fields, so that an outcome of a validation can be passed as it is. */
export type ReportInvariant = InvariantOutcome;

export interface ReportApplication {
  readonly requests: number;
  readonly errors: number;
  readonly worstMs: number;
  readonly p99Ms: number;
  readonly requestsPerSecond?: number;
}

export interface RenderedReport {
  /** Fit for a comment on a pull request. */
  readonly markdown: string;
  /** One file, without scripts and external resources. */
  readonly html: string;
}
