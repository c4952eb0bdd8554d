import type { DBInstance } from '@aws-sdk/client-rds';
import fc from 'fast-check';
import { awsError } from '../support/aws-fake-rds';
import { DEFAULTS } from '../support/aws-fake-rds-settings';
import {
  CLONE,
  POINT,
  RESTORED,
  type RecoveryOnRds,
  restored,
  SETTINGS_OF_ITS_OWN,
  withRestorePoint,
} from '../support/aws-recovery';

/**
 * Every field of a described instance that a restore drops, the parameter by which RDS is told, and what it is called then.
 * Written down here once more, so that one forgotten in the adapter is missed.
 */
const CARRIED: readonly (readonly [field: keyof DBInstance, parameter: string, setting: string])[] = [
  ['DBInstanceClass', 'DBInstanceClass', 'DBInstanceClass'],
  ['Endpoint', 'Port', 'Port'],
  ['DBSubnetGroup', 'DBSubnetGroupName', 'DBSubnetGroup'],
  ['VpcSecurityGroups', 'VpcSecurityGroupIds', 'VpcSecurityGroups'],
  ['DBParameterGroups', 'DBParameterGroupName', 'DBParameterGroup'],
  ['OptionGroupMemberships', 'OptionGroupName', 'OptionGroup'],
  ['PubliclyAccessible', 'PubliclyAccessible', 'PubliclyAccessible'],
  ['NetworkType', 'NetworkType', 'NetworkType'],
  ['AutoMinorVersionUpgrade', 'AutoMinorVersionUpgrade', 'AutoMinorVersionUpgrade'],
  ['EngineLifecycleSupport', 'EngineLifecycleSupport', 'EngineLifecycleSupport'],
  ['IAMDatabaseAuthenticationEnabled', 'EnableIAMDatabaseAuthentication', 'IAMDatabaseAuthentication'],
  ['CACertificateIdentifier', 'CACertificateIdentifier', 'CACertificateIdentifier'],
  ['CopyTagsToSnapshot', 'CopyTagsToSnapshot', 'CopyTagsToSnapshot'],
  ['DedicatedLogVolume', 'DedicatedLogVolume', 'DedicatedLogVolume'],
  ['EnabledCloudwatchLogsExports', 'EnableCloudwatchLogsExports', 'CloudwatchLogsExports'],
  ['StorageType', 'StorageType', 'StorageType'],
  ['Iops', 'Iops', 'Iops'],
  ['StorageThroughput', 'StorageThroughput', 'StorageThroughput'],
  ['MultiAZ', 'MultiAZ', 'MultiAZ'],
  ['BackupRetentionPeriod', 'BackupRetentionPeriod', 'BackupRetentionPeriod'],
  ['PreferredBackupWindow', 'PreferredBackupWindow', 'PreferredBackupWindow'],
  ['PreferredMaintenanceWindow', 'PreferredMaintenanceWindow', 'PreferredMaintenanceWindow'],
  ['MaxAllocatedStorage', 'MaxAllocatedStorage', 'MaxAllocatedStorage'],
  ['MonitoringInterval', 'MonitoringInterval', 'MonitoringInterval'],
  ['MonitoringRoleArn', 'MonitoringRoleArn', 'MonitoringRoleArn'],
  ['PerformanceInsightsEnabled', 'EnablePerformanceInsights', 'PerformanceInsights'],
  ['PerformanceInsightsKMSKeyId', 'PerformanceInsightsKMSKeyId', 'PerformanceInsightsKMSKeyId'],
  [
    'PerformanceInsightsRetentionPeriod',
    'PerformanceInsightsRetentionPeriod',
    'PerformanceInsightsRetentionPeriod',
  ],
  ['DatabaseInsightsMode', 'DatabaseInsightsMode', 'DatabaseInsightsMode'],
  ['TagList', 'Tags', 'Tags'],
];

/** RDS keeps it by itself where it is not told another. */
const KEPT_BY_RDS = 'BackupRetentionPeriod';

/** Less often than a run looks: what is asked is the end. */
const pollMs = 120_000;
const BY_SNAPSHOT = { waitForLogsMs: 0 } as const;

function settingOf(instance: DBInstance | undefined, field: keyof DBInstance): unknown {
  switch (field) {
    case 'Endpoint':
      return instance?.Endpoint?.Port;
    case 'EnabledCloudwatchLogsExports':
      return [...(instance?.EnabledCloudwatchLogsExports ?? [])].sort();
    case 'VpcSecurityGroups':
      return (instance?.VpcSecurityGroups ?? []).map((group) => group.VpcSecurityGroupId).sort();
    case 'TagList':
      return (instance?.TagList ?? []).filter(({ Key }) => !/^(aws|godwit):/.test(Key ?? ''));
    default:
      return instance?.[field];
  }
}

const settingsOf = (instance: DBInstance | undefined) =>
  CARRIED.map(([field]) => [field, settingOf(instance, field)]);

const made = ({ rds }: RecoveryOnRds, name = RESTORED): DBInstance | undefined =>
  rds.instances.get(`godwit-${name}`);

/** All others are as RDS has them by itself, and what belongs to a setting comes and goes with it. */
function servingWith(own: readonly (keyof DBInstance)[]): DBInstance {
  const belongTo: Readonly<Partial<Record<keyof DBInstance, keyof DBInstance>>> = {
    Iops: 'StorageType',
    StorageThroughput: 'StorageType',
    MonitoringRoleArn: 'MonitoringInterval',
    PerformanceInsightsKMSKeyId: 'PerformanceInsightsEnabled',
    PerformanceInsightsRetentionPeriod: 'PerformanceInsightsEnabled',
    DatabaseInsightsMode: 'PerformanceInsightsEnabled',
  };
  const byItself: DBInstance = { ...DEFAULTS, Endpoint: { ...SETTINGS_OF_ITS_OWN.Endpoint, Port: 5432 } };
  const fields = CARRIED.map(([field]) => {
    const isOwn = own.includes(belongTo[field] ?? field);
    return [field, (isOwn ? SETTINGS_OF_ITS_OWN : byItself)[field]];
  });
  return { ...structuredClone(Object.fromEntries(fields)), AllocatedStorage: 100 };
}

const inputOf = ({ rds }: RecoveryOnRds, command: string): unknown =>
  rds.mock.calls().find((call) => call.args[0].constructor.name === `${command}Command`)?.args[0].input;

describe('a restored instance', () => {
  test.each(CARRIED)('is compared in a %s that RDS would not give it by itself', (field) => {
    const byItself = { ...DEFAULTS, Endpoint: { Port: 5432 } };
    if (field !== KEPT_BY_RDS)
      expect(settingOf(SETTINGS_OF_ITS_OWN, field)).not.toEqual(settingOf(byItself, field));
  });

  test.each([
    ['by the logs', 'RestoreDBInstanceToPointInTime', {}],
    ['from the snapshot', 'RestoreDBInstanceFromDBSnapshot', BY_SNAPSHOT],
  ])('made %s is as the serving one in every setting once it is ready', async (_, command, options) => {
    const all = await withRestorePoint(options);

    expect((await restored(all)).state.state).toBe('ready');
    expect(settingsOf(made(all))).toEqual(settingsOf(all.serving));
    expect(inputOf(all, command)).toBeDefined();
  });

  test('is as the serving one whichever of its settings are its own', async () => {
    const fields = fc.subarray(CARRIED.map(([field]) => field));
    await fc.assert(
      fc.asyncProperty(fields, async (own) => {
        const all = await withRestorePoint({ serving: servingWith(own), ...BY_SNAPSHOT });
        expect((await restored(all, { pollMs })).state.state).toBe('ready');
        expect(settingsOf(made(all))).toEqual(settingsOf(all.serving));
      }),
      { numRuns: 15, seed: 20260301 },
    );
  });

  test.each(CARRIED.filter(([field]) => field !== KEPT_BY_RDS && field !== 'TagList'))(
    'whose %s did not get there is never ready, and the reason names it',
    async (field, parameter, setting) => {
      const all = await withRestorePoint(BY_SNAPSHOT);
      all.rds.ignored.add(parameter);

      const { state } = await restored(all, { pollMs });
      expect(state).toEqual({
        state: 'failed',
        reason: expect.stringMatching(
          new RegExp(`^not as wedefidaily-prod: (.+; )?${setting} is to be .+ and is .+`),
        ),
      });
      expect(settingOf(made(all), field)).not.toEqual(settingOf(all.serving, field));
    },
  );

  test.each([
    ['BackupRetentionPeriod', { BackupRetentionPeriod: 1 }],
    ['KmsKeyId', { KmsKeyId: 'another' }],
    ['ManagedMasterPassword', { MasterUserSecret: { SecretStatus: 'creating', KmsKeyId: 'key/secrets' } }],
    ['MasterUserSecretKmsKeyId', { MasterUserSecret: { SecretStatus: 'active', KmsKeyId: 'another' } }],
  ])('that comes to have another %s is not ready', async (setting, fields) => {
    const secret = { SecretArn: 'arn:of-the-serving-one', SecretStatus: 'active', KmsKeyId: 'key/secrets' };
    const all = await withRestorePoint({ serving: { MasterUserSecret: secret }, ...BY_SNAPSHOT });
    await restored(all, { pollMs });
    Object.assign(made(all) ?? {}, fields);

    all.rds.time.advance(61 * 60_000);
    expect(await all.recovery.inspectInstance(RESTORED)).toEqual({
      state: 'failed',
      reason: expect.stringMatching(new RegExp(`^not as wedefidaily-prod: ${setting} is to be `)),
    });
  });

  test('gets the tags that it lacks, and may have more', async () => {
    const all = await withRestorePoint(BY_SNAPSHOT);
    all.rds.ignored.add('Tags');
    await restored(all, { pollMs });
    made(all)?.TagList?.push({ Key: 'CreatedBy', Value: "the account's own" });

    expect((await all.recovery.inspectInstance(RESTORED)).state).toBe('ready');
    expect(made(all)?.TagList).toContainEqual({ Key: 'team', Value: 'data' });
  });

  test('that lacks a setting says what was wanted and what was found', async () => {
    const all = await withRestorePoint(BY_SNAPSHOT);
    all.rds.ignored.add('PreferredMaintenanceWindow');

    expect((await restored(all, { pollMs })).state).toEqual({
      state: 'failed',
      reason:
        'not as wedefidaily-prod: PreferredMaintenanceWindow is to be sun:05:00-sun:06:00 and is mon:00:00-mon:00:30',
    });
  });

  test('is not ready while something is pending, and tells no pending password', async () => {
    const all = await withRestorePoint(BY_SNAPSHOT);
    await restored(all);
    Object.assign(made(all) ?? {}, {
      PendingModifiedValues: { StorageThroughput: 700, MasterUserPassword: 'geheim' },
    });

    expect(await all.recovery.inspectInstance(RESTORED)).toEqual({
      state: 'creating',
      message:
        'not as wedefidaily-prod yet: StorageThroughput is to be applied and is pending; MasterUserPassword is to be applied and is pending',
    });
    all.rds.time.advance(61 * 60_000);
    expect(await all.recovery.inspectInstance(RESTORED)).toMatchObject({
      state: 'failed',
      reason: expect.not.stringContaining('geheim'),
    });
  });

  test('is rebooted where its parameters wait for that', async () => {
    const all = await withRestorePoint(BY_SNAPSHOT);
    all.rds.restoresPendingReboot = true;

    expect((await restored(all)).state.state).toBe('ready');
    expect(all.rds.changes.filter((name) => name === 'RebootDBInstance')).toHaveLength(1);
    expect(made(all)?.DBParameterGroups).toEqual([
      { DBParameterGroupName: 'prod-parameters', ParameterApplyStatus: 'in-sync' },
    ]);
  });

  test('whose parameters never come into force is not ready', async () => {
    const all = await withRestorePoint(BY_SNAPSHOT);
    await restored(all);
    Object.assign(made(all) ?? {}, {
      DBParameterGroups: [{ DBParameterGroupName: 'prod-parameters', ParameterApplyStatus: 'applying' }],
    });
    all.rds.time.advance(61 * 60_000);

    expect(await all.recovery.inspectInstance(RESTORED)).toEqual({
      state: 'failed',
      reason: 'not as wedefidaily-prod: DBParameterGroup is to be in-sync and is applying',
    });
  });

  test('gets the password of today, and is not ready before one can log in with it', async () => {
    const all = await withRestorePoint(BY_SNAPSHOT);
    all.secret.password = 'rotated';
    all.serving.MultiAZ = false;

    const { state, messages } = await restored(all, { pollMs: 5_000 });
    expect(state.state).toBe('ready');
    expect(messages.at(-1)).toBe('its password is being set');
    await (await all.recovery.openInstance(RESTORED)).connect({ applicationName: 'godwit-test' });
    expect(inputOf(all, 'ModifyDBInstance')).toMatchObject({
      MasterUserPassword: 'rotated',
      ApplyImmediately: true,
    });
  });

  test('into which nobody can log in has failed, and says so without the password', async () => {
    const all = await withRestorePoint(BY_SNAPSHOT);
    all.rds.ignored.add('MasterUserPassword');
    all.secret.password = 'rotated';

    const { state } = await restored(all, { pollMs });
    expect(state).toMatchObject({ state: 'failed', reason: expect.stringContaining('nobody can log in') });
    expect(JSON.stringify(state)).not.toContain('rotated');
  });

  test('has its password managed by RDS where that of the serving one is', async () => {
    const secret = { SecretArn: 'arn:of-the-serving-one', SecretStatus: 'active', KmsKeyId: 'key/secrets' };
    const all = await withRestorePoint({ serving: { MasterUserSecret: secret }, ...BY_SNAPSHOT });

    expect((await restored(all, { pollMs })).state.state).toBe('ready');
    expect(made(all)?.MasterUserSecret).toMatchObject({ SecretStatus: 'active', KmsKeyId: 'key/secrets' });
    expect(inputOf(all, 'ModifyDBInstance')).not.toHaveProperty('MasterUserPassword');
  });

  test('carries no tags of AWS and stays disposable until it serves', async () => {
    const all = await withRestorePoint();
    await restored(all);

    expect(made(all)?.TagList?.map(({ Key }) => Key)).toEqual(['team', 'godwit:database', 'godwit:settled']);
    expect(made(all)?.DeletionProtection).toBe(false);
  });

  test('is settled once more where the first attempt died half-way', async () => {
    const all = await withRestorePoint();
    all.rds.refuseNext.set('AddTagsToResource', awsError('InternalFailure', 500));
    all.rds.goOnWithLogs();
    all.rds.time.advance(15 * 60_000);
    await all.recovery.beginInstance(RESTORED, POINT);
    all.rds.time.advance(15 * 60_000);
    await expect(all.recovery.inspectInstance(RESTORED)).rejects.toMatchObject({ name: 'AwsCallFailed' });

    expect((await restored(all)).state.state).toBe('ready');
    expect(all.rds.changes.filter((name) => name === 'ModifyDBInstance')).toHaveLength(2);
  });

  test('is told no throughput that RDS refuses on a small volume', async () => {
    const all = await withRestorePoint({
      serving: { StorageType: 'gp3', AllocatedStorage: 399, Iops: 3000, StorageThroughput: 125 },
    });

    expect((await restored(all)).state.state).toBe('ready');
    expect(inputOf(all, 'RestoreDBInstanceToPointInTime')).not.toHaveProperty('Iops');
    expect(inputOf(all, 'RestoreDBInstanceToPointInTime')).not.toHaveProperty('StorageThroughput');
  });
});

test('a clone has neither standby, backups nor monitoring, and all else of the serving instance', async () => {
  const all = await withRestorePoint(BY_SNAPSHOT);
  expect((await restored(all, { name: CLONE })).state.state).toBe('ready');

  const clone = made(all, CLONE);
  expect(clone).toMatchObject({
    MultiAZ: false,
    BackupRetentionPeriod: 0,
    PerformanceInsightsEnabled: false,
    MonitoringInterval: 0,
  });
  for (const field of ['DBInstanceClass', 'VpcSecurityGroups', 'DBParameterGroups', 'TagList'] as const)
    expect([field, settingOf(clone, field)]).toEqual([field, settingOf(all.serving, field)]);
});
