import { DescribeDBInstancesCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { AwsAccessDenied, AwsCallFailed } from '../../lambda/adapters/aws/errors';
import { NotDisposable, RdsNameUnusable } from '../../lambda/adapters/aws/rds-names';
import { RdsRecovery } from '../../lambda/adapters/aws/rds-recovery';
import { instanceStateOf } from '../../lambda/adapters/aws/rds-status';
import type { Database } from '../../lambda/ports/database';
import type { InstanceState } from '../../lambda/ports/recovery';
import { awsError, FakeRds, NOW } from '../support/aws-fake-rds';

const SERVING = 'wedefidaily-prod';
const RUN = 'run-20260301-120000-00ff';
const CLONE = `rehearsal-${RUN}`;
const RESTORED = `restored-${RUN}`;
const POINT = { kind: 'restore-point', name: `before-${RUN}` } as const;

function setUp() {
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

async function until(
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

async function withRestorePoint() {
  const all = setUp();
  await all.recovery.beginRestorePoint(POINT.name);
  while ((await all.recovery.inspectRestorePoint(POINT.name)).state !== 'ready');
  return all;
}

describe('a restore point', () => {
  test('is absent, then creating, then ready with its time', async () => {
    const { recovery } = setUp();
    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({ state: 'absent' });
    expect(await recovery.beginRestorePoint(POINT.name)).toMatchObject({
      state: 'creating',
      totalBytes: 100 * 2 ** 30,
    });
    expect((await recovery.inspectRestorePoint(POINT.name)).state).toBe('creating');
    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({
      state: 'ready',
      restorePoint: { name: POINT.name, at: NOW.toISOString(), lsn: undefined },
    });
  });

  test('begun twice is made once', async () => {
    const { rds, recovery } = setUp();
    await recovery.beginRestorePoint(POINT.name);
    await recovery.beginRestorePoint(POINT.name);

    expect(rds.changes).toEqual(['CreateDBSnapshot']);
  });

  test('begun while somebody else begins it joins theirs', async () => {
    const { rds, recovery } = setUp();
    rds.looks = 5;
    await recovery.beginRestorePoint(POINT.name);
    rds.hiddenOnce = `godwit-${POINT.name}`;

    expect((await recovery.beginRestorePoint(POINT.name)).state).toBe('creating');
  });

  test('waits while the instance is busy, and begins at the next opportunity', async () => {
    const { rds, recovery } = setUp();
    const serving = rds.instances.get(SERVING);
    Object.assign(serving ?? {}, { DBInstanceStatus: 'backing-up' });
    expect(await recovery.beginRestorePoint(POINT.name)).toEqual({ state: 'creating' });
    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({ state: 'absent' });
  });

  test('that RDS could not make has failed', async () => {
    const { rds, recovery } = await withRestorePoint();
    Object.assign(rds.snapshots.get(`godwit-${POINT.name}`) ?? {}, { Status: 'failed' });

    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({
      state: 'failed',
      reason: 'RDS reports failed',
    });
  });

  test('is listed newest first, across pages, and only if it is of this database', async () => {
    const { rds, recovery } = setUp();
    const add = (id: string, day: number, database: string): void => {
      rds.snapshots.set(id, {
        DBSnapshotIdentifier: id,
        Status: 'available',
        SnapshotCreateTime: new Date(Date.UTC(2026, 0, day)),
        TagList: [{ Key: 'godwit:database', Value: database }],
      });
    };
    add('godwit-before-a', 1, SERVING);
    add('godwit-before-b', 2, 'another');
    add('before-the-party', 3, SERVING);
    add('godwit-before-c', 4, SERVING);

    expect((await recovery.listRestorePoints()).map(({ name }) => name)).toEqual(['before-c', 'before-a']);
  });
});

describe('a restored instance', () => {
  test('keeps every setting of the serving one', async () => {
    const { rds, recovery } = await withRestorePoint();
    await recovery.beginInstance(RESTORED, POINT);
    await until('ready', () => recovery.inspectInstance(RESTORED));

    const source = rds.instances.get(SERVING);
    const restored = rds.instances.get(`godwit-${RESTORED}`);
    for (const setting of [
      'DBInstanceClass',
      'MultiAZ',
      'IAMDatabaseAuthenticationEnabled',
      'CopyTagsToSnapshot',
      'VpcSecurityGroups',
      'DBParameterGroups',
      'OptionGroupMemberships',
      'DBSubnetGroup',
      'EnabledCloudwatchLogsExports',
      'CACertificateIdentifier',
      'AutoMinorVersionUpgrade',
      'EngineLifecycleSupport',
      'BackupRetentionPeriod',
      'PreferredBackupWindow',
      'PreferredMaintenanceWindow',
      'MaxAllocatedStorage',
      'StorageType',
      'MonitoringInterval',
      'MonitoringRoleArn',
      'PerformanceInsightsEnabled',
      'PerformanceInsightsRetentionPeriod',
    ] as const) {
      expect([setting, restored?.[setting]]).toEqual([setting, source?.[setting]]);
    }
  });

  test('gets the password of today, not of the restore point', async () => {
    const { rds, recovery } = await withRestorePoint();
    await recovery.beginInstance(RESTORED, POINT);
    await until('ready', () => recovery.inspectInstance(RESTORED));

    const modified = rds.mock
      .calls()
      .find((call) => call.args[0].constructor.name === 'ModifyDBInstanceCommand');
    expect(modified?.args[0].input).toMatchObject({ MasterUserPassword: 'rotated', ApplyImmediately: true });
  });

  test('is told no throughput that RDS refuses on a small volume', async () => {
    const { rds, recovery } = await withRestorePoint();
    await recovery.beginInstance(RESTORED, POINT);

    const call = rds.mock.calls().find((made) => made.args[0].constructor.name.startsWith('Restore'));
    expect(call?.args[0].input).not.toHaveProperty('Iops');
    expect(call?.args[0].input).not.toHaveProperty('StorageThroughput');
  });

  test('carries no tags of AWS and stays disposable until it serves', async () => {
    const { rds, recovery } = await withRestorePoint();
    await recovery.beginInstance(RESTORED, POINT);
    await until('ready', () => recovery.inspectInstance(RESTORED));

    const restored = rds.instances.get(`godwit-${RESTORED}`);
    expect(restored?.TagList?.map(({ Key }) => Key)).toEqual(['team', 'godwit:database', 'godwit:settled']);
    expect(restored?.DeletionProtection).toBe(false);
  });

  test('is not ready before its last settings are applied', async () => {
    const { recovery } = await withRestorePoint();
    await recovery.beginInstance(RESTORED, POINT);

    expect(await until('ready', () => recovery.inspectInstance(RESTORED))).toEqual([
      'creating',
      'creating',
      'creating',
      'ready',
    ]);
  });

  test('is settled once more where the first attempt died half-way', async () => {
    const { rds, recovery } = await withRestorePoint();
    await recovery.beginInstance(RESTORED, POINT);
    await recovery.inspectInstance(RESTORED);
    await recovery.inspectInstance(RESTORED);
    const restored = rds.instances.get(`godwit-${RESTORED}`);
    Object.assign(restored ?? {}, {
      TagList: restored?.TagList?.filter(({ Key }) => Key !== 'godwit:settled'),
    });
    await until('ready', () => recovery.inspectInstance(RESTORED));

    expect(rds.changes.filter((name) => name === 'ModifyDBInstance')).toHaveLength(2);
  });

  test('begun twice is restored once', async () => {
    const { rds, recovery } = await withRestorePoint();
    await recovery.beginInstance(RESTORED, POINT);
    await recovery.beginInstance(RESTORED, POINT);

    expect(rds.changes.filter((name) => name.startsWith('Restore'))).toHaveLength(1);
  });

  test('begun while somebody else begins it joins theirs', async () => {
    const { rds, recovery } = await withRestorePoint();
    rds.looks = 5;
    await recovery.beginInstance(RESTORED, POINT);
    rds.hiddenOnce = `godwit-${RESTORED}`;

    expect((await recovery.beginInstance(RESTORED, POINT)).state).toBe('creating');
  });

  test('of a restore point that does not exist fails', async () => {
    const { recovery } = setUp();

    expect(await recovery.beginInstance(RESTORED, POINT)).toMatchObject({ state: 'failed' });
  });

  test('of a moment that is not archived yet fails rather than restores something else', async () => {
    const { recovery } = setUp();

    expect(await recovery.beginInstance(RESTORED, { kind: 'time', at: NOW.toISOString() })).toMatchObject({
      state: 'failed',
    });
  });

  test('of a moment in the archive is a point-in-time restore with the storage limit given at once', async () => {
    const { rds, recovery } = setUp();
    await recovery.beginInstance(RESTORED, { kind: 'time', at: '2026-03-01T11:00:00.000Z' });

    const call = rds.mock.calls().find((made) => made.args[0].constructor.name.includes('PointInTime'));
    expect(call?.args[0].input).toMatchObject({
      SourceDBInstanceIdentifier: SERVING,
      RestoreTime: new Date('2026-03-01T11:00:00.000Z'),
      MaxAllocatedStorage: 1000,
      MultiAZ: true,
    });
  });
});

test('a clone has neither standby nor backups, and no more is modified than its password', async () => {
  const { rds, recovery } = await withRestorePoint();
  await recovery.beginInstance(CLONE, POINT);
  await until('ready', () => recovery.inspectInstance(CLONE));

  expect(rds.instances.get(`godwit-${CLONE}`)).toMatchObject({ MultiAZ: false, BackupRetentionPeriod: 0 });
  expect(rds.instances.get(`godwit-${CLONE}`)?.PerformanceInsightsEnabled).toBe(false);
});

test('a ready instance is opened at its own endpoint', async () => {
  const { recovery, opened } = await withRestorePoint();
  await recovery.beginInstance(CLONE, POINT);
  await until('ready', () => recovery.inspectInstance(CLONE));
  await recovery.openInstance(CLONE);

  expect(opened).toEqual([`godwit-${CLONE}.example.eu-central-1.rds.amazonaws.com:5432`]);
});

describe('discarding', () => {
  test('removes a clone with its backups; an absent one is no error', async () => {
    const { rds, recovery } = await withRestorePoint();
    await recovery.beginInstance(CLONE, POINT);
    await until('ready', () => recovery.inspectInstance(CLONE));
    await recovery.discardInstance(CLONE);
    await until('absent', () => recovery.inspectInstance(CLONE));
    await recovery.discardInstance(CLONE);

    const deletions = rds.mock
      .calls()
      .filter((call) => call.args[0].constructor.name === 'DeleteDBInstanceCommand');
    expect(deletions.map((call) => call.args[0].input)).toEqual([
      { DBInstanceIdentifier: `godwit-${CLONE}`, SkipFinalSnapshot: true, DeleteAutomatedBackups: true },
    ]);
  });

  test('refuses what is kept, whatever it is asked', async () => {
    const { rds, recovery } = setUp();
    rds.addInstance(`godwit-kept-${RUN}`, { TagList: [{ Key: 'godwit:database', Value: SERVING }] });

    await expect(recovery.discardInstance(`kept-${RUN}`)).rejects.toThrow(NotDisposable);
    expect(rds.changes).toEqual([]);
  });

  test('refuses a clone that was made from another database', async () => {
    const { rds, recovery } = setUp();
    rds.addInstance(`godwit-${CLONE}`, { TagList: [{ Key: 'godwit:database', Value: 'another' }] });

    await expect(recovery.discardInstance(CLONE)).rejects.toThrow(NotDisposable);
    expect(rds.changes).toEqual([]);
  });

  test('refuses the restored instance half-way through a cut-over', async () => {
    const { rds, recovery } = setUp();
    rds.addInstance(`godwit-${RESTORED}`, { TagList: [{ Key: 'godwit:database', Value: SERVING }] });
    rds.instances.delete(SERVING);

    await expect(recovery.discardInstance(RESTORED)).rejects.toThrow(/cut-over is under way/);
    expect(rds.changes).toEqual([]);
  });
});

test('instances of this database are listed across pages by their names', async () => {
  const { rds, recovery } = setUp();
  const tags = { TagList: [{ Key: 'godwit:database', Value: SERVING }] };
  rds.addInstance('another-team');
  rds.addInstance('godwit-rehearsal-b', tags);
  rds.addInstance('godwit-rehearsal-a', tags);
  rds.addInstance('godwit-rehearsal-c');

  expect(await recovery.listInstances()).toEqual(['rehearsal-a', 'rehearsal-b']);
});

describe('failures', () => {
  test.each([
    ['AccessDenied', 403, AwsAccessDenied],
    ['AccessDeniedException', 400, AwsAccessDenied],
    ['InternalFailure', 500, AwsCallFailed],
    ['Throttling', 400, AwsCallFailed],
  ])('%s is never taken for an absent instance or restore point', async (name, status, expected) => {
    const { rds, recovery } = setUp();
    rds.mock.on(DescribeDBInstancesCommand).rejects(awsError(name, status));
    rds.mock.on(DescribeDBSnapshotsCommand).rejects(awsError(name, status));

    await expect(recovery.inspectInstance(CLONE)).rejects.toThrow(expected);
    await expect(recovery.inspectRestorePoint(POINT.name)).rejects.toThrow(expected);
    await expect(recovery.discardInstance(CLONE)).rejects.toThrow(expected);
  });

  test('a network that is down is worth another try', async () => {
    const { rds, recovery } = setUp();
    rds.mock.on(DescribeDBInstancesCommand).rejects(new Error('getaddrinfo ENOTFOUND rds'));

    await expect(recovery.inspectInstance(CLONE)).rejects.toThrow(AwsCallFailed);
  });

  test.each(['Upper', 'two--hyphens', 'ends-', 'x'.repeat(60), 'dot.ted'])('%s is no name', async (name) => {
    await expect(setUp().recovery.inspectInstance(name)).rejects.toThrow(RdsNameUnusable);
  });
});

test.each([
  ['available', 'ready'],
  ['storage-optimization', 'ready'],
  ['creating', 'creating'],
  ['backing-up', 'creating'],
  ['modifying', 'creating'],
  ['renaming', 'creating'],
  ['configuring-enhanced-monitoring', 'creating'],
  ['a-word-of-next-year', 'creating'],
  ['incompatible-restore', 'failed'],
  ['incompatible-parameters', 'failed'],
  ['inaccessible-encryption-credentials', 'failed'],
  ['storage-full', 'failed'],
  ['deleting', 'failed'],
  ['stopped', 'failed'],
] as const)('an instance that RDS calls %s is %s', (status, state) => {
  expect(instanceStateOf({ DBInstanceStatus: status }).state).toBe(state);
});

describe('archiving', () => {
  const health = async (fields: object) => {
    const { rds, recovery } = setUp();
    Object.assign(rds.instances.get(SERVING) ?? {}, fields);
    return (await recovery.archiving()).healthy;
  };

  test('is healthy while logs reach the archive', async () => expect(await health({})).toBe(true));
  test('is not where backups are off', async () =>
    expect(await health({ BackupRetentionPeriod: 0 })).toBe(false));
  test('is not where nothing is restorable yet', async () =>
    expect(await health({ LatestRestorableTime: undefined })).toBe(false));
  test('is not where logs are late', async () =>
    expect(await health({ LatestRestorableTime: new Date(NOW.getTime() - 11 * 60_000) })).toBe(false));
});
