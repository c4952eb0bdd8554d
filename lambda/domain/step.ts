/** The steps of the workflow, what they answer, and what they tell while they run. */

/** States of the workflow that run code, named as in `lib/workflow.ts`. */
export const STEP_NAMES = [
  'Preflight',
  'BeginSnapshot',
  'InspectSnapshot',
  'BeginRehearsal',
  'InspectRehearsal',
  'RunRehearsal',
  'CheckApproval',
  'AwaitApproval',
  'Baseline',
  'Migrate',
  'Validate',
  'Assess',
  'RollBack',
  'ValidateRolledBack',
  'Degrade',
  'AwaitDecision',
  'BeginRestore',
  'InspectRestore',
  'ValidateRestored',
  'CutOver',
  'Finish',
  'Report',
  'Notify',
] as const;

export type StepName = (typeof STEP_NAMES)[number];

/**
 * `passed` — done, go on; `waiting` — enter again later; `blocked` — refused, nothing was changed;
 * `failed` — tried and did not succeed; `indeterminate` — could not tell, and so never counts as passed.
 */
export type Verdict = 'passed' | 'waiting' | 'blocked' | 'failed' | 'indeterminate';

/** What every state passes to its step: ids only, the rest is in the run's journal (Step Functions carries 256 KiB). */
export interface StepInput {
  readonly runId: string;
  /** Present for the steps that wait for a person. */
  readonly taskToken?: string;
  /** Present where a Catch led here: the error as Step Functions reports it. */
  readonly error?: { readonly Error: string; readonly Cause?: string };
}

/** What a step hands back to the workflow: a verdict and the few words that Choice states look at. */
export interface StepOutput {
  readonly verdict: Verdict;
  /** Which way a Choice shall go where the verdict alone does not tell, e.g. `nothing-to-do` or a rung of the ladder. */
  readonly route: string;
}

export type StepStatus = 'entered' | 'progress' | Verdict;

/** Told while a step runs; one JSON line each under `--json`. */
export type ProgressEvent = StepProgress | StatementProgress;

export interface StepProgress {
  readonly type: 'step';
  readonly step: StepName;
  readonly status: StepStatus;
  readonly message?: string;
  /** How much of `total` is done, in `unit`. */
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'rows' | 'statements' | 'migrations' | 'invariants';
}

export interface StatementProgress {
  readonly type: 'statement';
  readonly step: StepName;
  readonly migration: string;
  /** Position in its file, from 1. */
  readonly statement: number;
  readonly of: number;
  readonly line: number;
  /** The statement's text, shortened to one line. */
  readonly sql: string;
  readonly status: 'waiting' | 'started' | 'progress' | 'retrying' | 'finished' | 'failed' | 'skipped';
  readonly durationMs?: number;
  readonly message?: string;
  /** With status `progress`: how much of `total` (an estimate, or unknown) the statement has done, in `unit`. */
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'rows' | 'blocks' | 'tuples' | 'bytes' | 'sessions';
  readonly rowsPerSecond?: number;
  readonly remainingMs?: number;
}
