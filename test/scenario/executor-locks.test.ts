import { type MigrateOutcome, migrate, type StatementEvent } from '../../lambda/migrate/executor';
import { acquireExecutorLock } from '../../lambda/migrate/executor-lock';
import { startLockWatch } from '../../lambda/migrate/lock-watch';
import type { Session } from '../../lambda/ports/database';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { connect, run, ledger, indexes, request } = wallet;

function failureOf(outcome: MigrateOutcome) {
  if (outcome.outcome !== 'failed') throw new Error(`expected a failure, not ${JSON.stringify(outcome)}`);
  return outcome.failed;
}

const ATOMIC = 'CREATE TABLE first (a int);\nALTER TABLE wallet ADD COLUMN a int;';
const INDEX = 'CREATE INDEX CONCURRENTLY wallet_address ON wallet (address);';

async function untilMigrationWaits(): Promise<void> {
  const sql =
    "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'godwit migrate%' AND wait_event_type = 'Lock'";
  while ((await run(sql)).rowCount === 0) await clock.sleep(20);
}

async function readInTransaction(applicationName = 'slow report'): Promise<Session> {
  const session = await connect(applicationName);
  await session.query('BEGIN');
  await session.query('SELECT * FROM wallet /* long */');
  return session;
}

describe('a lock that somebody else holds', () => {
  test('is tried for again until it is free, the whole transaction each time', async () => {
    const reader = await readInTransaction();
    const events: StatementEvent[] = [];
    const onEvent = (event: StatementEvent): void => {
      events.push(event);
      if (event.attempts === 2 && event.status === 'retrying') void reader.query('COMMIT');
    };
    const migrating = migrate(request(ATOMIC, { giveUpAfterMs: 30_000, onEvent }));
    const outcome = await migrating;
    expect(outcome).toMatchObject({ outcome: 'applied', statements: { length: 2 } });
    expect(outcome.statements[1]?.attempts).toBeGreaterThan(2);
    expect(outcome.statements[1]?.waitedMs).toBeGreaterThan(200);
    const retries = events.filter(({ status, statement }) => status === 'retrying' && statement === 2);
    expect(retries.map(({ message }) => message).join()).toContain('slow report');
    expect(await ledger()).toHaveLength(1);
  });

  test('is given up in time, and its holder named', async () => {
    const reader = await readInTransaction();
    const startedAt = Date.now();
    const failed = failureOf(await migrate(request(ATOMIC)));
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    expect(failed).toMatchObject({
      statement: 2,
      line: 2,
      sqlState: '55P03',
      atomic: true,
      statementsDone: 0,
    });
    for (const part of [
      `session ${reader.backendPid}`,
      'slow report',
      'idle in transaction',
      'SELECT * FROM wallet /* long */',
    ]) {
      expect(failed.message).toContain(part);
    }
    expect(await ledger()).toMatchObject([{ rolledBackAt: expect.any(Date), finishedAt: undefined }]);
    await expect(run('TABLE first')).rejects.toMatchObject({ sqlState: '42P01' });
  });

  test('is tried for again by a statement of a stepwise file', async () => {
    const reader = await readInTransaction();
    const onEvent = ({ status }: StatementEvent): void => {
      if (status === 'retrying') void reader.query('COMMIT');
    };
    const migrating = migrate(
      request(`ALTER TABLE wallet ADD COLUMN a int;\n${INDEX}`, { giveUpAfterMs: 30_000, onEvent }),
    );
    expect((await migrating).statements[0]?.attempts).toBeGreaterThan(1);
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
  });

  test('makes nobody wait for longer than the limit, and the watch tells for how long', async () => {
    await readInTransaction();
    const watch = await startLockWatch({ database: wallet.database });
    const migrating = migrate(request(ATOMIC, { maxBlockingMs: 1_000, giveUpAfterMs: 1_000 }));
    await untilMigrationWaits();
    const other = await connect();
    const askedAt = Date.now();
    await other.query('SELECT count(*) FROM wallet');
    const waitedMs = Date.now() - askedAt;
    await migrating;
    const { worstBlockingMs, worst } = await watch.stop();
    expect(waitedMs).toBeLessThan(1_500);
    expect(worstBlockingMs).toBeLessThanOrEqual(waitedMs);
    expect(worstBlockingMs).toBeGreaterThan(waitedMs / 2);
    expect(worst).toMatchObject({
      relation: 'wallet',
      query: 'SELECT count(*) FROM wallet',
      pid: other.backendPid,
    });
  });

  test('counts as blocking nobody where nobody waited', async () => {
    const watch = await startLockWatch({ database: wallet.database });
    await migrate(request(ATOMIC));
    expect(await watch.stop()).toEqual({ worstBlockingMs: 0, worst: undefined });
  });
});

describe('CREATE INDEX CONCURRENTLY', () => {
  test('waits for an old transaction longer than others may be blocked', async () => {
    const writer = await connect();
    await writer.query('BEGIN');
    await writer.query("INSERT INTO wallet VALUES (1, 'x')");
    const migrating = migrate(request(INDEX, { giveUpAfterMs: 10_000 }));
    await untilMigrationWaits();
    await clock.sleep(300);
    await writer.query('COMMIT');
    expect((await migrating).statements[0]).toMatchObject({ attempts: 1 });
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
  });

  test('leaves no invalid index of its own when it gives up', async () => {
    // An old snapshot that does not touch the table holds up the build, but not the removal.
    const old = await connect();
    await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await old.query('SELECT 1');
    const failed = failureOf(await migrate(request(INDEX)));
    expect(failed).toMatchObject({ sqlState: '55P03', statementsDone: 0 });
    expect(failed.message).not.toContain('INVALID');
    expect(await indexes()).toEqual([]);
  });

  test('names the invalid index that it could not remove, and removes it in a rerun', async () => {
    const writer = await connect();
    await writer.query('BEGIN');
    await writer.query("INSERT INTO wallet VALUES (1, 'x')");
    const failed = failureOf(await migrate(request(INDEX)));
    expect(failed).toMatchObject({
      sqlState: '55P03',
      message: expect.stringContaining('an INVALID index wallet_address remains'),
    });
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: false }]);
    await writer.query('COMMIT');
    expect(await migrate(request(INDEX))).toMatchObject({ outcome: 'applied' });
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
  });

  test.each([INDEX, INDEX.replace('CONCURRENTLY', 'CONCURRENTLY IF NOT EXISTS')])(
    'does not touch an invalid index that it did not make, nor take it for its own: %s',
    async (sql) => {
      await run("INSERT INTO wallet VALUES (1, 'x'), (2, 'x')");
      await run(INDEX.replace('INDEX', 'UNIQUE INDEX')).catch(() => undefined);
      const failed = failureOf(await migrate(request(sql)));
      expect(failed.message).toContain('an INVALID index wallet_address is in the way');
      expect(await indexes()).toEqual([{ name: 'wallet_address', valid: false }]);
      expect(failureOf(await migrate(request(sql))).message).toContain('is in the way');
    },
  );

  test('fails where the index is there already, and goes on failing', async () => {
    await run(INDEX);
    expect(failureOf(await migrate(request(INDEX)))).toMatchObject({ sqlState: '42P07' });
    expect(failureOf(await migrate(request(INDEX)))).toMatchObject({ sqlState: '42P07' });
  });
});

describe('DETACH PARTITION CONCURRENTLY', () => {
  test('that was given up half-way is completed by a rerun', async () => {
    await run(
      'CREATE TABLE log (a int) PARTITION BY LIST (a); CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1)',
    );
    const reader = await connect();
    await reader.query('BEGIN; SELECT * FROM log');
    const sql = 'ALTER TABLE log DETACH PARTITION log_1 CONCURRENTLY;\nDROP TABLE log_1;';
    const failed = failureOf(await migrate(request(sql)));
    expect(failed).toMatchObject({
      sqlState: '55P03',
      message: expect.stringContaining('pending detachment'),
    });
    await reader.query('COMMIT');
    expect(await migrate(request(sql))).toMatchObject({ outcome: 'applied' });
    await expect(run('TABLE log_1')).rejects.toMatchObject({ sqlState: '42P01' });
  });
});

describe('the executor lock', () => {
  test('keeps a second executor out and names who holds it', async () => {
    const other = await connect('prisma migrate');
    await acquireExecutorLock(other, { database: wallet.database, clock, waitMs: 0 });
    const attempt = migrate(request(ATOMIC, { executorLockWaitMs: 200 }));
    await expect(attempt).rejects.toMatchObject({
      name: 'AnotherExecutorHolds',
      message: expect.stringContaining('prisma migrate'),
      holder: { pid: other.backendPid, applicationName: 'prisma migrate' },
    });
    expect(await ledger()).toEqual([]);
  });

  test('is waited for without a snapshot that would hold up an index build', async () => {
    const holder = await connect('other executor');
    await acquireExecutorLock(holder, { database: wallet.database, clock, waitMs: 0 });
    const migrating = migrate(request(ATOMIC, { executorLockWaitMs: 10_000 }));
    await clock.sleep(150);
    await holder.query(INDEX);
    await holder.close();
    expect(await migrating).toMatchObject({ outcome: 'applied' });
  });

  test('of two executors lets one apply and the other find it done', async () => {
    const outcomes = await Promise.all([migrate(request(ATOMIC)), migrate(request(ATOMIC))]);
    expect(outcomes).toMatchObject([{ outcome: 'applied' }, { outcome: 'applied' }]);
    expect(outcomes.map(({ statements }) => statements.length).sort()).toEqual([0, 2]);
    expect(await ledger()).toHaveLength(1);
  });
});
