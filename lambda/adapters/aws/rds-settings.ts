/**
 * Carries an instance's settings over to one restored from it: RDS would set most of them to defaults, i.e. put the
 * instance on one zone, behind the default security group, unlogged and unprotected.
 */
import type { DBInstance, ModifyDBInstanceCommandInput, Tag } from '@aws-sdk/client-rds';
import { DATABASE_TAG } from './rds-names';

export type Purpose = 'rehearsal' | 'restore';

/** Below this gp3 comes with a fixed baseline, and RDS refuses to be told it. */
const GP3_TUNABLE_FROM_GIB = 400;

/** What both restore calls take. */
export function settingsForRestore(source: DBInstance, purpose: Purpose) {
  return defined({
    DBInstanceClass: source.DBInstanceClass,
    Port: source.Endpoint?.Port ?? source.DbInstancePort,
    DBSubnetGroupName: source.DBSubnetGroup?.DBSubnetGroupName,
    VpcSecurityGroupIds: (source.VpcSecurityGroups ?? []).flatMap((group) => group.VpcSecurityGroupId ?? []),
    DBParameterGroupName: source.DBParameterGroups?.[0]?.DBParameterGroupName,
    OptionGroupName: source.OptionGroupMemberships?.[0]?.OptionGroupName,
    PubliclyAccessible: source.PubliclyAccessible ?? false,
    NetworkType: source.NetworkType,
    AutoMinorVersionUpgrade: source.AutoMinorVersionUpgrade ?? false,
    EngineLifecycleSupport: source.EngineLifecycleSupport,
    EnableIAMDatabaseAuthentication: source.IAMDatabaseAuthenticationEnabled ?? false,
    CACertificateIdentifier: source.CACertificateIdentifier,
    CopyTagsToSnapshot: source.CopyTagsToSnapshot ?? false,
    DedicatedLogVolume: source.DedicatedLogVolume ?? false,
    EnableCloudwatchLogsExports: source.EnabledCloudwatchLogsExports,
    ...storageOf(source),
    // Turned on only at the cut-over: until then the instance must be disposable.
    DeletionProtection: false,
    Tags: tagsFor(source),
    ...(purpose === 'restore'
      ? {
          MultiAZ: source.MultiAZ ?? false,
          BackupRetentionPeriod: source.BackupRetentionPeriod,
          PreferredBackupWindow: source.PreferredBackupWindow,
        }
      : // A clone lives for an hour: a standby and backups would only delay it.
        { MultiAZ: false, BackupRetentionPeriod: 0 }),
  });
}

function storageOf(source: DBInstance) {
  const isTunable =
    source.StorageType?.startsWith('io') ||
    (source.StorageType === 'gp3' && (source.AllocatedStorage ?? 0) >= GP3_TUNABLE_FROM_GIB);
  return {
    StorageType: source.StorageType,
    ...(isTunable ? { Iops: source.Iops, StorageThroughput: source.StorageThroughput || undefined } : {}),
  };
}

/** Tags of AWS' own, e.g. CloudFormation's, cannot be set by others. */
function tagsFor(source: DBInstance): Tag[] {
  const kept = (source.TagList ?? []).filter(
    ({ Key }) => Key !== undefined && !Key.startsWith('aws:') && !Key.startsWith('godwit:'),
  );
  return [...kept, { Key: DATABASE_TAG, Value: source.DBInstanceIdentifier ?? '' }];
}

type AfterRestore = Partial<Omit<ModifyDBInstanceCommandInput, 'DBInstanceIdentifier' | 'ApplyImmediately'>>;

/** What no restore call takes, so that it must be modified once the instance is available. */
export function settingsAfterRestore(source: DBInstance, purpose: Purpose, password: string): AfterRestore {
  // The restored instance has the password of the restore point, which may have been rotated since.
  const login: AfterRestore =
    source.MasterUserSecret === undefined
      ? { MasterUserPassword: password }
      : defined({
          ManageMasterUserPassword: true,
          MasterUserSecretKmsKeyId: source.MasterUserSecret.KmsKeyId,
        });
  if (purpose === 'rehearsal') return login;
  return {
    ...login,
    ...defined({
      PreferredMaintenanceWindow: source.PreferredMaintenanceWindow,
      MaxAllocatedStorage: source.MaxAllocatedStorage,
    }),
    ...(source.MonitoringInterval
      ? defined({
          MonitoringInterval: source.MonitoringInterval,
          MonitoringRoleArn: source.MonitoringRoleArn,
        })
      : {}),
    ...(source.PerformanceInsightsEnabled
      ? defined({
          EnablePerformanceInsights: true,
          PerformanceInsightsKMSKeyId: source.PerformanceInsightsKMSKeyId,
          PerformanceInsightsRetentionPeriod: source.PerformanceInsightsRetentionPeriod,
          DatabaseInsightsMode: source.DatabaseInsightsMode,
        })
      : {}),
  };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Leaves out what is not set, so that RDS keeps its own. */
function defined<T extends object>(fields: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<
    Defined<T>
  >;
}
