/** A run: one attempt to take a database through its pending migrations. Its request is frozen when it starts. */

import type { DataLossWindow } from './data-loss';
import { DEFAULT_LIMITS, type Estimate, type RehearsalLimits } from './estimate';
import type { Finding } from './finding';
import type { LostWrite } from './lost-write';
import type { Project } from './migration';
import type { Decision } from './question';
import type { PlanChange, StatementCost, Unforeseen } from './rehearsal';
import type { ConsideredRung, OfferedRung, Rung, WayBackPolicy } from './rollback-plan';
import type { StepName, Verdict } from './step';
import type { WatchRecord } from './watch';

export type RunStatus =
  | 'succeeded'
  | 'nothing-to-do'
  | 'blocked'
  | 'rolled-back'
  | 'restored'
  | 'held'
  | 'aborted'
  | 'failed';

/** Exit codes are a contract with scripts and pipelines. */
export const EXIT_CODES: Readonly<Record<RunStatus, number>> = {
  succeeded: 0,
  'nothing-to-do': 0,
  'rolled-back': 1,
  restored: 1,
  blocked: 3,
  held: 4,
  failed: 5,
  aborted: 130,
};

/** `auto`: granted without asking; `ask`: a person is waited for; `never`: nobody is asked, what needs approval is refused. */
export type ApprovalMode = 'auto' | 'ask' | 'never';

export interface Policy {
  readonly approve: ApprovalMode;
  readonly rehearse: boolean;
  /** Ends after the rehearsal; nothing is changed. */
  readonly rehearseOnly: boolean;
  /** No request of the application may wait longer than this for a migration. */
  readonly maxBlockingMs: number;
  /** How long one statement goes on asking for its locks, in all. */
  readonly lockGiveUpMs: number;
  /** Sessions in the way that have been idle in a transaction for longer are ended; undefined: nobody's session is. */
  readonly terminateIdleAfterMs: number | undefined;
  /** A transaction older than this is warned of before migrating. */
  readonly oldTransactionMs: number;
  /** Which ways back go by themselves. Where a down script would lose what was written since, the restore's word counts. */
  readonly wayBack: WayBackPolicy;
  /** A person's answer is waited for at most this long. */
  readonly answerWithinMs: number;
  /** `expand` and `contract` take only the leading pending migrations of that kind. */
  readonly phase: 'expand' | 'contract' | 'all';
  /** Name of the last migration to apply. */
  readonly until: string | undefined;
  /** Where the rehearsal held a lock that blocks the application for longer than `aboveMs`, run only inside the window. */
  readonly maintenanceWindow: MaintenanceWindow | undefined;
  /** What a rehearsal may show without a person's word. Absent in requests of old; a stage's own count above these. */
  readonly limits?: RehearsalLimits;
}

export interface MaintenanceWindow {
  readonly aboveMs: number;
  /** Hours of the day in UTC, `HH:MM`; a window may span midnight. */
  readonly from: string;
  readonly to: string;
}

export const DEFAULT_POLICY: Policy = {
  approve: 'never',
  rehearse: true,
  rehearseOnly: false,
  maxBlockingMs: 100,
  lockGiveUpMs: 60_000,
  terminateIdleAfterMs: undefined,
  oldTransactionMs: 60_000,
  wayBack: { 'down-script': 'auto', restore: 'ask' },
  answerWithinMs: 3_600_000,
  phase: 'all',
  until: undefined,
  maintenanceWindow: undefined,
  limits: DEFAULT_LIMITS,
};

export interface RunRequest {
  readonly runId: string;
  readonly requestedAt: string;
  readonly requestedBy: string;
  /** Names the database for people and for the lease, e.g. `127.0.0.1:5432/wedefidaily`. */
  readonly database: string;
  readonly project: Project;
  readonly policy: Policy;
}

/** One item of the owner's checklist with what proves it. */
export interface ChecklistItem {
  readonly item: string;
  readonly verdict: 'done' | 'planned' | 'missing' | 'not-needed';
  readonly evidence: string;
}

export interface StatementTiming {
  readonly migration: string;
  /** Position in its file, from 1. */
  readonly statement: number;
  readonly line: number;
  readonly sql: string;
  readonly durationMs: number;
  /** How often it was sent until its locks were granted. */
  readonly attempts: number;
  /** Time spent waiting for locks and backing off. */
  readonly waitedMs: number;
  /** Observed in rehearsals: relation locks that it took, and for how long until they were released. */
  readonly locks?: readonly { readonly relation: string; readonly mode: string; readonly heldMs: number }[];
  /** Observed in rehearsals: a table was written anew. */
  readonly rewrites?: boolean;
  /** Observed in rehearsals. */
  readonly cost?: StatementCost;
  /** Observed in rehearsals: where the server did otherwise than was foretold. */
  readonly unforeseen?: readonly Unforeseen[];
}

export interface InvariantOutcome {
  readonly name: string;
  readonly severity: 'error' | 'warning';
  readonly verdict: 'held' | 'broken' | 'indeterminate';
  /** One line about the reading, e.g. `500 rows`. */
  readonly before: string;
  readonly after: string;
  /** The first few differences, for people. */
  readonly differences: readonly string[];
}

/** What each phase leaves in the journal for those after it. */
export interface PhaseRecords {
  Preflight: {
    readonly pending: readonly string[];
    readonly findings: readonly Finding[];
    readonly checklist: readonly ChecklistItem[];
    readonly databaseBytes: number;
  };
  Snapshot: { readonly restorePoint: string; readonly at: string; readonly lsn?: string };
  Rehearse: {
    readonly durationMs: number;
    readonly statements: readonly StatementTiming[];
    readonly findings: readonly Finding[];
    /** Migrations whose down script, run on the clone, brought schema and data back exactly. */
    readonly downProven: readonly string[];
    /** Where a down script loses what is written after its migration. Absent in journals of old. */
    readonly downLoses?: readonly LostWrite[];
    /** Longest time, in ms, that one statement or transaction held a lock that blocks the application. */
    readonly longestBlockingMs: number;
    readonly invariants: readonly InvariantOutcome[];
    /** For production. Absent, as what follows, where the rehearsal failed, and in journals of old. */
    readonly estimate?: Estimate;
    readonly plans?: readonly PlanChange[];
    /** Why a person is asked, a sentence each. */
    readonly asks?: readonly string[];
  };
  Approve: {
    readonly decision: 'not-needed' | 'granted' | 'refused';
    readonly by: string;
    readonly reasons: readonly string[];
    readonly checklist: readonly ChecklistItem[];
  };
  Baseline: { readonly invariants: number; readonly asOf: string };
  Migrate: {
    readonly applied: readonly string[];
    readonly statements: readonly StatementTiming[];
    readonly worstBlockingMs: number;
    readonly durationMs: number;
    readonly failure?: MigrationFailure;
    readonly aborted?: boolean;
  };
  Validate: ValidationRecord;
  Assess: {
    readonly rung: Rung;
    readonly approval: 'not-needed' | 'needed';
    readonly toRollBack: readonly string[];
    readonly offered: readonly OfferedRung[];
    readonly plan: readonly ConsideredRung[];
  };
  RollBack: { readonly rolledBack: readonly string[]; readonly problem?: string };
  ValidateRolledBack: ValidationRecord;
  Degrade: {
    readonly fencedAt: string;
    /** The fence is up, but not for everybody: who may still write, and why. */
    readonly fenceProblem?: string;
    /** What a restore would lose; absent where it could not be measured. */
    readonly window?: DataLossWindow;
    readonly offered: readonly OfferedRung[];
  };
  Decide: { readonly decision: Decision; readonly by: string };
  Restore: {
    readonly instance: string;
    /** Commits between these moments are missing, although they came before the restore point. ISO 8601. */
    readonly lost?: { readonly from: string; readonly to: string };
  };
  ValidateRestored: ValidationRecord;
  CutOver: { readonly instance: string; readonly keptAs: string };
  Finish: RunOutcome;
  Report: { readonly markdown: string; readonly html: string };
  Notify: { readonly audiences: readonly string[] };
}

export interface MigrationFailure {
  readonly migration: string;
  readonly statement: number;
  readonly line: number;
  readonly sqlState?: string;
  readonly message: string;
  /** Nothing of the file remained. */
  readonly atomic: boolean;
  readonly statementsDone: number;
}

export interface ValidationRecord {
  readonly invariants: readonly InvariantOutcome[];
  readonly findings: readonly Finding[];
}

export interface RunOutcome {
  readonly status: RunStatus;
  readonly applied: readonly string[];
  readonly rolledBack: readonly string[];
  /** For people: why it ended so. */
  readonly reason: string;
}

export type Phase = keyof PhaseRecords;

export const PHASE_OF: Readonly<Record<StepName, Phase>> = {
  Preflight: 'Preflight',
  BeginSnapshot: 'Snapshot',
  InspectSnapshot: 'Snapshot',
  BeginRehearsal: 'Rehearse',
  InspectRehearsal: 'Rehearse',
  RunRehearsal: 'Rehearse',
  CheckApproval: 'Approve',
  AwaitApproval: 'Approve',
  Baseline: 'Baseline',
  Migrate: 'Migrate',
  Validate: 'Validate',
  Assess: 'Assess',
  RollBack: 'RollBack',
  ValidateRolledBack: 'ValidateRolledBack',
  Degrade: 'Degrade',
  AwaitDecision: 'Decide',
  BeginRestore: 'Restore',
  InspectRestore: 'Restore',
  ValidateRestored: 'ValidateRestored',
  CutOver: 'CutOver',
  Finish: 'Finish',
  Report: 'Report',
  Notify: 'Notify',
};

export type JournalEntry =
  | { readonly type: 'entered'; readonly at: string; readonly step: StepName; readonly owner: string }
  | {
      readonly type: 'checkpoint';
      readonly at: string;
      readonly step: StepName;
      readonly phase: Phase;
      readonly verdict: Exclude<Verdict, 'waiting'>;
      readonly route: string;
      readonly message: string;
      readonly record?: PhaseRecords[Phase];
    }
  | { readonly type: 'crashed'; readonly at: string; readonly error: string; readonly cause: string }
  | {
      /** What one entry into Migrate did: a Lambda's time limit may part the work. */
      readonly type: 'statements';
      readonly at: string;
      readonly startedAt: string;
      readonly applied: readonly string[];
      readonly statements: readonly StatementTiming[];
      readonly worstBlockingMs: number;
      /** Absent in journals of old. */
      readonly watch?: WatchRecord;
    }
  | { readonly type: 'note'; readonly at: string; readonly message: string };

export type Checkpoint = Extract<JournalEntry, { type: 'checkpoint' }>;

/** A run id sorts by time, reads well, and is a valid Step Functions execution name (at most 80 of [A-Za-z0-9-_]). */
export function newRunId(now: Date, random: () => number = Math.random): string {
  const stamp = now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const suffix = Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  return `run-${stamp}-${suffix}`;
}
