/**
 * The drill's workflow: restore into a throw-away instance, prove it, discard it, report. Every path, a crash and an
 * exceeded time limit included, ends in DiscardDrill and ReportDrill.
 */
import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  Fail,
  type IChainable,
  JsonPath,
  Succeed,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { DRILL_STEP_NAMES, type DrillOutcome, type DrillStepName } from '../lambda/domain/drill';
import { DRILL_RETRIES, DRILL_SECONDS } from './drill-steps';
import { decide, passed, routeIs, wait, waiting } from './workflow-tasks';

export interface DrillWorkflowOptions {
  readonly functionFor: (step: DrillStepName) => IFunction;
}

/** Phases of the recovery are told apart no finer than this. */
const POLL_SECONDS = 15;
/** Lambda ends the code before the workflow goes on. */
const MARGIN_SECONDS = 60;

export function buildDrillWorkflow(
  scope: Construct,
  options: DrillWorkflowOptions,
): { readonly definition: IChainable } {
  const step = createDrillTasks(scope, options);

  decide(scope, 'AfterLook', step.BeginDrill, step.InspectDrill)
    .when(
      Condition.and(waiting, routeIs('restore-point')),
      wait(scope, 'WaitForRestorePoint', POLL_SECONDS, step.BeginDrill),
    )
    .when(waiting, wait(scope, 'WaitForInstance', POLL_SECONDS, step.InspectDrill))
    .when(passed, step.ProveDrill)
    .otherwise(step.DiscardDrill);

  step.ProveDrill.next(step.DiscardDrill);
  step.DiscardDrill.next(step.ReportDrill);

  const notPassed = new Fail(scope, 'NotPassed', {
    error: 'Godwit.DrillNotPassed',
    cause: 'The recovery was not proven, or not within its targets. See the report of the drill.',
  });
  const hasPassed: DrillOutcome = 'passed';
  step.ReportDrill.next(
    new Choice(scope, 'Outcome').when(routeIs(hasPassed), new Succeed(scope, 'Passed')).otherwise(notPassed),
  );

  const contested = new Fail(scope, 'Contested', {
    error: 'Godwit.DrillContested',
    cause: 'Another execution works on this drill, as where its event was delivered twice: that one goes on.',
  });
  const caughtBy = {
    BeginDrill: step.DiscardDrill,
    InspectDrill: step.DiscardDrill,
    ProveDrill: step.DiscardDrill,
    DiscardDrill: step.ReportDrill,
    ReportDrill: notPassed,
  } as const;
  for (const name of DRILL_STEP_NAMES) {
    // Neither its instance nor its report is this execution's to touch.
    step[name].addCatch(contested, { errors: ['DrillContested'], resultPath: '$.error' });
    step[name].addCatch(caughtBy[name], { errors: ['States.ALL'], resultPath: '$.error' });
  }
  return { definition: step.BeginDrill };
}

type DrillTasks = Readonly<Record<DrillStepName, LambdaInvoke>>;

function createDrillTasks(scope: Construct, { functionFor }: DrillWorkflowOptions): DrillTasks {
  const create = (name: DrillStepName): LambdaInvoke => {
    const task = new LambdaInvoke(scope, `${name}Task`, {
      stateName: name,
      lambdaFunction: functionFor(name),
      retryOnServiceExceptions: false,
      taskTimeout: Timeout.duration(Duration.seconds(DRILL_SECONDS[name] + MARGIN_SECONDS)),
      payload: TaskInput.fromJsonPathAt('$'),
      // Each answer replaces the state: an error is told only to the step that caught it.
      resultSelector: {
        drillId: JsonPath.stringAt('$.Payload.drillId'),
        verdict: JsonPath.stringAt('$.Payload.verdict'),
        route: JsonPath.stringAt('$.Payload.route'),
      },
    });
    for (const policy of DRILL_RETRIES[name]) task.addRetry(policy);
    return task;
  };
  return Object.fromEntries(DRILL_STEP_NAMES.map((name) => [name, create(name)])) as Record<
    DrillStepName,
    LambdaInvoke
  >;
}
