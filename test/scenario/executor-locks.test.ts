import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { migrate, type StatementEvent } from '../../lambda/migrate/executor';
import { startLockWatch } from '../../lambda/migrate/watch/lock-watch';
import type { Database } from '../../lambda/ports/database';
import { clock, failureOf, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { connect, run, ledger, indexes, request, readInTransaction, untilMigrationWaits } = wallet;

const ATOMIC = 'CREATE TABLE first (a int);\nALTER TABLE wallet ADD COLUMN a int;';

/** Opens transactions that overlap, so that there is never a moment at which nobody holds the table. */
function rotate(lastsMs: number): { stop(): Promise<void> } {
  let isStopped = false;
  const one = async (name: string, offsetMs: number): Promise<void> => {
    const session = await connect(name);
    await clock.sleep(offsetMs);
    while (!isStopped) {
      await session.query('BEGIN; SELECT count(*) FROM wallet');
      await clock.sleep(lastsMs);
      await session.query('COMMIT');
    }
  };
  const both = Promise.all([one('first clerk', 0), one('second clerk', lastsMs / 2)]);
  return {
    stop: async () => {
      isStopped = true;
      await both;
    },
  };
}

/** The look cannot know what it does: it goes and asks. */
const IN_A_BLOCK = 'DO $$ BEGIN ALTER TABLE wallet ADD COLUMN a int; END $$;';

describe('a lock that somebody else holds', () => {
  test('in one old transaction is not queued for: others go on, and it is taken as soon as it is free', async () => {
    const reader = await readInTransaction();
    const other = await connect();
    const answers: unknown[] = [];
    const onEvent = ({ status, message }: StatementEvent): void => {
      if (status !== 'waiting') return;
      expect(message).toContain('slow report');
      const asked = other.query('SELECT count(*) FROM wallet').then((answer) => answers.push(answer));
      void asked.then(() => clock.sleep(300)).then(() => reader.query('COMMIT'));
    };
    const outcome = await migrate(request(ATOMIC, { giveUpAfterMs: 30_000, onEvent }));
    expect(outcome).toMatchObject({ outcome: 'applied', statements: { length: 2 } });
    expect(outcome.statements[1]?.attempts).toBe(1);
    expect(outcome.statements[1]?.waitedMs).toBeGreaterThan(250);
    expect(answers).toHaveLength(1);
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
      'wallet was never free for AccessExclusiveLock',
      `session ${reader.backendPid}`,
      'slow report',
      'idle in transaction',
      'SELECT * FROM wallet /* long */',
      `pg_terminate_backend(${reader.backendPid})`,
    ]) {
      expect(failed.message).toContain(part);
    }
    expect(await ledger()).toMatchObject([{ rolledBackAt: expect.any(Date), finishedAt: undefined }]);
    await expect(run('TABLE first')).rejects.toMatchObject({ sqlState: '42P01' });
  });

  test('is waited for by a statement of a stepwise file', async () => {
    const reader = await readInTransaction();
    const onEvent = ({ status }: StatementEvent): void => {
      if (status === 'waiting') void reader.query('COMMIT');
    };
    const migrating = migrate(
      request(
        `ALTER TABLE wallet ADD COLUMN a int;\nCREATE INDEX CONCURRENTLY wallet_address ON wallet (address);`,
        { giveUpAfterMs: 30_000, onEvent },
      ),
    );
    expect((await migrating).statements[0]?.waitedMs).toBeGreaterThan(0);
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
  });

  test('in turns, by transactions that overlap, is taken between two of them within the budget', async () => {
    const holders = rotate(300);
    const watch = await startLockWatch({ database: wallet.database });
    const outcome = await migrate(request(ATOMIC, { maxBlockingMs: 250, giveUpAfterMs: 10_000 }));
    await holders.stop();
    expect(outcome).toMatchObject({ outcome: 'applied' });
    expect((await watch.stop()).worstBlockingMs).toBeLessThanOrEqual(250);
  });

  test('in turns, for longer than the budget allows, is given up; they are named, and the budget that would do', async () => {
    const holders = rotate(300);
    const failed = failureOf(await migrate(request(ATOMIC, { giveUpAfterMs: 2_500 })));
    await holders.stop();
    expect(failed).toMatchObject({ sqlState: '55P03', atomic: true });
    expect(failed.message).toContain('first clerk');
    const budget = Number(failed.message.match(/--max-blocking (\d+)/)?.[1]);
    expect(budget).toBeGreaterThanOrEqual(200);
    expect(budget).toBeLessThanOrEqual(400);
    await expect(run('TABLE first')).rejects.toMatchObject({ sqlState: '42P01' });
  });

  test('that could not be foreseen is asked for again and again, each time briefly', async () => {
    const reader = await readInTransaction();
    const events: StatementEvent[] = [];
    const onEvent = (event: StatementEvent): void => {
      events.push(event);
      if (event.attempts === 2 && event.status === 'retrying') void reader.query('COMMIT');
    };
    const outcome = await migrate(request(IN_A_BLOCK, { giveUpAfterMs: 30_000, onEvent }));
    expect(outcome).toMatchObject({ outcome: 'applied', statements: { length: 1 } });
    expect(outcome.statements[0]?.attempts).toBeGreaterThan(2);
    expect(events.map(({ message }) => message).join()).toContain('slow report');
  });

  test('makes nobody wait for longer than the limit, and the watch tells for how long', async () => {
    await readInTransaction();
    const watch = await startLockWatch({ database: wallet.database });
    const migrating = migrate(request(IN_A_BLOCK, { maxBlockingMs: 1_000, giveUpAfterMs: 1_000 }));
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
    expect(await watch.stop()).toMatchObject({ worstBlockingMs: 0, worst: undefined });
  });
});

/** Logs in as a role of its own with no more rights than are needed. */
async function as(user: string, rights: string): Promise<Database> {
  await run(
    `DO $$ BEGIN CREATE ROLE ${user} LOGIN PASSWORD 'x'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  );
  await run(`GRANT ALL ON SCHEMA public TO ${user}; ${rights}`);
  return new PgDatabase({ ...wallet.database.address, user, password: 'x' });
}

describe('a lock that is asked for beforehand', () => {
  test('is for a view that of the view alone, and not of the tables under it', async () => {
    await run('CREATE VIEW addresses AS SELECT address FROM wallet');
    await readInTransaction();
    expect(await migrate(request('DROP VIEW addresses'))).toMatchObject({ outcome: 'applied' });
  });

  test('is no hindrance to the owner of a view who may only read the tables under it', async () => {
    const database = await as(
      'view_owner',
      `GRANT SELECT ON wallet TO view_owner;
       CREATE VIEW addresses AS SELECT address FROM wallet; ALTER VIEW addresses OWNER TO view_owner`,
    );
    await connect();
    const sql = 'CREATE OR REPLACE VIEW addresses AS SELECT address, id FROM wallet;';
    expect(await migrate(request(sql, { database }))).toMatchObject({ outcome: 'applied' });
  });

  test('is for hundreds of partitions asked for in few messages, since the first are held meanwhile', async () => {
    await run('CREATE TABLE day (d int) PARTITION BY LIST (d)');
    await run(`DO $$ BEGIN FOR d IN 1..100 LOOP
      EXECUTE format('CREATE TABLE day_%s PARTITION OF day FOR VALUES IN (%s)', d, d); END LOOP; END $$`);
    await connect();
    const asked: string[] = [];
    const database: Database = {
      address: wallet.database.address,
      connectionString: () => wallet.database.connectionString(),
      connect: async (options) => {
        const session = await wallet.database.connect(options);
        return {
          backendPid: session.backendPid,
          close: () => session.close(),
          query: (sql, values) => {
            if (sql.includes('LOCK TABLE')) asked.push(sql);
            return session.query(sql, values);
          },
        };
      },
    };
    const outcome = await migrate(
      request('ALTER TABLE day ADD COLUMN a int', { database, maxBlockingMs: 2_000, giveUpAfterMs: 10_000 }),
    );
    expect(outcome).toMatchObject({ outcome: 'applied' });
    expect(asked.length).toBeLessThanOrEqual(10);
    expect(asked.join().match(/ONLY/g)).toHaveLength(101);
  });
});

test('A table whose schema was renamed earlier in the file is left to its statement to lock', async () => {
  await connect('somebody');
  await run('CREATE SCHEMA s; CREATE TABLE s.t (a int)');
  const sql = 'ALTER SCHEMA s RENAME TO r;\nDROP TABLE IF EXISTS s.t;\nALTER TABLE r.t ADD COLUMN b int;';
  expect(await migrate(request(sql))).toMatchObject({ outcome: 'applied' });
});

describe('a session that sits idle in a transaction', () => {
  test('is waited for and named where the policy would end it, and the role may not', async () => {
    const database = await as(
      'table_owner',
      'GRANT pg_monitor TO table_owner; ALTER TABLE wallet OWNER TO table_owner',
    );
    const reader = await readInTransaction();
    const failed = failureOf(
      await migrate(request('ALTER TABLE wallet ADD COLUMN a int', { database, terminateIdleAfterMs: 100 })),
    );
    expect(failed.message).toContain(`session ${reader.backendPid}`);
    expect((await reader.query('SELECT 1')).rowCount).toBe(1);
  });

  test('is ended where the policy says so, and not before its time', async () => {
    const reader = await readInTransaction();
    const events: StatementEvent[] = [];
    const startedAt = Date.now();
    const outcome = await migrate(
      request(ATOMIC, {
        giveUpAfterMs: 10_000,
        terminateIdleAfterMs: 700,
        onEvent: (event) => events.push(event),
      }),
    );
    expect(outcome).toMatchObject({ outcome: 'applied' });
    expect(Date.now() - startedAt).toBeGreaterThan(600);
    expect(events.map(({ message }) => message).join()).toContain(`Ended a session`);
    await expect(reader.query('SELECT 1')).rejects.toMatchObject({ name: 'ConnectionLost' });
  });

  test('is left alone while it works', async () => {
    const worker = await connect('long query');
    await worker.query('BEGIN; SELECT count(*) FROM wallet');
    const working = worker.query('SELECT pg_sleep(1)');
    const failed = failureOf(await migrate(request(ATOMIC, { terminateIdleAfterMs: 1 })));
    expect(failed.message).toContain('long query');
    await working;
    await worker.query('COMMIT');
  });
});

describe('a statement that holds its lock for too long', () => {
  const SLOW = 'ALTER TABLE wallet ADD COLUMN a int;\nSELECT pg_sleep(20);';

  test('is stopped before somebody has waited for longer than the budget, and tells who', async () => {
    const other = await connect('web');
    const migrating = migrate(request(SLOW, { maxBlockingMs: 300, giveUpAfterMs: 5_000 }));
    const sleeps =
      "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'godwit migrate%' AND wait_event = 'PgSleep'";
    while ((await run(sleeps)).rowCount === 0) await clock.sleep(20);
    const askedAt = Date.now();
    await other.query('SELECT count(*) FROM wallet');
    expect(Date.now() - askedAt).toBeLessThan(1_500);
    const failed = failureOf(await migrating);
    expect(failed).toMatchObject({ statement: 2, atomic: true, statementsDone: 0 });
    expect(failed.message).toContain(`session ${other.backendPid}`);
    expect(failed.message).toContain('the budget is 300 ms');
  });
});
