/** The workflow's building blocks: one task a step, and the conditions on what it answered. */
import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  type IChainable,
  IntegrationPattern,
  JsonPath,
  type State,
  TaskInput,
  Timeout,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { STEP_NAMES, type StepName, type Verdict } from '../lambda/domain/step';
import { RETRIES } from './retry-policies';
import { taskSeconds } from './step-limits';

export interface WorkflowOptions {
  readonly functionFor: (step: StepName) => IFunction;
  readonly timeouts: {
    /** How long a person's approval is waited for. */
    readonly approvalSeconds: number;
    /** How long the on-call person's decision is waited for, writes being fenced meanwhile. */
    readonly decisionSeconds: number;
  };
}

export type Tasks = Readonly<Record<StepName, LambdaInvoke>>;

export const verdictIs = (verdict: Verdict): Condition => Condition.stringEquals('$.verdict', verdict);
export const routeIs = (route: string): Condition => Condition.stringEquals('$.route', route);
export const passed = verdictIs('passed');
export const waiting = verdictIs('waiting');

export function createTasks(scope: Construct, options: WorkflowOptions): Tasks {
  const personSeconds: Partial<Record<StepName, number>> = {
    AwaitApproval: options.timeouts.approvalSeconds,
    AwaitDecision: options.timeouts.decisionSeconds,
  };
  const create = (step: StepName): LambdaInvoke => {
    const seconds = personSeconds[step];
    const task = new LambdaInvoke(scope, step, {
      stateName: step,
      lambdaFunction: options.functionFor(step),
      retryOnServiceExceptions: false,
      taskTimeout: Timeout.duration(Duration.seconds(seconds ?? taskSeconds(step))),
      ...(seconds === undefined ? runsCode() : waitsForPerson()),
      ...leavesBehind(step, seconds === undefined ? '$.Payload' : '$'),
    });
    for (const policy of RETRIES[step]) task.addRetry(policy);
    return task;
  };
  return Object.fromEntries(STEP_NAMES.map((step) => [step, create(step)])) as Record<StepName, LambdaInvoke>;
}

/** The whole state is the payload: it is tiny, and `$.error`, there only after a Catch, cannot be named by a path. */
const runsCode = () => ({ payload: TaskInput.fromJsonPathAt('$') });

const waitsForPerson = () => ({
  integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
  payload: TaskInput.fromObject({ runId: JsonPath.stringAt('$.runId'), taskToken: JsonPath.taskToken }),
});

/**
 * Each answer replaces the whole state, so that the state never grows and an error is told only to the step that caught
 * it. Finish's answer is kept to the end, and nothing is of interest that Report or Notify answers.
 */
function leavesBehind(step: StepName, answer: '$' | '$.Payload') {
  if (step === 'Report' || step === 'Notify') return { resultPath: JsonPath.DISCARD };
  const verdictAndRoute = {
    verdict: JsonPath.stringAt(`${answer}.verdict`),
    route: JsonPath.stringAt(`${answer}.route`),
  };
  if (step === 'Finish') return { resultSelector: verdictAndRoute, resultPath: '$.finish' };
  return { resultSelector: { runId: JsonPath.stringAt('$$.Execution.Input.runId'), ...verdictAndRoute } };
}

/** A choice on what the tasks before it answered. */
export function decide(scope: Construct, name: string, ...after: readonly LambdaInvoke[]): Choice {
  const choice = new Choice(scope, name);
  for (const task of after) task.next(choice);
  return choice;
}

/** Pauses, then enters `next`. */
export function wait(scope: Construct, name: string, seconds: number, next: State): IChainable {
  return new Wait(scope, name, { time: WaitTime.duration(Duration.seconds(seconds)) }).next(next);
}
