/** A serving instance with settings of its own, and recovery on a stand-in for RDS. */
import { RdsRecovery } from '../../lambda/adapters/aws/rds-recovery';
import type { Database } from '../../lambda/ports/database';
import type { InstanceState } from '../../lambda/ports/recovery';
import { FakeRds, NOW } from './aws-fake-rds';

export const SERVING = 'wedefidaily-prod';
export const RUN = 'run-20260301-120000-00ff';
export const CLONE = `rehearsal-${RUN}`;
export const RESTORED = `restored-${RUN}`;
export const POINT = { kind: 'restore-point', name: `before-${RUN}` } as const;

export function setUp() {
  const rds = new FakeRds();
  rds.addInstance(SERVING, {
    DBInstanceClass: 'db.r8g.large',
    MultiAZ: true,
    DeletionProtection: true,
    IAMDatabaseAuthenticationEnabled: true,
    CopyTagsToSnapshot: true,
    VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-prod' }],
    DBParameterGroups: [{ DBParameterGroupName: 'prod-parameters' }],
    OptionGroupMemberships: [{ OptionGroupName: 'prod-options' }],
    DBSubnetGroup: { DBSubnetGroupName: 'prod-subnets' },
    EnabledCloudwatchLogsExports: ['postgresql', 'upgrade'],
    CACertificateIdentifier: 'rds-ca-rsa2048-g1',
    AutoMinorVersionUpgrade: true,
    EngineLifecycleSupport: 'open-source-rds-extended-support-disabled',
    BackupRetentionPeriod: 35,
    PreferredBackupWindow: '03:00-04:00',
    PreferredMaintenanceWindow: 'sun:05:00-sun:06:00',
    MaxAllocatedStorage: 1000,
    StorageThroughput: 125,
    Iops: 3000,
    MonitoringInterval: 60,
    MonitoringRoleArn: 'arn:aws:iam::000000000000:role/monitoring',
    PerformanceInsightsEnabled: true,
    PerformanceInsightsRetentionPeriod: 465,
    LatestRestorableTime: new Date(NOW.getTime() - 240_000),
    TagList: [
      { Key: 'team', Value: 'data' },
      { Key: 'aws:cloudformation:stack-name', Value: 'Godwit' },
    ],
  });
  const opened: string[] = [];
  const recovery = new RdsRecovery({
    client: rds.client,
    instance: SERVING,
    clock: { now: () => NOW, sleep: async () => undefined },
    credentials: async () => ({ user: 'godwit', password: 'rotated' }),
    databaseAt: (host, port) => {
      opened.push(`${host}:${port}`);
      return {} as Database;
    },
  });
  return { rds, recovery, opened };
}

export async function until(
  state: InstanceState['state'],
  look: () => Promise<InstanceState>,
): Promise<readonly string[]> {
  const seen: string[] = [];
  for (let i = 0; i < 20; i += 1) {
    const now = await look();
    seen.push(now.state);
    if (now.state === state) return seen;
  }
  throw new Error(`never ${state}: ${seen}`);
}

export async function withRestorePoint() {
  const all = setUp();
  await all.recovery.beginRestorePoint(POINT.name);
  while ((await all.recovery.inspectRestorePoint(POINT.name)).state !== 'ready');
  return all;
}
