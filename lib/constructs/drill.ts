/** The drill on AWS: its functions, its state machine, its schedule, and the alarms that its numbers feed. */
import { type CfnElement, Duration, Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Metric, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { EventField, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget, SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type { Code, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { DRILL_STEP_NAMES, type DrillStepName } from '../../lambda/domain/drill';
import { acknowledge } from '../acknowledge';
import { DRILL_PERMISSIONS, DRILL_SECONDS, WATCH } from '../drill-steps';
import { buildDrillWorkflow } from '../drill-workflow';
import { RDS_WILDCARDS, statementsFor } from '../step-permissions';
import {
  acknowledgeWildcards,
  environmentOf,
  rdsArnsOf,
  type Surroundings,
  stepFunction,
} from './step-function';

export interface DrillProps extends Surroundings {
  readonly code: Code;
}

const JOURNAL_KEYS = ['drills/*', 'proofs/*', 'runs/*'] as const;

/** A start that is late by more is left to the next one, and to the alarm of overdue drills. */
const LATEST_START = Duration.hours(2);

export class Drill extends Construct {
  readonly stateMachine: StateMachine;
  readonly #props: DrillProps;

  constructor(scope: Construct, id: string, props: DrillProps) {
    super(scope, id);
    this.#props = props;
    const names = [...DRILL_STEP_NAMES, WATCH] as const;
    const functions = new Map(names.map((name) => [name, this.#function(name)]));
    acknowledgeWildcards(this, props, { keys: JOURNAL_KEYS, rds: [...RDS_WILDCARDS, 'snapshot:*'] });
    const functionFor = (name: DrillStepName | typeof WATCH): LambdaFunction => {
      const known = functions.get(name);
      if (known === undefined) throw new TypeError(`no function for ${name}`);
      return known;
    };
    this.stateMachine = this.#machine(functionFor);
    this.#schedule(functionFor(WATCH));
    this.#alarms();
  }

  #function(name: DrillStepName | typeof WATCH): LambdaFunction {
    const permissions = DRILL_PERMISSIONS[name];
    const arns = rdsArnsOf(this, this.#props);
    return stepFunction(this, name, {
      surroundings: this.#props,
      code: this.#props.code,
      environment: environmentOf(this.#props),
      seconds: DRILL_SECONDS[name],
      keys: JOURNAL_KEYS,
      tells: permissions.includes('tell'),
      statements: permissions.flatMap((permission) => statementsFor(permission, arns)),
    });
  }

  #machine(functionFor: (name: DrillStepName) => LambdaFunction): StateMachine {
    const { stage } = this.#props.config;
    const { definition } = buildDrillWorkflow(this, { functionFor });
    const machine = new StateMachine(this, 'Machine', {
      stateMachineName: `godwit-drill-${stage}`,
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromChainable(definition),
      comment: 'Rehearses the recovery of the database',
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, 'Logs', {
          // Step Functions writes to groups below this prefix without a new entry in the policy of all of them.
          logGroupName: `/aws/vendedlogs/states/godwit-drill-${stage}`,
          retention: RetentionDays.ONE_YEAR,
          encryptionKey: this.#props.key,
        }),
        level: LogLevel.ALL,
        // Ids and verdicts only: nothing secret passes through the state.
        includeExecutionData: true,
      },
    });
    const versions = DRILL_STEP_NAMES.map((name) => {
      const id = Stack.of(this).getLogicalId(functionFor(name).node.defaultChild as CfnElement);
      return [
        `AwsSolutions-IAM5[Resource::<${id}.Arn>:*]`,
        'Any version of this step, and of no other function.',
      ] as const;
    });
    acknowledge(machine, {
      'AwsSolutions-IAM5[Resource::*]': 'Log delivery and X-Ray take no resource.',
      ...Object.fromEntries(versions),
    });
    return machine;
  }

  #schedule(watch: LambdaFunction): void {
    const { schedule, rpoMinutes, rtoMinutes } = this.#props.config.drill;
    new Rule(this, 'Schedule', {
      description: 'Rehearses the recovery of the database',
      schedule: Schedule.expression(schedule),
      targets: [
        new SfnStateMachine(this.stateMachine, {
          maxEventAge: LATEST_START,
          input: RuleTargetInput.fromObject({
            at: EventField.time,
            event: EventField.eventId,
            targets: { rpoMs: rpoMinutes * 60_000, rtoMs: rtoMinutes * 60_000 },
          }),
        }),
      ],
    });
    new Rule(this, 'WatchSchedule', {
      description: 'Tells how long no drill has passed',
      // Twice in the alarm's period, so that there is always a number in it.
      schedule: Schedule.rate(Duration.hours(12)),
      targets: [new LambdaTarget(watch, { maxEventAge: LATEST_START })],
    });
  }

  #alarms(): void {
    const { rpoMinutes, rtoMinutes, maxAgeDays } = this.#props.config.drill;
    // Between two drills there are no numbers: an alarm stays as the last drill left it.
    const untilNextDrill = { period: Duration.minutes(5), missing: TreatMissingData.IGNORE };
    this.#alarm('NotVerified', 'What the last drill recovered was not proven.', {
      ...untilNextDrill,
      metric: 'DrillVerified',
      isBad: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      statistic: Stats.MINIMUM,
    });
    this.#alarm('RpoMissed', 'More of the latest writes would be lost than the RPO allows.', {
      ...untilNextDrill,
      metric: 'DrillRpoSeconds',
      threshold: rpoMinutes * 60,
    });
    this.#alarm('RtoMissed', 'The last recovery took longer than the RTO allows.', {
      ...untilNextDrill,
      metric: 'DrillRtoSeconds',
      threshold: rtoMinutes * 60,
    });
    // An alarm looks back a week at most, and drills are a week apart: so their age is a number of its own.
    this.#alarm('Overdue', 'No drill has passed for too long.', {
      period: Duration.days(1),
      missing: TreatMissingData.BREACHING,
      metric: 'DrillAgeSeconds',
      threshold: Duration.days(maxAgeDays).toSeconds(),
    });
    this.#raise('Failed', 'A drill did not pass, or ended without telling anything.', {
      metric: this.stateMachine.metricFailed({ period: Duration.minutes(5), statistic: Stats.SUM }),
      isBad: ComparisonOperator.GREATER_THAN_THRESHOLD,
      threshold: 0,
      missing: TreatMissingData.NOT_BREACHING,
    });
  }

  #alarm(
    name: string,
    meaning: string,
    {
      metric,
      period,
      missing,
      threshold,
      isBad = ComparisonOperator.GREATER_THAN_THRESHOLD,
      statistic = Stats.MAXIMUM,
    }: {
      readonly metric: string;
      readonly period: Duration;
      readonly missing: TreatMissingData;
      readonly threshold: number;
      readonly isBad?: ComparisonOperator;
      readonly statistic?: string;
    },
  ): void {
    this.#raise(name, meaning, {
      metric: new Metric({
        namespace: 'Godwit',
        metricName: metric,
        dimensionsMap: { stage: this.#props.config.stage },
        period,
        statistic,
      }),
      isBad,
      threshold,
      missing,
    });
  }

  #raise(
    name: string,
    meaning: string,
    alarm: {
      readonly metric: Metric;
      readonly isBad: ComparisonOperator;
      readonly threshold: number;
      readonly missing: TreatMissingData;
    },
  ): void {
    new Alarm(this, name, {
      alarmDescription: `${meaning} What to do: docs/recovery.md, "A drill that did not pass".`,
      metric: alarm.metric,
      comparisonOperator: alarm.isBad,
      threshold: alarm.threshold,
      evaluationPeriods: 1,
      treatMissingData: alarm.missing,
    }).addAlarmAction(new SnsAction(this.#props.notifications.topic));
  }
}
