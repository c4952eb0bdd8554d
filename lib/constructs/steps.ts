/** One function a step: the same code, its own entry, its own time limit, and its own least role. */
import { type CfnElement, Duration, Stack } from 'aws-cdk-lib';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  type IFunction,
  Function as LambdaFunction,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { STEP_NAMES, type StepName } from '../../lambda/domain/step';
import type { Environment } from '../../lambda/handlers/environment';
import { acknowledge } from '../acknowledge';
import type { StageConfig } from '../config';
import { stepCode } from '../step-code';
import { FUNCTION_SECONDS } from '../step-limits';
import { permissionsOf, RDS_WILDCARDS, type RdsArns, rdsStatements } from '../step-permissions';
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

const JOURNAL_PREFIXES = ['runs/*', 'leases/*', 'endpoints/*', 'no-drift/*'] as const;

/** What Lambda does in the function's name to place it into the network. */
const NETWORK_INTERFACES = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
] as const;

export class Steps extends Construct {
  readonly #functions: ReadonlyMap<StepName, LambdaFunction>;

  constructor(scope: Construct, id: string, props: StepsProps) {
    super(scope, id);
    const code = stepCode();
    const environment = environmentOf(props);
    const arns = rdsArnsOf(this, props);
    this.#functions = new Map(
      STEP_NAMES.map((step) => {
        const logGroup = new LogGroup(this, `${step}Logs`, {
          retention: RetentionDays.THREE_MONTHS,
          encryptionKey: props.key,
        });
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
          logGroup,
          role: this.#roleFor(step, logGroup, props, arns),
          vpc: props.network.vpc,
          vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
          securityGroups: [props.network.steps],
        });
        return [step, created] as const;
      }),
    );
    this.#acknowledgeWildcards(props);
  }

  functionFor(step: StepName): IFunction {
    const known = this.#functions.get(step);
    if (known === undefined) throw new TypeError(`no function for ${step}`);
    return known;
  }

  /** A role of its own: Lambda's managed policies allow writing to every log group of the account. */
  #roleFor(step: StepName, logs: LogGroup, props: StepsProps, arns: RdsArns): Role {
    const role = new Role(this, `${step}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    const allow = (actions: readonly string[], resources: readonly string[]): void => {
      role.addToPolicy(
        new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] }),
      );
    };
    allow(NETWORK_INTERFACES, ['*']);
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logs.logGroupArn]);
    const { bucket } = props.journal;
    allow(
      ['s3:GetObject', 's3:PutObject'],
      JOURNAL_PREFIXES.map((prefix) => bucket.arnForObjects(prefix)),
    );
    // Without it S3 says "denied" of a key that does not exist, and a first lease could not be told from a stolen one.
    allow(['s3:ListBucket'], [bucket.bucketArn]);
    allow(['kms:Decrypt', 'kms:GenerateDataKey'], [props.key.keyArn]);
    const permissions = permissionsOf(step);
    if (permissions.includes('secret'))
      allow(['secretsmanager:GetSecretValue'], [props.database.secret.secretArn]);
    if (permissions.includes('tell')) allow(['sns:Publish'], [props.notifications.topic.topicArn]);
    for (const statement of rdsStatements(step, arns)) role.addToPolicy(statement);
    return role;
  }

  #acknowledgeWildcards({ journal }: StepsProps): void {
    const stack = Stack.of(this);
    const bucket = stack.getLogicalId(journal.bucket.node.defaultChild as CfnElement);
    const own = (resource: string) => `AwsSolutions-IAM5[Resource::${resource}]` as const;
    const rds = `arn:<AWS::Partition>:rds:${stack.region}:${stack.account}`;
    acknowledge(this, {
      [own('*')]: 'Network interfaces and trace segments have no names before they exist.',
      ...Object.fromEntries(
        JOURNAL_PREFIXES.map((prefix) => [
          own(`<${bucket}.Arn>/${prefix}`),
          'Journal keys are made at run time.',
        ]),
      ),
      ...Object.fromEntries(
        RDS_WILDCARDS.map((name) => [
          own(`${rds}:${name}`),
          'Clones and snapshots are made at run time, and named by prefix.',
        ]),
      ),
    });
  }
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
