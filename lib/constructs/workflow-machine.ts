/** The state machine of the workflow: a Standard one, logged and traced, which may invoke the steps and nothing else. */
import { type CfnElement, Duration, Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { STEP_NAMES } from '../../lambda/domain/step';
import { acknowledge } from '../acknowledge';
import type { StageConfig } from '../config';
import { buildWorkflow } from '../workflow';
import type { Steps } from './steps';

export class WorkflowMachine extends Construct {
  readonly stateMachine: StateMachine;

  constructor(
    scope: Construct,
    id: string,
    props: { readonly config: StageConfig; readonly key: IKey; readonly steps: Steps },
  ) {
    super(scope, id);
    const { definition } = buildWorkflow(this, {
      functionFor: (step) => props.steps.functionFor(step),
      timeouts: {
        approvalSeconds: Duration.hours(props.config.approvalHours).toSeconds(),
        decisionSeconds: Duration.hours(props.config.decisionHours).toSeconds(),
      },
    });
    this.stateMachine = new StateMachine(this, 'Machine', {
      stateMachineName: `godwit-${props.config.stage}`,
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromChainable(definition),
      comment: 'Takes migrations to the database, and back where need be',
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, 'Logs', {
          // Step Functions writes to groups below this prefix without a new entry in the policy of all of them.
          logGroupName: `/aws/vendedlogs/states/godwit-${props.config.stage}`,
          retention: RetentionDays.ONE_YEAR,
          encryptionKey: props.key,
        }),
        level: LogLevel.ALL,
        // Ids and verdicts only: nothing secret passes through the state.
        includeExecutionData: true,
      },
    });
    this.#acknowledgeWildcards(props.steps);
  }

  #acknowledgeWildcards(steps: Steps): void {
    const versions = STEP_NAMES.map((step) => {
      const id = Stack.of(this).getLogicalId(steps.functionFor(step).node.defaultChild as CfnElement);
      return [
        `AwsSolutions-IAM5[Resource::<${id}.Arn>:*]`,
        'Any version of this step, and of no other function.',
      ] as const;
    });
    acknowledge(this.stateMachine, {
      'AwsSolutions-IAM5[Resource::*]': 'Log delivery and X-Ray take no resource.',
      ...Object.fromEntries(versions),
    });
  }
}
