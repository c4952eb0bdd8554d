import { RdsCapacity } from '../../lambda/adapters/aws/rds-capacity';
import { CutOverRefused, RdsEndpoint } from '../../lambda/adapters/aws/rds-endpoint';
import type { Database, Session } from '../../lambda/ports/database';
import { DatabaseUnreachable } from '../../lambda/ports/database';
import { awsError, FakeRds, NOW } from '../support/aws-fake-rds';
import { MemoryStore } from '../support/aws-memory-store';

const SERVING = 'wedefidaily-prod';
const NEXT = 'godwit-restored-run-1';
const KEPT = 'godwit-kept-run-1';
const POLL_MS = 15_000;
/** Made ready by a restore. */
const READY = { DbiResourceId: 'new', TagList: [{ Key: 'godwit:settled', Value: NOW.toISOString() }] };

/** What the URL leads to: the fence belongs to the instance behind it. */
class FakeDatabase implements Database {
  readonly address = { host: 'h', port: 5432, database: 'wede"fi', user: 'godwit' };
  fenced = false;
  reachable = true;
  openSessions = 0;
  clients: readonly unknown[] = [{ pid: 7, role: 'app' }];
  readonly statements: string[] = [];

  async connectionString(): Promise<string> {
    return 'postgresql://h';
  }

  async connect(): Promise<Session> {
    if (!this.reachable) throw new DatabaseUnreachable(this.address, 'gone');
    this.openSessions += 1;
    return {
      backendPid: 1,
      query: async (sql: string) => {
        this.statements.push(sql.trim().split('\n')[0] ?? '');
        if (sql.includes('SET default_transaction_read_only = on')) this.fenced = true;
        if (sql.includes('RESET')) this.fenced = false;
        if (sql.includes('pg_ls_waldir'))
          return { rows: [{ bytes: String(30 * 2 ** 30) }] as never[], rowCount: 1 };
        if (sql.includes('pg_terminate_backend')) this.clients = [];
        if (sql.includes('pg_stat_activity')) return { rows: this.clients as never[], rowCount: 1 };
        return { rows: [], rowCount: sql.includes('pg_db_role_setting') && this.fenced ? 1 : 0 };
      },
      close: async () => {
        this.openSessions -= 1;
      },
    };
  }
}

function setUp() {
  const rds = new FakeRds();
  rds.addInstance(SERVING, { DeletionProtection: true, DbiResourceId: 'old' });
  const database = new FakeDatabase();
  const store = new MemoryStore();
  const endpoint = new RdsEndpoint({
    client: rds.client,
    instance: SERVING,
    database,
    store,
    clock: rds.time,
  });
  const cutOver = () => endpoint.cutOver('restored-run-1', 'kept-run-1');
  return { rds, database, store, endpoint, cutOver };
}

/** DNS follows: once the name belongs to the restored instance, the URL leads to one that is not fenced. */
async function untilPassed({ rds, database, cutOver }: ReturnType<typeof setUp>): Promise<void> {
  for (let calls = 1; calls < 100; calls += 1) {
    if ((await cutOver()) === 'passed') return;
    rds.time.advance(POLL_MS);
    if (rds.instances.get(SERVING)?.DbiResourceId === 'new') database.fenced = false;
  }
  throw new Error('never passed');
}

describe('the fence', () => {
  test('makes new transactions read-only and ends the sessions that began before it', async () => {
    const { endpoint, database } = setUp();
    await endpoint.fence('run run-1');

    const effective = database.statements.filter((sql) => /^(ALTER|SELECT pg_terminate)/.test(sql));
    expect(effective).toEqual([
      'ALTER DATABASE "wede""fi" SET default_transaction_read_only = on',
      'SELECT pg_terminate_backend($1)',
    ]);
    expect(await endpoint.inspect()).toEqual({
      state: 'fenced',
      since: NOW.toISOString(),
      reason: 'run run-1',
    });
  });

  test('raised twice keeps its first reason, and lowered twice is lowered', async () => {
    const { endpoint } = setUp();
    await endpoint.fence('first');
    await endpoint.fence('second');
    expect(await endpoint.inspect()).toMatchObject({ reason: 'first' });
    await endpoint.unfence();
    await endpoint.unfence();
    expect(await endpoint.inspect()).toEqual({ state: 'serving' });
  });

  test('that is raised anew has a new reason', async () => {
    const { endpoint } = setUp();
    await endpoint.fence('first');
    await endpoint.unfence();
    await endpoint.fence('second');
    expect(await endpoint.inspect()).toMatchObject({ reason: 'second' });
  });

  test('that somebody else raised is seen all the same', async () => {
    const { endpoint, database } = setUp();
    database.fenced = true;
    expect(await endpoint.inspect()).toEqual({ state: 'fenced', since: 'unknown', reason: 'unknown' });
  });

  test('leaves no session open', async () => {
    const { endpoint, database } = setUp();
    await endpoint.fence('x');
    await endpoint.unfence();
    expect(database.openSessions).toBe(0);
  });
});

describe('the cut-over', () => {
  const ready = () => {
    const all = setUp();
    all.rds.addInstance(NEXT, READY);
    all.database.fenced = true;
    return all;
  };

  test('swaps the names, protects the new instance and stops the old one', async () => {
    const all = ready();
    await untilPassed(all);

    expect([...all.rds.instances.keys()].sort()).toEqual([KEPT, SERVING].sort());
    expect(all.rds.instances.get(SERVING)).toMatchObject({ DbiResourceId: 'new', DeletionProtection: true });
    expect(all.rds.instances.get(KEPT)).toMatchObject({ DbiResourceId: 'old', DBInstanceStatus: 'stopped' });
    expect(all.rds.changes).toEqual([
      'ModifyDBInstance',
      'ModifyDBInstance',
      'ModifyDBInstance',
      'StopDBInstance',
    ]);
  });

  test('called again after it passed changes nothing', async () => {
    const all = ready();
    await untilPassed(all);
    const before = all.rds.changes.length;

    expect(await all.cutOver()).toBe('passed');
    expect(all.rds.changes).toHaveLength(before);
  });

  test('goes on where only the first rename was made', async () => {
    const all = setUp();
    all.rds.instances.clear();
    all.rds.addInstance(KEPT, { DbiResourceId: 'old', DeletionProtection: true });
    all.rds.addInstance(NEXT, READY);
    await untilPassed(all);

    expect(all.rds.instances.get(SERVING)?.DbiResourceId).toBe('new');
  });

  test('has not passed while the name still leads to the old instance, or to none', async () => {
    const all = ready();
    await untilPassed(all);

    all.database.fenced = true;
    expect(await all.cutOver()).toBe('waiting');
    all.database.fenced = false;
    all.database.reachable = false;
    expect(await all.cutOver()).toBe('waiting');
  });

  test('does not stop an old instance that has replicas', async () => {
    const all = ready();
    Object.assign(all.rds.instances.get(SERVING) ?? {}, { ReadReplicaDBInstanceIdentifiers: ['replica'] });
    await untilPassed(all);

    expect(all.rds.changes).not.toContain('StopDBInstance');
  });

  test('does not begin with an instance that is not usable', async () => {
    const all = ready();
    Object.assign(all.rds.instances.get(NEXT) ?? {}, { DBInstanceStatus: 'incompatible-parameters' });

    await expect(all.cutOver()).rejects.toThrow(CutOverRefused);
    expect(all.rds.changes).toEqual([]);
  });

  test.each([
    ['was never settled', { TagList: [] }, /was not made ready/],
    ['differs in a setting', { MultiAZ: true }, /is not ready: MultiAZ is to be false and is true/],
    ['has a change pending', { PendingModifiedValues: { Iops: 9 } }, /Iops is to be applied and is pending/],
    ['ran out of storage', { DBInstanceStatus: 'storage-full' }, /is storage-full/],
  ])('does not begin with an instance that %s', async (_, fields, reason) => {
    const all = ready();
    Object.assign(all.rds.instances.get(NEXT) ?? {}, fields);

    await expect(all.cutOver()).rejects.toThrow(reason);
    expect(all.rds.changes).toEqual([]);
  });

  test('waits for an instance that RDS is at work on', async () => {
    const all = ready();
    Object.assign(all.rds.instances.get(NEXT) ?? {}, { DBInstanceStatus: 'configuring-enhanced-monitoring' });

    expect(await all.cutOver()).toBe('waiting');
    expect(all.rds.changes).toEqual([]);
  });

  test('gives the name back to the old instance where the new one breaks half-way', async () => {
    const all = ready();
    await all.cutOver();
    all.rds.time.advance(100_000);
    expect([...all.rds.instances.keys()].sort()).toEqual([KEPT, NEXT].sort());
    Object.assign(all.rds.instances.get(NEXT) ?? {}, { DBInstanceStatus: 'failed' });
    await expect(untilPassed(all)).rejects.toThrow(/godwit-restored-run-1 is failed/);

    expect(all.rds.instances.get(SERVING)).toMatchObject({ DbiResourceId: 'old', DeletionProtection: true });
  });

  test('does not stop an old instance that is broken', async () => {
    const all = ready();
    for (let polls = 0; !all.rds.instances.has(KEPT) && polls < 20; polls += 1) {
      await all.cutOver();
      all.rds.time.advance(POLL_MS);
    }
    all.rds.time.advance(60_000);
    Object.assign(all.rds.instances.get(KEPT) ?? {}, { DBInstanceStatus: 'storage-full' });
    await untilPassed(all);

    expect(all.rds.changes).not.toContain('StopDBInstance');
  });

  test.each(['ModifyDBInstance', 'StopDBInstance'])(
    'asks again where RDS is too busy for %s',
    async (command) => {
      const all = ready();
      all.rds.refuseNext.set(command, awsError('InvalidDBInstanceStateFault'));
      await untilPassed(all);

      expect(all.rds.instances.get(SERVING)?.DbiResourceId).toBe('new');
      expect(all.rds.instances.get(KEPT)?.DBInstanceStatus).toBe('stopped');
    },
  );

  test('refuses where an instance of an earlier cut-over bears the name', async () => {
    const all = ready();
    all.rds.addInstance(KEPT);

    await expect(all.cutOver()).rejects.toThrow(CutOverRefused);
    expect(all.rds.changes).toEqual([]);
  });

  test('refuses where there is nothing to cut over to', async () => {
    await expect(setUp().cutOver()).rejects.toThrow(CutOverRefused);
  });

  test('is seen from outside while the names move', async () => {
    const all = ready();
    await all.cutOver();
    all.rds.time.advance(10_000);
    expect(await all.endpoint.inspect()).toEqual({ state: 'cutting-over', message: 'RDS reports renaming' });
    all.rds.time.advance(40_000);
    expect(await all.endpoint.inspect()).toEqual({
      state: 'cutting-over',
      message: `nothing is called ${SERVING}`,
    });
  });
});

test('free room is what was allocated less what Postgres holds', async () => {
  const { rds, database } = setUp();
  const capacity = new RdsCapacity({ client: rds.client, instance: SERVING, database });

  expect(await capacity.freeBytes()).toBe(70 * 2 ** 30);
});
