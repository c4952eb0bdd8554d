import { DescribeDBInstancesCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { AwsAccessDenied, AwsCallFailed, AwsRequestRefused } from '../../lambda/adapters/aws/errors';
import { RdsNameUnusable } from '../../lambda/adapters/aws/rds-names';
import { instanceStateOf } from '../../lambda/adapters/aws/rds-status';
import { awsError } from '../support/aws-fake-rds';
import {
  CLONE,
  POINT,
  POLL_MS,
  RESTORED,
  restored,
  restorePoint,
  SERVING,
  setUp,
  withRestorePoint,
} from '../support/aws-recovery';

describe('a restore point', () => {
  test('is absent, then creating, then ready at a moment after its snapshot', async () => {
    const { rds, recovery } = setUp();
    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({ state: 'absent' });
    expect(await recovery.beginRestorePoint(POINT.name)).toEqual({ state: 'creating' });
    rds.time.advance(60_000);
    expect(await recovery.inspectRestorePoint(POINT.name)).toMatchObject({
      state: 'creating',
      totalBytes: 400 * 2 ** 30,
    });
    rds.time.advance(200_700);
    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({ state: 'creating' });
    rds.time.advance(POLL_MS);
    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({
      state: 'ready',
      restorePoint: { name: POINT.name, at: '2026-03-01T12:04:20.000Z', lsn: undefined },
    });
  });

  test('keeps its moment, whenever it is looked at and listed', async () => {
    const all = await withRestorePoint();
    all.rds.time.advance(3_600_000);

    expect(await all.makeRecovery().inspectRestorePoint(POINT.name)).toMatchObject({
      restorePoint: all.point,
    });
    expect(await all.makeRecovery().beginRestorePoint(POINT.name)).toMatchObject({ restorePoint: all.point });
    expect(await all.makeRecovery().listRestorePoints()).toEqual([all.point]);
  });

  test('has no moment that is not after its snapshot', async () => {
    const { rds, recovery } = setUp();
    await recovery.beginRestorePoint(POINT.name);
    rds.time.advance(300_000);
    const snapshot = rds.snapshots.get(`godwit-${POINT.name}`);
    Object.assign(snapshot ?? {}, { SnapshotDatabaseTime: new Date(rds.time.now().getTime() + 5_000) });

    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({ state: 'creating' });
    rds.time.advance(4_000);
    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({ state: 'creating' });
    rds.time.advance(2_000);
    await recovery.inspectRestorePoint(POINT.name);
    expect(await recovery.inspectRestorePoint(POINT.name)).toMatchObject({
      restorePoint: { at: '2026-03-01T12:05:06.000Z' },
    });
  });

  test('begun twice is made once, shown yet or not', async () => {
    const { rds, recovery } = setUp();
    expect((await recovery.beginRestorePoint(POINT.name)).state).toBe('creating');
    expect((await recovery.beginRestorePoint(POINT.name)).state).toBe('creating');
    rds.time.advance(POLL_MS);
    expect((await recovery.beginRestorePoint(POINT.name)).state).toBe('creating');

    expect([...rds.snapshots.keys()]).toEqual([`godwit-${POINT.name}`]);
  });

  test('waits while the instance is busy, and begins at the next opportunity', async () => {
    const all = setUp();
    all.serving.DBInstanceStatus = 'backing-up';
    expect(await all.recovery.beginRestorePoint(POINT.name)).toEqual({ state: 'creating' });
    expect(await all.recovery.inspectRestorePoint(POINT.name)).toEqual({ state: 'absent' });
    all.serving.DBInstanceStatus = 'available';
    expect((await restorePoint(all)).name).toBe(POINT.name);
  });

  test('that RDS could not make has failed', async () => {
    const { rds, recovery } = await withRestorePoint();
    Object.assign(rds.snapshots.get(`godwit-${POINT.name}`) ?? {}, { Status: 'failed' });

    expect(await recovery.inspectRestorePoint(POINT.name)).toEqual({
      state: 'failed',
      reason: 'RDS reports failed',
    });
  });

  test('is listed newest first, across pages, and only if it is of this database and ready', async () => {
    const { rds, recovery } = setUp();
    const add = (id: string, day: number, database: string, moment = true): void => {
      const at = new Date(Date.UTC(2026, 0, day)).toISOString();
      rds.snapshots.set(id, {
        DBSnapshotIdentifier: id,
        Status: 'available',
        TagList: [
          { Key: 'godwit:database', Value: database },
          ...(moment ? [{ Key: 'godwit:restore-time', Value: at }] : []),
        ],
      });
    };
    add('godwit-before-a', 1, SERVING);
    add('godwit-before-b', 2, 'another');
    add('before-the-party', 3, SERVING);
    add('godwit-before-c', 4, SERVING);
    add('godwit-before-d', 5, SERVING, false);

    expect((await recovery.listRestorePoints()).map(({ name }) => name)).toEqual(['before-c', 'before-a']);
  });
});

describe('what RDS refuses', () => {
  const QUOTAS = [
    ['InstanceQuotaExceeded', /quota of RDS instances is used up: delete .+ Service Quotas/],
    ['StorageQuotaExceeded', /quota of RDS storage is used up: delete .+ Service Quotas/],
    ['InsufficientDBInstanceCapacity', /no instance of this class free .+ try again later/],
    ['DBInstanceAutomatedBackupQuotaExceeded', /automated backups is used up: delete/],
    ['KMSKeyNotAccessible', /KMS key of the database cannot be used/],
  ] as const;

  test.each(
    QUOTAS.flatMap(([code, reason]) =>
      (['RestoreDBInstanceToPointInTime', 'RestoreDBInstanceFromDBSnapshot'] as const).map(
        (command) => [command, code, reason] as const,
      ),
    ),
  )('of %s with %s is told with the way out', async (command, code, reason) => {
    const all = await withRestorePoint(command.includes('Snapshot') ? { waitForLogsMs: 0 } : {});
    if (!command.includes('Snapshot')) all.rds.time.advance(900_000);
    // The SDK appends a word to the name on the wire.
    all.rds.refuseNext.set(command, awsError(`${code}Fault`));

    expect(await all.recovery.beginInstance(CLONE, POINT)).toEqual({
      state: 'failed',
      reason: expect.stringMatching(reason),
    });
    expect(await all.recovery.listInstances()).toEqual([]);
  });

  test('for want of room in the account is what the stand-in refuses, too', async () => {
    const all = await withRestorePoint({ waitForLogsMs: 0 });
    all.rds.quota = { ...all.rds.quota, storageGib: 500 };
    expect(await all.recovery.beginInstance(CLONE, POINT)).toMatchObject({ state: 'failed' });
    all.rds.quota = { ...all.rds.quota, storageGib: 5_000, instances: 1 };
    expect(await all.recovery.beginInstance(CLONE, POINT)).toMatchObject({ state: 'failed' });
    all.rds.quota = { ...all.rds.quota, snapshots: 1 };
    expect(await all.recovery.beginRestorePoint('another')).toEqual({
      state: 'failed',
      reason: expect.stringMatching(/quota of manual snapshots is used up: delete old ones/),
    });
  });

  test('of a serving instance without storage left is told as that', async () => {
    const all = setUp();
    all.serving.DBInstanceStatus = 'storage-full';

    expect(await all.recovery.beginRestorePoint(POINT.name)).toEqual({
      state: 'failed',
      reason: `no snapshot can be taken of ${SERVING}: RDS reports storage-full. Raise its AllocatedStorage.`,
    });
  });

  test('of a restored instance that ran out of storage is told as that', async () => {
    const all = await withRestorePoint({ waitForLogsMs: 0 });
    await restored(all);
    Object.assign(all.rds.instances.get(`godwit-${RESTORED}`) ?? {}, {
      DBInstanceStatus: 'storage-full',
      StatusInfos: [{ Message: 'nothing left' }],
    });

    expect(await all.recovery.inspectInstance(RESTORED)).toEqual({
      state: 'failed',
      reason: 'RDS reports storage-full: nothing left. Raise its AllocatedStorage.',
    });
  });

  test('while it settles a restored instance is asked for again', async () => {
    const all = await withRestorePoint({ waitForLogsMs: 0 });
    all.rds.refuseNext.set('ModifyDBInstance', awsError('InvalidDBInstanceStateFault'));

    const { state, messages } = await restored(all);
    expect(state.state).toBe('ready');
    expect(messages).toContain('RDS is busy with it');
  });

  test('for a reason that nobody expects is an error, not an outcome', async () => {
    const all = await withRestorePoint({ waitForLogsMs: 0 });
    all.rds.refuseNext.set('RestoreDBInstanceFromDBSnapshot', awsError('InvalidParameterCombination'));

    await expect(all.recovery.beginInstance(CLONE, POINT)).rejects.toThrow(AwsRequestRefused);
  });

  test.each(['ThrottlingException', 'RequestLimitExceeded', 'TooManyRequestsException'])(
    'with %s is worth another try, whatever was asked',
    async (name) => {
      const all = await withRestorePoint({ waitForLogsMs: 0 });
      const throttle = (command: string) => all.rds.refuseNext.set(command, awsError(name));
      throttle('DescribeDBInstances');
      await expect(all.recovery.inspectInstance(CLONE)).rejects.toThrow(AwsCallFailed);
      throttle('CreateDBSnapshot');
      await expect(all.recovery.beginRestorePoint('another')).rejects.toThrow(AwsCallFailed);
      throttle('RestoreDBInstanceFromDBSnapshot');
      await expect(all.recovery.beginInstance(CLONE, POINT)).rejects.toThrow(AwsCallFailed);
      expect((await restored(all, { name: CLONE })).state.state).toBe('ready');
    },
  );
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
  test('is healthy while logs reach the archive', async () => {
    expect(await setUp().recovery.archiving()).toEqual({
      healthy: true,
      evidence: 'restorable up to 2026-03-01T11:55:00.000Z, 300 s ago; kept for 35 days',
    });
  });

  test('is not where backups are off', async () => {
    expect((await setUp({ serving: { BackupRetentionPeriod: 0 } }).recovery.archiving()).healthy).toBe(false);
  });

  test('is not where nothing is restorable yet', async () => {
    const { rds, recovery } = setUp({
      serving: { InstanceCreateTime: new Date('2026-03-01T11:59:00.000Z') },
    });
    expect((await recovery.archiving()).healthy).toBe(false);
    rds.time.advance(900_000);
    expect((await recovery.archiving()).healthy).toBe(true);
  });

  test('is not where logs are late', async () => {
    const { rds, recovery } = setUp();
    rds.stopLogs();
    rds.time.advance(299_000);
    expect((await recovery.archiving()).healthy).toBe(true);
    rds.time.advance(2_000);
    expect((await recovery.archiving()).healthy).toBe(false);
  });
});
