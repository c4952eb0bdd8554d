/**
 * The workflow, written once and read from top to bottom: the state machine on AWS and the definition that the embedded
 * home executes are both made from it.
 *
 * It keeps to JSONPath and to what both engines execute alike, every task has a time limit, and every path, a crash
 * included, ends in Finish, Report and Notify. The state machine as a whole has no time limit: that one no Catch sees.
 */
import { Choice, Condition, Fail, type IChainable, type State, Succeed } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { RunStatus } from '../lambda/domain/run';
import { STEP_NAMES, type StepName } from '../lambda/domain/step';
import {
  createTasks,
  decide,
  passed,
  routeIs,
  type Tasks,
  type WorkflowOptions,
  wait,
  waiting,
} from './workflow-tasks';

export type { WorkflowOptions } from './workflow-tasks';

/** RDS works for minutes: asking four times a minute is soon enough, and 25,000 events of history last for 11 hours. */
const POLL_SECONDS = 15;
/** A step that hands over to its next invocation has nothing to wait for. */
const HANDOVER_SECONDS = 1;

export function buildWorkflow(
  scope: Construct,
  options: WorkflowOptions,
): { readonly definition: IChainable } {
  const step = createTasks(scope, options);

  decide(scope, 'AfterPreflight', step.Preflight)
    .when(routeIs('nothing-to-do'), step.Finish)
    .when(passed, step.BeginSnapshot)
    .otherwise(step.Finish);

  decide(scope, 'AfterSnapshot', step.BeginSnapshot, step.InspectSnapshot)
    .when(waiting, wait(scope, 'WaitForSnapshot', POLL_SECONDS, step.InspectSnapshot))
    .when(passed, rehearseUnlessToldNotTo(scope, step))
    .otherwise(step.Finish);

  decide(scope, 'AfterClone', step.BeginRehearsal, step.InspectRehearsal)
    .when(waiting, wait(scope, 'WaitForRehearsal', POLL_SECONDS, step.InspectRehearsal))
    .when(passed, step.RunRehearsal)
    .otherwise(step.Finish);

  decide(scope, 'AfterRehearsal', step.RunRehearsal)
    .when(waiting, wait(scope, 'WaitForRehearsalRun', HANDOVER_SECONDS, step.RunRehearsal))
    .when(passed, step.CheckApproval)
    .otherwise(step.Finish);

  decide(scope, 'AfterCheckApproval', step.CheckApproval)
    .when(waiting, step.AwaitApproval)
    .when(passed, step.Baseline)
    .otherwise(step.Finish);

  decide(scope, 'AfterApproval', step.AwaitApproval).when(passed, step.Baseline).otherwise(step.Finish);

  decide(scope, 'AfterBaseline', step.Baseline).when(passed, step.Migrate).otherwise(step.Finish);

  decide(scope, 'AfterMigrate', step.Migrate)
    .when(waiting, wait(scope, 'WaitForMigration', HANDOVER_SECONDS, step.Migrate))
    .when(passed, step.Validate)
    .otherwise(step.Assess);

  decide(scope, 'AfterValidate', step.Validate).when(passed, step.Finish).otherwise(step.Assess);

  // A person who chose the down scripts behind the fence is not asked again when they fail.
  const fence = new Choice(scope, 'WasDecided')
    .when(routeIs('roll-back'), step.Finish)
    .otherwise(step.Degrade);

  // The way back, cheapest rung first. What Assess cannot tell, and what costs approval, is fenced.
  decide(scope, 'AfterAssess', step.Assess)
    .when(routeIs('nothing-to-undo'), step.ValidateRolledBack)
    .when(routeIs('down-script'), step.RollBack)
    .otherwise(step.Degrade);

  decide(scope, 'AfterRollBack', step.RollBack)
    .when(waiting, wait(scope, 'WaitForRollBack', HANDOVER_SECONDS, step.RollBack))
    .when(passed, step.ValidateRolledBack)
    .otherwise(fence);

  decide(scope, 'AfterValidateRolledBack', step.ValidateRolledBack)
    .when(passed, step.Finish)
    .otherwise(fence);

  decide(scope, 'AfterDegrade', step.Degrade)
    .when(routeIs('decide'), step.AwaitDecision)
    .when(routeIs('restore'), step.BeginRestore)
    .otherwise(step.Finish);

  decide(scope, 'AfterDecision', step.AwaitDecision)
    .when(Condition.and(passed, routeIs('roll-back')), step.RollBack)
    .when(Condition.and(passed, routeIs('restore')), step.BeginRestore)
    .otherwise(step.Finish);

  decide(scope, 'AfterRestore', step.BeginRestore, step.InspectRestore)
    .when(waiting, wait(scope, 'WaitForRestore', POLL_SECONDS, step.InspectRestore))
    .when(passed, step.ValidateRestored)
    .otherwise(step.Finish);

  // Only what is proven right takes the place of what is there.
  decide(scope, 'AfterValidateRestored', step.ValidateRestored)
    .when(passed, step.CutOver)
    .otherwise(step.Finish);

  decide(scope, 'AfterCutOver', step.CutOver)
    .when(waiting, wait(scope, 'WaitForCutOver', POLL_SECONDS, step.CutOver))
    .otherwise(step.Finish);

  step.Finish.next(step.Report);
  step.Report.next(step.Notify);
  const outcome = endAsFinishDecided(scope);
  step.Notify.next(outcome);

  catchEverything(step, { outcome, fence });
  return { definition: step.Preflight };
}

/** The execution input says `rehearse: false` to leave the rehearsal out; anything else, silence included, rehearses. */
function rehearseUnlessToldNotTo(scope: Construct, step: Tasks): Choice {
  const asked = '$$.Execution.Input.rehearse';
  return new Choice(scope, 'ShallRehearse')
    .when(
      Condition.and(Condition.isPresent(asked), Condition.booleanEquals(asked, false)),
      step.CheckApproval,
    )
    .otherwise(step.BeginRehearsal);
}

/** Where a crash or an exceeded time limit leads: whoever can judge what is in the database, and in the end Notify. */
const CAUGHT_BY: Readonly<Record<StepName, StepName | 'Outcome' | 'WasDecided'>> = {
  Preflight: 'Finish',
  BeginSnapshot: 'Finish',
  InspectSnapshot: 'Finish',
  BeginRehearsal: 'Finish',
  InspectRehearsal: 'Finish',
  RunRehearsal: 'Finish',
  CheckApproval: 'Finish',
  AwaitApproval: 'Finish',
  Baseline: 'Finish',
  Migrate: 'Assess',
  Validate: 'Assess',
  Assess: 'Degrade',
  RollBack: 'WasDecided',
  ValidateRolledBack: 'WasDecided',
  Degrade: 'Finish',
  AwaitDecision: 'Finish',
  BeginRestore: 'Finish',
  InspectRestore: 'Finish',
  ValidateRestored: 'Finish',
  CutOver: 'Finish',
  Finish: 'Report',
  Report: 'Notify',
  Notify: 'Outcome',
};

function catchEverything(step: Tasks, others: { readonly outcome: State; readonly fence: State }): void {
  const targets = { ...step, Outcome: others.outcome, WasDecided: others.fence };
  for (const name of STEP_NAMES) {
    step[name].addCatch(targets[CAUGHT_BY[name]], {
      errors: ['States.ALL'],
      resultPath: '$.error',
    });
  }
}

type Failure = Exclude<RunStatus, 'succeeded' | 'nothing-to-do'>;

/** States in which an execution fails, so that a pipeline's action fails with it. */
const FAILURES: Readonly<Record<Failure, { readonly state: string; readonly cause: string }>> = {
  blocked: { state: 'Blocked', cause: 'Refused before anything was changed. See the report of the run.' },
  'rolled-back': {
    state: 'RolledBack',
    cause: 'The migration was undone, and what it touched was validated again.',
  },
  restored: { state: 'Restored', cause: 'The database was restored to the restore point of this run.' },
  held: { state: 'Held', cause: 'Writes are fenced and people must decide. See the runbook.' },
  aborted: { state: 'Aborted', cause: 'A person stopped the run.' },
  failed: { state: 'Failed', cause: 'The run did not succeed. See its report.' },
};

function endAsFinishDecided(scope: Construct): Choice {
  const status = '$.finish.route';
  const fail = (failure: Failure): Fail => {
    const { state, cause } = FAILURES[failure];
    return new Fail(scope, state, { error: `Godwit.${state}`, cause });
  };
  const failed = fail('failed');
  const succeeded = new Succeed(scope, 'Succeeded');
  const choice = new Choice(scope, 'Outcome')
    // Finish itself failed: nobody decided, and nothing but a failure may be claimed.
    .when(Condition.not(Condition.isPresent(status)), failed)
    .when(Condition.or(statusIs('succeeded'), statusIs('nothing-to-do')), succeeded);
  for (const failure of Object.keys(FAILURES) as Failure[]) {
    if (failure !== 'failed') choice.when(statusIs(failure), fail(failure));
  }
  return choice.otherwise(failed);
}

const statusIs = (status: RunStatus): Condition => Condition.stringEquals('$.finish.route', status);
