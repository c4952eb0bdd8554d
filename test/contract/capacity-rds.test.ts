import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { AwsAnswerUnusable } from '../../lambda/adapters/aws/errors';
import { RdsCapacity } from '../../lambda/adapters/aws/rds-capacity';
import { type Database, withSession } from '../../lambda/ports/database';
import { awsError, FakeRds } from '../support/aws-fake-rds';
import { useCluster } from '../support/cluster';
import { describeCapacityContract } from './capacity.contract';

const SERVING = 'wedefidaily-prod';
const GIBIBYTE = 2 ** 30;

/** What is in use is asked of a real server: its answer is half of what this adapter tells. */
const on = useCluster();

describeCapacityContract('RdsCapacity', async () => {
  const rds = new FakeRds();
  const instance = rds.addInstance(SERVING, { AllocatedStorage: 20 });
  const database = await on.freshDatabase();
  return {
    capacity: new RdsCapacity({ client: rds.client, instance: SERVING, database }),
    totalBytes: 20 * GIBIBYTE,
    fill: (bytes) => store(database, bytes),
    overfill: async () => {
      instance.AllocatedStorage = 0;
    },
    blind: async () => {
      rds.instances.delete(SERVING);
    },
  };
});

describe('RdsCapacity', () => {
  const setUp = async () => {
    const rds = new FakeRds();
    const instance = rds.addInstance(SERVING, { AllocatedStorage: 20 });
    const database = await on.freshDatabase();
    return { rds, instance, database, options: { client: rds.client, instance: SERVING, database } };
  };

  it('counts what other databases of the instance hold', async () => {
    const { options } = await setUp();
    const neighbour = await on.freshDatabase();
    const capacity = new RdsCapacity(options);
    const before = await capacity.freeBytes();
    await store(neighbour, 4_000_000);
    expect(before - (await capacity.freeBytes())).toBeGreaterThanOrEqual(4_000_000);
  });

  it('fails where RDS does not tell how large the instance is', async () => {
    const { instance, options } = await setUp();
    delete instance.AllocatedStorage;
    await expect(new RdsCapacity(options).freeBytes()).rejects.toThrow(AwsAnswerUnusable);
  });

  it('fails by name where RDS may not be asked or the database does not answer', async () => {
    const { rds, database, options } = await setUp();
    const gone: Database = {
      ...database,
      connect: () => Promise.reject(Object.assign(new Error('gone'), { name: 'DatabaseUnreachable' })),
    };
    await expect(new RdsCapacity({ ...options, database: gone }).freeBytes()).rejects.toMatchObject({
      name: 'DatabaseUnreachable',
    });
    rds.mock.on(DescribeDBInstancesCommand).rejects(awsError('AccessDenied', 403));
    await expect(new RdsCapacity(options).freeBytes()).rejects.toMatchObject({ name: 'AwsAccessDenied' });
  });
});

/** Unlogged: WAL counts, too, and grows by whole segments. */
async function store(database: Database, bytes: number): Promise<void> {
  await withSession(database, { applicationName: 'godwit-test' }, (session) =>
    session.query(
      `CREATE UNLOGGED TABLE filling AS SELECT repeat('x', 1000) AS text FROM generate_series(1, ${Math.ceil(bytes / 1000)})`,
    ),
  );
}
