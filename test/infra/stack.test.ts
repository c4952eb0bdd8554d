import { DISPOSABLE_PREFIXES } from '../../lambda/adapters/aws/rds-names';
import { DRILL_STEP_NAMES } from '../../lambda/domain/drill';
import { STEP_NAMES } from '../../lambda/domain/step';
import { ENVIRONMENT_KEYS } from '../../lambda/handlers/environment';
import { FUNCTION_SECONDS } from '../../lib/step-limits';
import { RDS_WILDCARDS } from '../../lib/step-permissions';
import { type Resource, synthesize } from '../support/aws-synth';

const prod = synthesize('prod');

const only = (type: string): Resource => {
  const found = prod.ofType(type);
  expect(found).toHaveLength(1);
  return (found[0] as readonly [string, Resource])[1];
};

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}
const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);
const statementsOf = (resource: Resource): readonly Statement[] =>
  (resource.Properties.PolicyDocument as { Statement: Statement[] }).Statement;

describe('the template', () => {
  test('is the same each time', () => {
    // The bundle's own sameness is tested beside the bundle.
    const withoutAssets = (text: string): string => text.replace(/[0-9a-f]{64}/g, '');
    expect(withoutAssets(synthesize('prod').text) === withoutAssets(prod.text)).toBe(true);
  });

  test('breaks no rule that is not acknowledged with its reason', () => {
    expect(prod.violations).toEqual([]);
  });

  test('names real zones, and asks nobody for them', () => {
    expect(prod.text).not.toContain('dummy1');
    const zones = prod.ofType('AWS::EC2::Subnet').map(([, subnet]) => subnet.Properties.AvailabilityZone);
    expect(new Set(zones).size).toBe(2);
  });

  test('has no way out of its network', () => {
    for (const type of [
      'AWS::EC2::NatGateway',
      'AWS::EC2::InternetGateway',
      'AWS::EC2::EgressOnlyInternetGateway',
    ]) {
      expect(prod.ofType(type)).toEqual([]);
    }
    expect(prod.ofType('AWS::EC2::VPCEndpoint')).toHaveLength(4);
  });

  test('keeps within what CloudFormation takes', () => {
    expect(Object.keys(prod.resources).length).toBeLessThan(400);
    expect(Buffer.byteLength(JSON.stringify(JSON.parse(prod.text)))).toBeLessThan(1_000_000);
  });
});

describe('the database', () => {
  const database = only('AWS::RDS::DBInstance');

  test('is the newest Postgres, encrypted, on two zones, restorable for 35 days', () => {
    expect(database.Properties).toMatchObject({
      Engine: 'postgres',
      EngineVersion: '18.3',
      DBInstanceIdentifier: 'wedefidaily-prod',
      StorageEncrypted: true,
      StorageType: 'gp3',
      MultiAZ: true,
      PubliclyAccessible: false,
      BackupRetentionPeriod: 35,
      EnableIAMDatabaseAuthentication: true,
      EnableCloudwatchLogsExports: ['postgresql', 'upgrade'],
      CopyTagsToSnapshot: true,
      EnablePerformanceInsights: true,
      MonitoringInterval: 60,
      AllowMajorVersionUpgrade: false,
      EngineLifecycleSupport: 'open-source-rds-extended-support-disabled',
    });
  });

  test('survives its stack, and so do the backups', () => {
    expect(database.Properties).toMatchObject({ DeletionProtection: true, DeleteAutomatedBackups: false });
    expect(database.DeletionPolicy).toBe('Retain');
    expect(database.UpdateReplacePolicy).toBe('Retain');
  });

  test('takes TLS only and logs waits for locks', () => {
    expect(only('AWS::RDS::DBParameterGroup').Properties.Parameters).toMatchObject({
      'rds.force_ssl': '1',
      log_lock_waits: '1',
    });
  });

  test('has a secret that rotates', () => {
    expect(only('AWS::SecretsManager::RotationSchedule').Properties.RotationRules).toBeDefined();
  });

  test('lets in the steps only', () => {
    const open = prod
      .ofType('AWS::EC2::SecurityGroupIngress')
      .filter(([, rule]) => JSON.stringify(rule.Properties.FromPort) === '5432' || rule.Properties.CidrIp);
    expect(open.every(([, rule]) => rule.Properties.SourceSecurityGroupId !== undefined)).toBe(true);
    expect(prod.text).not.toMatch(/"CidrIp": "0\.0\.0\.0\/0",\s+"Description": "[^"]*",\s+"FromPort": 5432/);
  });
});

describe('the journal', () => {
  const [id = '', bucket] =
    prod.ofType('AWS::S3::Bucket').find(([name]) => name.startsWith('JournalBucket')) ?? [];

  test('is versioned, encrypted with the key, private and kept', () => {
    expect(bucket?.Properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }],
      },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
    });
    expect(bucket?.DeletionPolicy).toBe('Retain');
  });

  test('refuses whoever comes without TLS', () => {
    const policy = prod
      .ofType('AWS::S3::BucketPolicy')
      .find(([, found]) => JSON.stringify(found.Properties.Bucket) === JSON.stringify({ Ref: id }))?.[1];
    const deny = policy && statementsOf(policy).find((statement) => statement.Effect === 'Deny');
    expect(deny).toMatchObject({ Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } });
  });
});

describe('notifications', () => {
  test('are encrypted with the key of the stack', () => {
    expect(only('AWS::SNS::Topic').Properties.KmsMasterKeyId).toBeDefined();
  });

  test('reach the topic from alarms, too: CloudWatch may publish and use the key', () => {
    const policies = [only('AWS::SNS::TopicPolicy')].flatMap(statementsOf);
    const keyPolicy = (only('AWS::KMS::Key').Properties.KeyPolicy as { Statement: Statement[] }).Statement;
    const ofAlarms = (statements: readonly Statement[]) =>
      statements.filter((statement) =>
        JSON.stringify(statement.Principal ?? '').includes('cloudwatch.amazonaws.com'),
      );
    expect(ofAlarms(policies)).toMatchObject([{ Effect: 'Allow', Action: 'sns:Publish' }]);
    expect(ofAlarms(keyPolicy)).toMatchObject([
      { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey*'] },
    ]);
  });
});

describe('the steps', () => {
  const functions = prod
    .ofType('AWS::Lambda::Function')
    .filter(([, resource]) => String(resource.Properties.Handler).startsWith('index.'));

  test('are one function each, with their own entry of the same code', () => {
    expect(functions.map(([, { Properties }]) => Properties.Handler).sort()).toEqual(
      [...STEP_NAMES, ...DRILL_STEP_NAMES, 'WatchDrills'].map((step) => `index.${step}`).sort(),
    );
    expect(new Set(functions.map(([, { Properties }]) => JSON.stringify(Properties.Code))).size).toBe(1);
  });

  test.each(STEP_NAMES)('%s ends before its task does, and has all that its handler declares', (step) => {
    const found = functions.find(([, { Properties }]) => Properties.Handler === `index.${step}`)?.[1]
      .Properties;
    expect(found).toMatchObject({
      Timeout: FUNCTION_SECONDS[step],
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
    });
    const { Variables } = (found?.Environment ?? {}) as { Variables: object };
    expect(Object.keys(Variables).sort()).toEqual([...ENVIRONMENT_KEYS].sort());
    expect(found?.VpcConfig).toBeDefined();
  });
});

describe('permissions', () => {
  const policyOf = (step: string): readonly Statement[] =>
    prod
      .ofType('AWS::IAM::Policy')
      .filter(([name]) => name.startsWith(`Steps${step}Role`))
      .flatMap(([, policy]) => statementsOf(policy));
  const actionsOf = (step: string): readonly string[] =>
    policyOf(step).flatMap(({ Action }) => listOf(Action));

  const WITHOUT_RESOURCE =
    /^(ec2:(Create|Describe|Delete|Assign|Unassign)|xray:|logs:\w+(LogDelivery|ResourcePolic|LogDeliveries|LogGroups))/;

  test('name their resources, except where AWS knows none', () => {
    const boundless = prod
      .ofType('AWS::IAM::Policy')
      .flatMap(([, policy]) => statementsOf(policy))
      .filter((statement) => statement.Effect === 'Allow' && listOf(statement.Resource).includes('*'))
      .flatMap(({ Action }) => listOf(Action));
    expect(boundless.filter((action) => !WITHOUT_RESOURCE.test(action))).toEqual([]);
  });

  test('never grant all actions of a service', () => {
    const actions = STEP_NAMES.flatMap(actionsOf);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });

  const MAKE_INSTANCES = [
    ...['BeginRehearsal', 'InspectRehearsal', 'RunRehearsal'],
    ...['BeginRestore', 'InspectRestore'],
  ];

  test.each([
    ['rds:DeleteDBInstance', ['RunRehearsal', 'Finish']],
    ['rds:CreateDBSnapshot', ['BeginSnapshot', 'InspectSnapshot']],
    ['rds:RestoreDBInstanceFromDBSnapshot', MAKE_INSTANCES],
    ['rds:StopDBInstance', ['CutOver']],
    ['rds:RebootDBInstance', MAKE_INSTANCES],
    ['sns:Publish', ['AwaitApproval', 'AwaitDecision', 'Notify']],
    ['rds:DeleteDBSnapshot', []],
    ['s3:DeleteObject', []],
  ])('%s is granted to the steps that do it and to no other', (action, expected) => {
    expect(STEP_NAMES.filter((step) => actionsOf(step).includes(action))).toEqual(expected);
  });

  test('to delete reach disposable instances only', () => {
    for (const step of ['RunRehearsal', 'Finish']) {
      const deletion = policyOf(step).find(({ Action }) => listOf(Action).includes('rds:DeleteDBInstance'));
      for (const resource of listOf(deletion?.Resource)) {
        const text = JSON.stringify(resource);
        expect(DISPOSABLE_PREFIXES.some((prefix) => text.includes(`:db:${prefix}*`))).toBe(true);
      }
    }
  });

  test('to modify the serving instance belong to the cut-over alone', () => {
    const modifiesServing = STEP_NAMES.filter((step) =>
      policyOf(step).some(
        ({ Action, Resource: resource }) =>
          listOf(Action).includes('rds:ModifyDBInstance') &&
          JSON.stringify(resource).includes(':db:wedefidaily-prod'),
      ),
    );
    expect(modifiesServing).toEqual(['CutOver']);
  });

  test('use the prefixes that the adapter gives its names', () => {
    for (const prefix of DISPOSABLE_PREFIXES) expect(RDS_WILDCARDS).toContain(`db:${prefix}*`);
  });
});

test('the workflow is a Standard one, logged and traced, with the time limits of its stage', () => {
  const machine = prod
    .ofType('AWS::StepFunctions::StateMachine')
    .find(([, found]) => found.Properties.StateMachineName === 'godwit-prod')?.[1].Properties;
  expect(machine).toMatchObject({
    StateMachineType: 'STANDARD',
    TracingConfiguration: { Enabled: true },
    LoggingConfiguration: { Level: 'ALL' },
  });
  const definition = JSON.stringify(machine?.DefinitionString);
  expect(definition).toContain('TimeoutSeconds\\":86400');
  expect(definition).toContain('lambda:invoke.waitForTaskToken');
});

describe('the drill', () => {
  const alarms = prod.ofType('AWS::CloudWatch::Alarm').map(([, alarm]) => alarm.Properties);
  const alarmOf = (metric: string) => alarms.find(({ MetricName }) => MetricName === metric);

  test('starts a drill every week, with the targets of its stage, and asks twice a day how old the last one is', () => {
    const rules = prod.ofType('AWS::Events::Rule').map(([, rule]) => rule.Properties);
    expect(rules.map(({ ScheduleExpression }) => ScheduleExpression).sort()).toEqual([
      'cron(0 3 ? * SUN *)',
      'rate(12 hours)',
    ]);
    const weekly = JSON.stringify(
      rules.find(({ ScheduleExpression }) => String(ScheduleExpression).startsWith('cron')),
    );
    expect(weekly).toContain('\\"rpoMs\\":300000,\\"rtoMs\\":900000');
  });

  test.each([
    ['DrillVerified', { ComparisonOperator: 'LessThanThreshold', Threshold: 1, TreatMissingData: 'ignore' }],
    [
      'DrillRpoSeconds',
      { ComparisonOperator: 'GreaterThanThreshold', Threshold: 300, TreatMissingData: 'ignore' },
    ],
    [
      'DrillRtoSeconds',
      { ComparisonOperator: 'GreaterThanThreshold', Threshold: 900, TreatMissingData: 'ignore' },
    ],
    [
      'DrillAgeSeconds',
      { ComparisonOperator: 'GreaterThanThreshold', Threshold: 691_200, TreatMissingData: 'breaching' },
    ],
    ['ExecutionsFailed', { ComparisonOperator: 'GreaterThanThreshold', Threshold: 0 }],
  ])('an alarm on %s tells people, and where to read what to do', (metric, expected) => {
    const alarm = alarmOf(metric);
    expect(alarm).toMatchObject({ ...expected, EvaluationPeriods: 1 });
    expect(JSON.stringify(alarm?.AlarmActions)).toContain('NotificationsTopic');
    expect(alarm?.AlarmDescription).toContain('docs/recovery.md');
    // CloudWatch looks back a week at most.
    expect(Number(alarm?.Period)).toBeLessThanOrEqual(604_800);
    if (metric.startsWith('Drill')) {
      expect(alarm).toMatchObject({ Namespace: 'Godwit', Dimensions: [{ Name: 'stage', Value: 'prod' }] });
    }
  });

  test('lets a drill make and delete clones, take restore points, and nothing that serves', () => {
    const policyOf = (name: string): string =>
      JSON.stringify(prod.ofType('AWS::IAM::Policy').filter(([id]) => id.startsWith(`Drill${name}Role`)));
    const names = [...DRILL_STEP_NAMES, 'WatchDrills'];
    const granted = (action: string) => names.filter((name) => policyOf(name).includes(`"${action}"`));
    expect(granted('rds:RestoreDBInstanceFromDBSnapshot')).toEqual(['BeginDrill', 'InspectDrill']);
    expect(granted('rds:CreateDBSnapshot')).toEqual(['BeginDrill']);
    expect(granted('rds:DeleteDBInstance')).toEqual(['DiscardDrill']);
    expect(granted('sns:Publish')).toEqual(['ReportDrill']);
    expect(granted('rds:DeleteDBSnapshot')).toEqual([]);
    expect(policyOf('DiscardDrill')).toContain(':db:godwit-rehearsal-*');
    expect(policyOf('DiscardDrill')).not.toContain('db:godwit-restored');
    for (const name of names) expect(policyOf(name)).toContain('/drills/*');
  });
});
