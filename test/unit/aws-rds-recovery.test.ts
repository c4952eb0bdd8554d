import { NotDisposable } from '../../lambda/adapters/aws/rds-names';
import { NOW } from '../support/aws-fake-rds';
import {
  CLONE,
  POINT,
  RESTORED,
  RUN,
  SERVING,
  setUp,
  until,
  withRestorePoint,
} from '../support/aws-recovery';

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
