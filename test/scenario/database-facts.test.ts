/** What only a database knows: the size of its tables, how fast they are read, who uses them. */
import { readDatabaseFacts } from '../../lambda/checks/database-facts';
import { measureScan } from '../../lambda/checks/scan-speed';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';

const server = useCluster({
  template: (database) =>
    withSession(database, { applicationName: 'godwit-test' }, async (session) => {
      await session.query('CREATE TABLE small (id int)');
      await session.query('INSERT INTO small SELECT generate_series(1, 100)');
      await session.query('CREATE TABLE "Large" (id int, "usdValue" text)');
      await session.query(
        `INSERT INTO "Large" SELECT n, repeat('x', 200) FROM generate_series(1, 20000) AS n`,
      );
      await session.query('CREATE TABLE parted (id int) PARTITION BY RANGE (id)');
      await session.query('CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000)');
      await session.query('CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (1000) TO (2000)');
      await session.query('INSERT INTO parted SELECT generate_series(500, 1499)');
      await session.query('ANALYZE');
    }),
});

const named = (name: string) => ({ schema: 'public', name });

const reading = { applicationName: 'godwit-test', readOnly: true };

const factsOf = (database: Database) => withSession(database, reading, readDatabaseFacts);

const withLock = (database: Database, work: () => Promise<void>): Promise<void> =>
  withSession(database, { applicationName: 'godwit-test' }, async (session) => {
    await session.query('BEGIN');
    await session.query('LOCK TABLE "Large" IN ACCESS EXCLUSIVE MODE');
    await work();
    await session.query('ROLLBACK');
  });

test('tables are as large as they are, and a partitioned one as its partitions together', async () => {
  const database = await server.freshDatabase();
  const { sizeOf, serverVersion } = await factsOf(database);
  expect(sizeOf(named('small'))).toEqual({ rows: 100, bytes: 8192 });
  expect(sizeOf(named('parted'))).toEqual({ rows: 1000, bytes: 2 * 24_576 });
  expect(sizeOf(named('Large'))?.rows).toBe(20_000);
  expect(sizeOf(named('large'))).toBeUndefined();
  expect(serverVersion).toBeGreaterThanOrEqual(130_000);
});

test('rows are reckoned from the size of now, not from that of the last ANALYZE', async () => {
  const database = await server.freshDatabase();
  await withSession(database, { applicationName: 'godwit-test' }, (session) =>
    session.query('INSERT INTO "Large" SELECT * FROM "Large"'),
  );
  const rows = (await factsOf(database)).sizeOf(named('Large'))?.rows ?? 0;
  expect(rows / 40_000).toBeCloseTo(1, 1);
});

test('the speed of a scan is measured where there is enough to read, within its budget', async () => {
  const database = await server.freshDatabase();
  expect((await factsOf(database)).bytesPerSecond).toBeGreaterThan(0);
  await withSession(database, reading, async (session) => {
    const bytes = 4_000_000;
    const queries: string[] = [];
    const counting: Session = {
      backendPid: session.backendPid,
      query: (sql, values) => {
        queries.push(sql);
        return session.query(sql, values);
      },
      close: () => session.close(),
    };
    await measureScan(counting, { ...named('Large'), bytes }, { ms: 60_000, bytes: 2 ** 20 });
    expect(queries.filter((sql) => sql.includes('count(*)'))).toHaveLength(1);
    expect(await measureScan(session, { ...named('small'), bytes: 8192 })).toBeUndefined();
  });
});

test('nobody who holds a table exclusively is waited for', async () => {
  const database = await server.freshDatabase();
  await withLock(database, async () => {
    const { sizeOf, bytesPerSecond } = await factsOf(database);
    expect(sizeOf(named('Large'))?.rows).toBe(20_000);
    expect(bytesPerSecond).toBeUndefined();
  });
});

describe('uses', () => {
  test('are not known where pg_stat_statements is not there, or was never loaded', async () => {
    const database = await server.freshDatabase();
    expect((await factsOf(database)).lastUse(named('Large'))).toBeUndefined();
    await withSession(database, { applicationName: 'godwit-test' }, (session) =>
      session.query('CREATE EXTENSION pg_stat_statements'),
    );
    expect((await factsOf(database)).lastUse(named('Large'))).toBeUndefined();
  });

  test('of a table and of a column are told by the statement that made most of them', async () => {
    const database = await server.freshDatabase();
    await withSession(database, { applicationName: 'godwit-test' }, (session) =>
      session.query("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'"),
    );
    await server.cluster.stop();
    await server.cluster.ensureStarted();
    await withSession(database, { applicationName: 'godwit-test' }, async (session) => {
      await session.query('CREATE EXTENSION pg_stat_statements');
      await session.query('SELECT pg_stat_statements_reset()');
      for (let call = 0; call < 3; call += 1) await session.query('SELECT "usdValue" FROM "Large" LIMIT 1');
      await session.query("SELECT count(*), 'usdvalue' FROM small");
      await session.query('SELECT * FROM part_1');
      await session.query('ALTER TABLE "Large" ADD COLUMN later int');
    });
    await factsOf(database);
    const { lastUse } = await factsOf(database);
    expect(lastUse(named('Large'), 'usdValue')).toBe('SELECT "usdValue" FROM "Large" LIMIT $1 (3 calls)');
    expect(lastUse(named('Large'), 'later')).toBeUndefined();
    expect(lastUse(named('small'), 'usdvalue')).toBeUndefined();
    expect(lastUse(named('part_1'), 'id')).toContain('(1 call)');
    expect(lastUse(named('large'))).toBeUndefined();
  });
});
