/** How long each step may run: the Lambda's own limit, and the workflow's limit on the task around it. */
import type { StepName } from '../lambda/domain/step';

/** Lambda's maximum; what may take longer answers `waiting` in time and is entered again. */
const LONGEST = 900;

/** Seconds after which Lambda ends the step's function. */
export const FUNCTION_SECONDS: Readonly<Record<StepName, number>> = {
  Preflight: LONGEST,
  BeginSnapshot: 120,
  InspectSnapshot: 120,
  BeginRehearsal: 120,
  InspectRehearsal: 120,
  RunRehearsal: LONGEST,
  CheckApproval: 120,
  AwaitApproval: 120,
  Baseline: LONGEST,
  Migrate: LONGEST,
  Validate: LONGEST,
  Assess: 300,
  RollBack: LONGEST,
  ValidateRolledBack: LONGEST,
  Degrade: 300,
  AwaitDecision: 120,
  BeginRestore: 120,
  InspectRestore: 120,
  CutOver: 300,
  ValidateRestored: LONGEST,
  Finish: LONGEST,
  Report: 300,
  Notify: 120,
};

const MARGIN = 60;

/**
 * The task's limit lies beyond the function's, so that Lambda ends the code before the workflow goes on: were it the
 * other way round, a Migrate that timed out would still be executing beside Assess.
 */
export const taskSeconds = (step: StepName): number => FUNCTION_SECONDS[step] + MARGIN;
