import { DescribeDBInstancesCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { AwsAccessDenied, AwsCallFailed } from '../../lambda/adapters/aws/errors';
import { RdsNameUnusable } from '../../lambda/adapters/aws/rds-names';
import { instanceStateOf } from '../../lambda/adapters/aws/rds-status';
import { awsError, NOW } from '../support/aws-fake-rds';
import { CLONE, POINT, SERVING, setUp, withRestorePoint } from '../support/aws-recovery';

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
