/** Renders the workflow to Amazon States Language without an account, a bundle or a deployed function. */
import { App, Stack } from 'aws-cdk-lib';
import { type IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { type IChainable, StateGraph } from 'aws-cdk-lib/aws-stepfunctions';
import { buildDrillWorkflow } from './drill-workflow';
import { buildWorkflow, type WorkflowOptions } from './workflow';

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly MaxAttempts?: number;
  readonly BackoffRate?: number;
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly Next: string;
  readonly ResultPath?: string;
}

export interface ChoiceRule {
  readonly Next?: string;
  readonly Variable?: string;
  readonly StringEquals?: string;
  readonly BooleanEquals?: boolean;
  readonly IsPresent?: boolean;
  readonly And?: readonly ChoiceRule[];
  readonly Or?: readonly ChoiceRule[];
  readonly Not?: ChoiceRule;
}

/** The part of the Amazon States Language that the workflow uses. */
export interface StateDefinition {
  readonly Type: 'Task' | 'Choice' | 'Wait' | 'Succeed' | 'Fail';
  readonly Next?: string;
  readonly End?: boolean;
  readonly Resource?: string;
  readonly Parameters?: { readonly FunctionName: string } & Readonly<Record<string, unknown>>;
  readonly ResultSelector?: Readonly<Record<string, string>>;
  readonly ResultPath?: string | null;
  readonly TimeoutSeconds?: number;
  readonly Seconds?: number;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly Catcher[];
  readonly Choices?: readonly ChoiceRule[];
  readonly Default?: string;
  readonly Error?: string;
  readonly Cause?: string;
}

export interface WorkflowDefinition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, StateDefinition>>;
}

type Timeouts = WorkflowOptions['timeouts'];

const DEFAULT_TIMEOUTS: Timeouts = { approvalSeconds: 86_400, decisionSeconds: 3_600 };

/** The definition as plain strings; functions are named by their step: `…:function:Preflight`. */
export const renderDefinition = (timeouts: Partial<Timeouts> = {}): WorkflowDefinition =>
  render((stack, functionFor) =>
    buildWorkflow(stack, { functionFor, timeouts: { ...DEFAULT_TIMEOUTS, ...timeouts } }),
  );

export const renderDrillDefinition = (): WorkflowDefinition =>
  render((stack, functionFor) => buildDrillWorkflow(stack, { functionFor }));

function render(
  build: (
    stack: Stack,
    functionFor: (step: string) => IFunction,
  ) => {
    readonly definition: IChainable;
  },
): WorkflowDefinition {
  const stack = new Stack(new App(), 'Workflow');
  const { definition } = build(stack, (step) =>
    LambdaFunction.fromFunctionArn(
      stack,
      `${step}Function`,
      `arn:aws:lambda:eu-central-1:000000000000:function:${step}`,
    ),
  );
  const graph = new StateGraph(definition.startState, 'workflow');
  return withoutIntrinsics(stack.resolve(graph.toGraphJson())) as WorkflowDefinition;
}

/** Replaces what CloudFormation would fill in, i.e. `Fn::Join` and the partition, by strings. */
function withoutIntrinsics(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIntrinsics);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Record<string, unknown>;
  const join = fields['Fn::Join'];
  if (Array.isArray(join)) return (withoutIntrinsics(join[1]) as string[]).join(String(join[0]));
  if (fields.Ref === 'AWS::Partition') return 'aws';
  return Object.fromEntries(Object.entries(fields).map(([key, inner]) => [key, withoutIntrinsics(inner)]));
}
