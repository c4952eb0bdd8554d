/** What each parameter of a restore or a modification does to the described instance; an unknown one is a mistake of ours. */
import type { DBInstance } from '@aws-sdk/client-rds';

type Input = Readonly<Record<string, unknown>>;
type Effect = (instance: DBInstance, value: never) => void;

const plain =
  (field: keyof DBInstance): Effect =>
  (instance, value) =>
    Object.assign(instance, { [field]: value });

const RESTORE: Readonly<Record<string, Effect>> = {
  DBInstanceClass: plain('DBInstanceClass'),
  Port: plain('DbInstancePort'),
  DBSubnetGroupName: (instance, name: string) => {
    instance.DBSubnetGroup = { DBSubnetGroupName: name };
  },
  VpcSecurityGroupIds: (instance, ids: string[]) => {
    instance.VpcSecurityGroups = ids.map((id) => ({ VpcSecurityGroupId: id, Status: 'active' }));
  },
  DBParameterGroupName: (instance, name: string) => {
    instance.DBParameterGroups = [{ DBParameterGroupName: name, ParameterApplyStatus: 'in-sync' }];
  },
  OptionGroupName: (instance, name: string) => {
    instance.OptionGroupMemberships = [{ OptionGroupName: name, Status: 'in-sync' }];
  },
  PubliclyAccessible: plain('PubliclyAccessible'),
  NetworkType: plain('NetworkType'),
  AutoMinorVersionUpgrade: plain('AutoMinorVersionUpgrade'),
  EngineLifecycleSupport: plain('EngineLifecycleSupport'),
  EnableIAMDatabaseAuthentication: plain('IAMDatabaseAuthenticationEnabled'),
  CACertificateIdentifier: plain('CACertificateIdentifier'),
  CopyTagsToSnapshot: plain('CopyTagsToSnapshot'),
  DedicatedLogVolume: plain('DedicatedLogVolume'),
  EnableCloudwatchLogsExports: plain('EnabledCloudwatchLogsExports'),
  StorageType: plain('StorageType'),
  Iops: plain('Iops'),
  StorageThroughput: plain('StorageThroughput'),
  DeletionProtection: plain('DeletionProtection'),
  BackupRetentionPeriod: plain('BackupRetentionPeriod'),
  PreferredBackupWindow: plain('PreferredBackupWindow'),
  Tags: plain('TagList'),
  // A standby is made once the instance is there.
  MultiAZ: (instance, value: boolean) => {
    if (value) instance.PendingModifiedValues = { ...instance.PendingModifiedValues, MultiAZ: true };
  },
};

const MODIFY: Readonly<Record<string, Effect>> = {
  DeletionProtection: plain('DeletionProtection'),
  PreferredMaintenanceWindow: plain('PreferredMaintenanceWindow'),
  MaxAllocatedStorage: plain('MaxAllocatedStorage'),
  MonitoringInterval: plain('MonitoringInterval'),
  MonitoringRoleArn: plain('MonitoringRoleArn'),
  EnablePerformanceInsights: plain('PerformanceInsightsEnabled'),
  PerformanceInsightsKMSKeyId: plain('PerformanceInsightsKMSKeyId'),
  PerformanceInsightsRetentionPeriod: plain('PerformanceInsightsRetentionPeriod'),
  DatabaseInsightsMode: plain('DatabaseInsightsMode'),
  ManageMasterUserPassword: (instance) => {
    const SecretArn = `arn:aws:secretsmanager:eu-central-1:000000000000:secret:rds!${instance.DbiResourceId}`;
    instance.MasterUserSecret = { ...instance.MasterUserSecret, SecretArn, SecretStatus: 'active' };
  },
  MasterUserSecretKmsKeyId: (instance, KmsKeyId: string) => {
    instance.MasterUserSecret = { ...instance.MasterUserSecret, KmsKeyId };
  },
};

export const restoreWith = (instance: DBInstance, input: Input): void => apply(RESTORE, instance, input);
export const modifyWith = (instance: DBInstance, input: Input): void => apply(MODIFY, instance, input);

function apply(effects: Readonly<Record<string, Effect>>, instance: DBInstance, input: Input): void {
  for (const [parameter, value] of Object.entries(input)) {
    const effect = effects[parameter];
    if (effect === undefined) throw new Error(`RDS takes no ${parameter} here`);
    effect(instance, value as never);
  }
}

/** What an instance is that was given nothing. */
export const DEFAULTS: DBInstance = {
  Engine: 'postgres',
  EngineVersion: '18.3',
  MasterUsername: 'godwit',
  DBInstanceClass: 'db.t3.micro',
  DbInstancePort: 0,
  MultiAZ: false,
  DeletionProtection: false,
  IAMDatabaseAuthenticationEnabled: false,
  CopyTagsToSnapshot: false,
  AutoMinorVersionUpgrade: true,
  PubliclyAccessible: false,
  DedicatedLogVolume: false,
  NetworkType: 'IPV4',
  EngineLifecycleSupport: 'open-source-rds-extended-support',
  CACertificateIdentifier: 'rds-ca-rsa2048-g1',
  VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-default', Status: 'active' }],
  DBParameterGroups: [{ DBParameterGroupName: 'default.postgres18', ParameterApplyStatus: 'in-sync' }],
  OptionGroupMemberships: [{ OptionGroupName: 'default:postgres-18', Status: 'in-sync' }],
  DBSubnetGroup: { DBSubnetGroupName: 'default' },
  EnabledCloudwatchLogsExports: [],
  StorageType: 'gp3',
  AllocatedStorage: 100,
  Iops: 3000,
  StorageThroughput: 125,
  BackupRetentionPeriod: 1,
  PreferredBackupWindow: '04:30-05:00',
  PreferredMaintenanceWindow: 'mon:00:00-mon:00:30',
  PerformanceInsightsEnabled: false,
  DatabaseInsightsMode: 'standard',
  MonitoringInterval: 0,
  TagList: [],
};

const KEPT_BY_BACKUPS = [
  'Engine',
  'EngineVersion',
  'MasterUsername',
  'AllocatedStorage',
  'KmsKeyId',
  'BackupRetentionPeriod',
] as const;

/** Neither restore call can be told another, but for the last. */
export const keptByBackups = (source: DBInstance): DBInstance =>
  Object.fromEntries(
    KEPT_BY_BACKUPS.flatMap((key) => (source[key] === undefined ? [] : [[key, source[key]]])),
  );
