/**
 * The settings of an instance, each with how it gets to an instance restored from it and how it is read there: RDS would
 * set most of them to defaults, i.e. put the instance in one zone, behind the default security group, unlogged.
 */
import type {
  DBInstance,
  ModifyDBInstanceCommandInput,
  RestoreDBInstanceFromDBSnapshotCommandInput,
  Tag,
} from '@aws-sdk/client-rds';
import { DATABASE_TAG, isRehearsal } from './rds-names';

export type Purpose = 'rehearsal' | 'restore';

export const purposeOf = (identifier: string): Purpose => (isRehearsal(identifier) ? 'rehearsal' : 'restore');

/** What both restore calls take. */
type CallSettings = Partial<
  Omit<RestoreDBInstanceFromDBSnapshotCommandInput, 'DBInstanceIdentifier' | 'DBSnapshotIdentifier'>
>;
type ModifySettings = Partial<
  Omit<ModifyDBInstanceCommandInput, 'DBInstanceIdentifier' | 'ApplyImmediately'>
>;

interface Carrying<T> {
  /** As described; `undefined` where the source has none of its own, and any will do. */
  read(instance: DBInstance): T | undefined;
  /** With the restore call. */
  inCall?(value: T): CallSettings;
  /** Once the instance is available: what no restore call, or not both of them, takes. */
  afterwards?(value: T): ModifySettings;
  /** Where more than the source has is no difference. */
  isMet?(wanted: T, found: T | undefined): boolean;
  /** A clone lives for an hour: a standby, backups and monitoring would only delay it. */
  readonly restoresOnly?: true;
}

export interface Setting {
  readonly name: string;
  readonly restoresOnly: boolean;
  read(instance: DBInstance): unknown;
  isMet(source: DBInstance, restored: DBInstance): boolean;
  inCall(source: DBInstance): CallSettings;
  afterwards(source: DBInstance): ModifySettings;
}

const isSame = (wanted: unknown, found: unknown): boolean => JSON.stringify(wanted) === JSON.stringify(found);

function setting<T>(
  name: string,
  { read, inCall, afterwards, isMet = isSame, restoresOnly = false as never }: Carrying<T>,
): Setting {
  const given = <S extends object>(source: DBInstance, give: ((value: T) => S) | undefined): S | object => {
    const value = read(source);
    return value === undefined || give === undefined ? {} : give(value);
  };
  return {
    name,
    restoresOnly,
    read,
    isMet: (source, restored) => {
      const wanted = read(source);
      return wanted === undefined || isMet(wanted, read(restored));
    },
    inCall: (source) => given(source, inCall),
    afterwards: (source) => given(source, afterwards),
  };
}

/** Below this gp3 comes with a fixed baseline, and RDS refuses to be told it. */
const GP3_TUNABLE_FROM_GIB = 400;

const isTunable = ({ StorageType: type, AllocatedStorage: gib = 0 }: DBInstance): boolean =>
  type?.startsWith('io') === true || (type === 'gp3' && gib >= GP3_TUNABLE_FROM_GIB);

const sorted = (values: readonly (string | undefined)[]): string[] =>
  values.filter((value) => value !== undefined).sort();

export const SETTINGS: readonly Setting[] = [
  setting('DBInstanceClass', {
    read: (instance) => instance.DBInstanceClass,
    inCall: (DBInstanceClass) => ({ DBInstanceClass }),
  }),
  setting('Port', {
    // Where an instance listens is not told before it does.
    read: ({ Endpoint, DbInstancePort }) => Endpoint?.Port ?? (DbInstancePort || undefined),
    inCall: (Port) => ({ Port }),
  }),
  setting('DBSubnetGroup', {
    read: (instance) => instance.DBSubnetGroup?.DBSubnetGroupName,
    inCall: (DBSubnetGroupName) => ({ DBSubnetGroupName }),
  }),
  setting('VpcSecurityGroups', {
    read: ({ VpcSecurityGroups = [] }) =>
      sorted(
        VpcSecurityGroups.filter(({ Status }) => Status !== 'removing').map(
          (group) => group.VpcSecurityGroupId,
        ),
      ),
    inCall: (VpcSecurityGroupIds) => ({ VpcSecurityGroupIds }),
  }),
  setting('DBParameterGroup', {
    read: (instance) => instance.DBParameterGroups?.[0]?.DBParameterGroupName,
    inCall: (DBParameterGroupName) => ({ DBParameterGroupName }),
  }),
  setting('OptionGroup', {
    read: (instance) => instance.OptionGroupMemberships?.[0]?.OptionGroupName,
    inCall: (OptionGroupName) => ({ OptionGroupName }),
  }),
  setting('PubliclyAccessible', {
    read: (instance) => instance.PubliclyAccessible ?? false,
    inCall: (PubliclyAccessible) => ({ PubliclyAccessible }),
  }),
  setting('NetworkType', {
    read: (instance) => instance.NetworkType,
    inCall: (NetworkType) => ({ NetworkType }),
  }),
  setting('AutoMinorVersionUpgrade', {
    read: (instance) => instance.AutoMinorVersionUpgrade ?? false,
    inCall: (AutoMinorVersionUpgrade) => ({ AutoMinorVersionUpgrade }),
  }),
  setting('EngineLifecycleSupport', {
    read: (instance) => instance.EngineLifecycleSupport,
    inCall: (EngineLifecycleSupport) => ({ EngineLifecycleSupport }),
  }),
  setting('IAMDatabaseAuthentication', {
    read: (instance) => instance.IAMDatabaseAuthenticationEnabled ?? false,
    inCall: (EnableIAMDatabaseAuthentication) => ({ EnableIAMDatabaseAuthentication }),
  }),
  setting('CACertificateIdentifier', {
    read: (instance) => instance.CACertificateIdentifier,
    inCall: (CACertificateIdentifier) => ({ CACertificateIdentifier }),
  }),
  setting('CopyTagsToSnapshot', {
    read: (instance) => instance.CopyTagsToSnapshot ?? false,
    inCall: (CopyTagsToSnapshot) => ({ CopyTagsToSnapshot }),
  }),
  setting('DedicatedLogVolume', {
    read: (instance) => instance.DedicatedLogVolume ?? false,
    inCall: (DedicatedLogVolume) => ({ DedicatedLogVolume }),
  }),
  setting('CloudwatchLogsExports', {
    read: (instance) => sorted(instance.EnabledCloudwatchLogsExports ?? []),
    inCall: (logs) => (logs.length === 0 ? {} : { EnableCloudwatchLogsExports: logs }),
  }),
  setting('StorageType', {
    read: (instance) => instance.StorageType,
    inCall: (StorageType) => ({ StorageType }),
  }),
  setting('Iops', {
    read: (instance) => (isTunable(instance) ? instance.Iops : undefined),
    inCall: (Iops) => ({ Iops }),
  }),
  setting('StorageThroughput', {
    read: (instance) => (isTunable(instance) ? instance.StorageThroughput || undefined : undefined),
    inCall: (StorageThroughput) => ({ StorageThroughput }),
  }),
  setting('Tags', {
    read: (instance) =>
      ownTags(instance)
        .map(({ Key, Value = '' }) => `${Key}=${Value}`)
        .sort(),
    // An account may put tags of its own on whatever is new.
    isMet: (wanted, found) => wanted.every((tag) => found?.includes(tag)),
  }),
  // Both restore calls keep it, and neither can be told another.
  setting('KmsKeyId', { read: (instance) => instance.KmsKeyId }),
  setting('MultiAZ', {
    read: (instance) => instance.MultiAZ ?? false,
    inCall: (MultiAZ) => ({ MultiAZ }),
    restoresOnly: true,
  }),
  setting('BackupRetentionPeriod', {
    read: (instance) => instance.BackupRetentionPeriod ?? 0,
    inCall: (BackupRetentionPeriod) => ({ BackupRetentionPeriod }),
    restoresOnly: true,
  }),
  setting('PreferredBackupWindow', {
    read: (instance) => instance.PreferredBackupWindow,
    inCall: (PreferredBackupWindow) => ({ PreferredBackupWindow }),
    restoresOnly: true,
  }),
  setting('PreferredMaintenanceWindow', {
    read: (instance) => instance.PreferredMaintenanceWindow,
    afterwards: (PreferredMaintenanceWindow) => ({ PreferredMaintenanceWindow }),
    restoresOnly: true,
  }),
  setting('MaxAllocatedStorage', {
    read: (instance) => instance.MaxAllocatedStorage,
    afterwards: (MaxAllocatedStorage) => ({ MaxAllocatedStorage }),
    restoresOnly: true,
  }),
  setting('MonitoringInterval', {
    read: (instance) => instance.MonitoringInterval || undefined,
    afterwards: (MonitoringInterval) => ({ MonitoringInterval }),
    restoresOnly: true,
  }),
  setting('MonitoringRoleArn', {
    read: (instance) => (instance.MonitoringInterval ? instance.MonitoringRoleArn : undefined),
    afterwards: (MonitoringRoleArn) => ({ MonitoringRoleArn }),
    restoresOnly: true,
  }),
  setting('PerformanceInsights', {
    read: (instance) => instance.PerformanceInsightsEnabled || undefined,
    afterwards: (EnablePerformanceInsights) => ({ EnablePerformanceInsights }),
    restoresOnly: true,
  }),
  setting('PerformanceInsightsKMSKeyId', {
    read: (instance) =>
      instance.PerformanceInsightsEnabled ? instance.PerformanceInsightsKMSKeyId : undefined,
    afterwards: (PerformanceInsightsKMSKeyId) => ({ PerformanceInsightsKMSKeyId }),
    restoresOnly: true,
  }),
  setting('PerformanceInsightsRetentionPeriod', {
    read: (instance) =>
      instance.PerformanceInsightsEnabled ? instance.PerformanceInsightsRetentionPeriod : undefined,
    afterwards: (PerformanceInsightsRetentionPeriod) => ({ PerformanceInsightsRetentionPeriod }),
    restoresOnly: true,
  }),
  setting('DatabaseInsightsMode', {
    read: (instance) => (instance.PerformanceInsightsEnabled ? instance.DatabaseInsightsMode : undefined),
    afterwards: (DatabaseInsightsMode) => ({ DatabaseInsightsMode }),
    restoresOnly: true,
  }),
  setting('ManagedMasterPassword', {
    read: ({ MasterUserSecret: secret }) =>
      secret === undefined ? undefined : secret.SecretStatus !== 'creating',
    afterwards: () => ({ ManageMasterUserPassword: true }),
  }),
  setting('MasterUserSecretKmsKeyId', {
    read: (instance) => instance.MasterUserSecret?.KmsKeyId,
    afterwards: (MasterUserSecretKmsKeyId) => ({ MasterUserSecretKmsKeyId }),
  }),
];

export const settingsOf = (purpose: Purpose): readonly Setting[] =>
  SETTINGS.filter(({ restoresOnly }) => purpose === 'restore' || !restoresOnly);

/** @param tags beside those of the source */
export function settingsForRestore(source: DBInstance, purpose: Purpose, tags: readonly Tag[]): CallSettings {
  const made = { Key: DATABASE_TAG, Value: source.DBInstanceIdentifier ?? '' };
  return {
    ...merged(settingsOf(purpose).map((each) => each.inCall(source))),
    // Told and not left to RDS, which would keep the backups of the source.
    ...(purpose === 'rehearsal' ? { MultiAZ: false, BackupRetentionPeriod: 0 } : {}),
    // Turned on only at the cut-over: until then the instance must be disposable.
    DeletionProtection: false,
    Tags: [...ownTags(source), made, ...tags],
  };
}

export function settingsAfterRestore(source: DBInstance, purpose: Purpose, password: string): ModifySettings {
  return {
    ...merged(settingsOf(purpose).map((each) => each.afterwards(source))),
    // The restored instance has the password of the restore point, which may have been rotated since.
    ...(source.MasterUserSecret === undefined ? { MasterUserPassword: password } : {}),
  };
}

const merged = <T extends object>(parts: readonly T[]): T => Object.assign({}, ...parts) as T;

/** Those of AWS' own, e.g. CloudFormation's, cannot be set by others; Godwit's speak of one instance only. */
export function lackingTags(source: DBInstance, restored: DBInstance): readonly Tag[] {
  const there = ownTags(restored);
  return ownTags(source).filter(
    ({ Key, Value }) => !there.some((tag) => tag.Key === Key && (tag.Value ?? '') === (Value ?? '')),
  );
}

const ownTags = ({ TagList = [] }: DBInstance): Tag[] =>
  TagList.filter(({ Key }) => Key !== undefined && !Key.startsWith('aws:') && !Key.startsWith('godwit:'));
