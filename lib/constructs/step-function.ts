/** One function: the code that all share, its own entry, its own time limit, and its own least role. */
import { type CfnElement, Duration, Stack } from 'aws-cdk-lib';
import { SubnetType } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  type Code,
  Function as LambdaFunction,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { Environment } from '../../lambda/handlers/environment';
import { acknowledge } from '../acknowledge';
import type { StageConfig } from '../config';
import { RDS_WILDCARDS, type RdsArns } from '../step-permissions';
import type { Database } from './database';
import type { Journal } from './journal';
import type { Network } from './network';
import type { Notifications } from './notifications';

export interface Surroundings {
  readonly config: StageConfig;
  readonly key: IKey;
  readonly network: Network;
  readonly database: Database;
  readonly journal: Journal;
  readonly notifications: Notifications;
}

export interface StepFunctionProps {
  readonly surroundings: Surroundings;
  readonly code: Code;
  readonly environment: Environment;
  readonly seconds: number;
  /** Keys of the journal that it reads and writes, e.g. `runs/*`. */
  readonly keys: readonly string[];
  /** Whether it tells people. */
  readonly tells: boolean;
  readonly statements: readonly PolicyStatement[];
}

/** Half a processor at least: the parser and Prisma's engine are WebAssembly, and compile at their first use. */
const MEMORY_MIB = 1024;

/** What Lambda does in the function's name to place it into the network. */
const NETWORK_INTERFACES = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
] as const;

export function stepFunction(scope: Construct, name: string, props: StepFunctionProps): LambdaFunction {
  const { key, network } = props.surroundings;
  const logGroup = new LogGroup(scope, `${name}Logs`, {
    retention: RetentionDays.THREE_MONTHS,
    encryptionKey: key,
  });
  return new LambdaFunction(scope, name, {
    description: `Godwit: ${name}`,
    code: props.code,
    handler: `index.${name}`,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: MEMORY_MIB,
    timeout: Duration.seconds(props.seconds),
    environment: props.environment,
    environmentEncryption: key,
    tracing: Tracing.ACTIVE,
    logGroup,
    role: roleFor(scope, name, logGroup, props),
    vpc: network.vpc,
    vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    securityGroups: [network.steps],
  });
}

/** A role of its own: Lambda's managed policies allow writing to every log group of the account. */
function roleFor(scope: Construct, name: string, logs: LogGroup, props: StepFunctionProps): Role {
  const { journal, key, database, notifications } = props.surroundings;
  const role = new Role(scope, `${name}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  const allow = (actions: readonly string[], resources: readonly string[]): void => {
    role.addToPolicy(
      new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] }),
    );
  };
  allow(NETWORK_INTERFACES, ['*']);
  allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logs.logGroupArn]);
  const { bucket } = journal;
  allow(
    ['s3:GetObject', 's3:PutObject'],
    props.keys.map((prefix) => bucket.arnForObjects(prefix)),
  );
  // Without it S3 says "denied" of a key that does not exist, and a first lease could not be told from a stolen one.
  allow(['s3:ListBucket'], [bucket.bucketArn]);
  allow(['kms:Decrypt', 'kms:GenerateDataKey'], [key.keyArn]);
  // Everyone composes its ports, and with them the user of the database, from the secret.
  allow(['secretsmanager:GetSecretValue'], [database.secret.secretArn]);
  if (props.tells) allow(['sns:Publish'], [notifications.topic.topicArn]);
  for (const statement of props.statements) role.addToPolicy(statement);
  return role;
}

export function acknowledgeWildcards(
  scope: Construct,
  { journal }: Surroundings,
  { keys, rds = RDS_WILDCARDS }: { readonly keys: readonly string[]; readonly rds?: readonly string[] },
): void {
  const stack = Stack.of(scope);
  const bucket = stack.getLogicalId(journal.bucket.node.defaultChild as CfnElement);
  const own = (resource: string) => `AwsSolutions-IAM5[Resource::${resource}]` as const;
  const prefix = `arn:<AWS::Partition>:rds:${stack.region}:${stack.account}`;
  acknowledge(scope, {
    [own('*')]: 'Network interfaces and trace segments have no names before they exist.',
    ...Object.fromEntries(
      keys.map((one) => [own(`<${bucket}.Arn>/${one}`), 'Journal keys are made at run time.']),
    ),
    ...Object.fromEntries(
      rds.map((name) => [
        own(`${prefix}:${name}`),
        'Clones and snapshots are made at run time, and named by prefix.',
      ]),
    ),
  });
}

export function environmentOf({ config, database, journal, notifications }: Surroundings): Environment {
  return {
    GODWIT_STAGE: config.stage,
    GODWIT_JOURNAL_BUCKET: journal.bucket.bucketName,
    GODWIT_TOPIC_ARN: notifications.topic.topicArn,
    GODWIT_INSTANCE: database.identifier,
    GODWIT_DATABASE_HOST: database.instance.dbInstanceEndpointAddress,
    GODWIT_DATABASE_PORT: database.instance.dbInstanceEndpointPort,
    GODWIT_DATABASE_NAME: database.databaseName,
    GODWIT_SECRET_ARN: database.secret.secretArn,
    GODWIT_BEYOND_LIMITS: config.rehearsal.beyond,
    GODWIT_MAX_MINUTES: String(config.rehearsal.maxMinutes),
    GODWIT_MAX_DISK_SHARE: String(config.rehearsal.maxDiskShare),
  };
}

export function rdsArnsOf(scope: Construct, { key, database }: Surroundings): RdsArns {
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
