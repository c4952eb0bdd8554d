/** One function a step: the same code, its own entry, its own time limit, and its own least role. */
import { Duration, Stack } from 'aws-cdk-lib';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, Function as LambdaFunction, type IFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct, type IConstruct } from 'constructs';
import { STEP_NAMES, type StepName } from '../../lambda/domain/step';
import type { Environment } from '../../lambda/handlers/environment';
import { acknowledge } from '../acknowledge';
import type { StageConfig } from '../config';
import { stepCode } from '../step-code';
import { FUNCTION_SECONDS } from '../step-limits';
import { PERMISSIONS, type RdsArns, rdsStatements } from '../step-permissions';
import type { Database } from './database';
import type { Journal } from './journal';
import type { Network } from './network';
import type { Notifications } from './notifications';

export interface StepsProps {
  readonly config: StageConfig;
  readonly key: IKey;
  readonly network: Network;
  readonly database: Database;
  readonly journal: Journal;
  readonly notifications: Notifications;
}

/** Half a processor at least: the parser and Prisma's engine are WebAssembly, and compile at their first use. */
const MEMORY_MIB = 1024;

export class Steps extends Construct {
  readonly #functions: ReadonlyMap<StepName, LambdaFunction>;

  constructor(scope: Construct, id: string, props: StepsProps) {
    super(scope, id);
    const code = stepCode();
    const environment = environmentOf(props);
    const arns = rdsArnsOf(this, props);
    this.#functions = new Map(
      STEP_NAMES.map((step) => {
        const created = new LambdaFunction(this, step, {
          description: `Godwit: ${step}`,
          code,
          handler: `index.${step}`,
          runtime: Runtime.NODEJS_24_X,
          architecture: Architecture.ARM_64,
          memorySize: MEMORY_MIB,
          timeout: Duration.seconds(FUNCTION_SECONDS[step]),
          environment,
          environmentEncryption: props.key,
          tracing: Tracing.ACTIVE,
          logGroup: new LogGroup(this, `${step}Logs`, {
            retention: RetentionDays.THREE_MONTHS,
            encryptionKey: props.key,
          }),
          vpc: props.network.vpc,
          vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
          securityGroups: [props.network.steps],
        });
        this.#permit(step, created, props, arns);
        return [step, created] as const;
      }),
    );
  }

  functionFor(step: StepName): IFunction {
    const known = this.#functions.get(step);
    if (known === undefined) throw new TypeError(`no function for ${step}`);
    return known;
  }

  #permit(step: StepName, created: LambdaFunction, props: StepsProps, arns: RdsArns): void {
    const { bucket } = props.journal;
    created.addToRolePolicy(
      new PolicyStatement({
        effect: Effect.ALLOW,
        actions: ['s3:GetObject', 's3:PutObject'],
        resources: ['runs/*', 'leases/*', 'endpoints/*'].map((prefix) => bucket.arnForObjects(prefix)),
      }),
    );
    // Without it S3 says "denied" of a key that does not exist, and a first lease could not be told from a stolen one.
    created.addToRolePolicy(
      new PolicyStatement({ effect: Effect.ALLOW, actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }),
    );
    props.key.grantEncryptDecrypt(created);
    if (PERMISSIONS[step].includes('secret')) props.database.secret.grantRead(created);
    if (PERMISSIONS[step].includes('tell')) props.notifications.topic.grantPublish(created);
    for (const statement of rdsStatements(step, arns)) created.addToRolePolicy(statement);
    if (created.role !== undefined) acknowledgeRole(created.role);
  }
}

function acknowledgeRole(role: IConstruct): void {
  acknowledge(role, {
    'AwsSolutions-IAM4':
      'AWSLambdaVPCAccessExecutionRole: network interfaces and log streams have no names before they exist.',
    'AwsSolutions-IAM5':
      'Journal keys, clones and snapshots are made at run time and named by prefix; X-Ray takes no resource; KMS verbs come in families.',
  });
}

function environmentOf({ config, database, journal, notifications }: StepsProps): Environment {
  return {
    GODWIT_STAGE: config.stage,
    GODWIT_JOURNAL_BUCKET: journal.bucket.bucketName,
    GODWIT_TOPIC_ARN: notifications.topic.topicArn,
    GODWIT_INSTANCE: database.identifier,
    GODWIT_DATABASE_HOST: database.instance.dbInstanceEndpointAddress,
    GODWIT_DATABASE_PORT: database.instance.dbInstanceEndpointPort,
    GODWIT_DATABASE_NAME: database.databaseName,
    GODWIT_SECRET_ARN: database.secret.secretArn,
  };
}

function rdsArnsOf(scope: Construct, { key, database }: StepsProps): RdsArns {
  const stack = Stack.of(scope);
  const arn = (typeAndName: string): string =>
    `arn:${stack.partition}:rds:${stack.region}:${stack.account}:${typeAndName}`;
  return {
    serving: arn(`db:${database.identifier}`),
    parameterGroup: arn(`pg:${database.parameterGroupName}`),
    subnetGroup: arn(`subgrp:${database.subnetGroupName}`),
    keyArn: key.keyArn,
    monitoringRoleArn: database.monitoringRoleArn,
    region: stack.region,
    arn,
  };
}
