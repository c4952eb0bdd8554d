import { migrate, type StatementEvent } from '../../lambda/migrate/executor';
import { acquireExecutorLock } from '../../lambda/migrate/executor-lock';
import { ensureLedger, newLedgerId, startMigration } from '../../lambda/migrate/ledger';
import { ensureJournal, recordStarted, WHOLE_FILE } from '../../lambda/migrate/statement-journal';
import { clock, failureOf, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { connect, run, ledger, indexes, request, untilMigrationWaits } = wallet;

const ATOMIC = 'CREATE TABLE first (a int);\nALTER TABLE wallet ADD COLUMN a int;';
const INDEX = 'CREATE INDEX CONCURRENTLY wallet_address ON wallet (address);';

describe('CREATE INDEX CONCURRENTLY', () => {
  test('waits for an old transaction longer than others may be blocked', async () => {
    const writer = await connect();
    await writer.query('BEGIN');
    await writer.query("INSERT INTO wallet VALUES (1, 'x')");
    const migrating = migrate(request(INDEX, { giveUpAfterMs: 10_000 }));
    await clock.sleep(700);
    await writer.query('COMMIT');
    expect((await migrating).statements[0]).toMatchObject({ attempts: 1 });
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
  });

  test('does not begin while a transaction is open that was old already', async () => {
    const old = await connect('old report');
    await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    await clock.sleep(1_100);
    const events: StatementEvent[] = [];
    const failed = failureOf(await migrate(request(INDEX, { onEvent: (event) => events.push(event) })));
    expect(failed).toMatchObject({ sqlState: '55P03', statementsDone: 0 });
    expect(failed.message).toContain('old report');
    expect(events.map(({ status }) => status)).not.toContain('started');
    expect(await indexes()).toEqual([]);
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

describe('a CREATE INDEX CONCURRENTLY that was begun and left nothing', () => {
  const SQL = 'CREATE INDEX CONCURRENTLY mine ON wallet (address)';
  const OID = `SELECT 'mine'::regclass::oid AS oid`;

  const begun = async () => {
    const begin = request(SQL, { maxBlockingMs: 200, giveUpAfterMs: 20_000 });
    const session = await connect();
    await ensureJournal(session);
    const ledger = await ensureLedger(session);
    for (const migration of begin.migrations) {
      const key = { migration: migration.name, checksum: migration.checksum, direction: 'up' } as const;
      await startMigration(session, ledger, migration, newLedgerId('run-1'));
      await recordStarted(session, key, { ordinal: WHOLE_FILE, runId: 'run-1' });
      await recordStarted(session, key, { ordinal: 1, runId: 'run-1' }, { indexes: [] });
    }
    return begin;
  };

  test('leaves to somebody else what that one is building by hand meanwhile', async () => {
    const rerun = await begun();
    const writer = await connect();
    await writer.query('BEGIN; LOCK TABLE wallet IN ROW EXCLUSIVE MODE');
    const byHand = (await connect('by hand')).query(SQL);
    while ((await indexes()).length === 0) await clock.sleep(20);
    const { rows: theirs } = await run(OID);
    const migrating = migrate(rerun);
    await untilMigrationWaits();
    // Who waits with a snapshot now would be waited for by the build; a second later, that is the one to find the deadlock.
    await clock.sleep(1_200);
    await writer.query('COMMIT');
    await byHand;
    expect(await migrating).toMatchObject({ outcome: 'applied' });
    expect((await run(OID)).rows).toEqual(theirs);
    expect(await indexes()).toEqual([{ name: 'mine', valid: true }]);
  });

  test('is not taken for done where its name was given to another index meanwhile', async () => {
    const rerun = await begun();
    await run('CREATE INDEX mine ON wallet (id)');
    expect(failureOf(await migrate(rerun))).toMatchObject({ sqlState: '42P07' });
  });
});

describe('DETACH PARTITION CONCURRENTLY', () => {
  test('that was given up half-way is completed by a rerun', async () => {
    await run(
      'CREATE TABLE log (a int) PARTITION BY LIST (a); CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1)',
    );
    const reader = await connect();
    await reader.query('BEGIN; LOCK TABLE ONLY log IN ACCESS SHARE MODE');
    const sql = 'ALTER TABLE log DETACH PARTITION log_1 CONCURRENTLY;\nDROP TABLE log_1;';
    const migrating = migrate(request(sql));
    await untilMigrationWaits();
    const late = await connect();
    await late.query('BEGIN; SELECT * FROM log_1');
    expect(failureOf(await migrating)).toMatchObject({
      sqlState: '55P03',
      message: expect.stringContaining('pending detachment'),
    });
    await Promise.all([reader.query('COMMIT'), late.query('COMMIT')]);
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
