import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import {
  type MigrateOutcome,
  type MigrateRequest,
  migrate,
  type StatementEvent,
} from '../../lambda/migrate/executor';
import { readLedger } from '../../lambda/migrate/ledger';
import { ConnectionLost, type Database, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';

const server = useCluster({
  template: async (database) => {
    const session = await database.connect({ applicationName: 'test' });
    await session.query('CREATE TABLE wallet (id int PRIMARY KEY, visits int DEFAULT 0)');
    await session.query('INSERT INTO wallet SELECT n FROM generate_series(1, 100) n');
    await session.close();
  },
});
const clock = new SystemClock();

const migration = (name: string, statements: readonly string[]): Migration => {
  const sql = statements.join(';\n');
  return { name, sql, downSql: undefined, checksum: checksumOf(sql) };
};

const ATOMIC = migration('1_atomic', [
  'ALTER TABLE wallet ADD COLUMN a int',
  'UPDATE wallet SET visits = visits + 1',
]);
const STEPWISE = migration('2_stepwise', [
  "SET work_mem = '8MB'",
  'UPDATE wallet SET visits = visits + 10',
  'CREATE INDEX CONCURRENTLY wallet_visits ON wallet (visits)',
  'UPDATE wallet SET visits = visits + 100',
]);

const request = (database: Database, more: Partial<MigrateRequest> = {}): MigrateRequest => ({
  database,
  runId: 'run-1',
  migrations: [ATOMIC, STEPWISE],
  maxBlockingMs: 200,
  giveUpAfterMs: 10_000,
  clock,
  ...more,
});

const stateOf = (database: Database) =>
  withSession(database, { applicationName: 'test' }, async (session) => {
    const { rows: visits } = await session.query('SELECT DISTINCT visits FROM wallet');
    const { rows: journal } = await session.query('SELECT * FROM _godwit.statement');
    const ledger = (await readLedger(session)).filter(({ rolledBackAt }) => rolledBackAt === undefined);
    return {
      visits,
      journal,
      applied: ledger.map(({ name, finishedAt }) => [name, finishedAt !== undefined]),
    };
  });

const MIGRATED = {
  visits: [{ visits: 111 }],
  journal: [],
  applied: [
    ['1_atomic', true],
    ['2_stepwise', true],
  ],
};

/** A connection that breaks at the first matching statement; the next one works. */
function breakingAt(
  database: Database,
  matches: (sql: string) => boolean,
  reaches: 'server' | 'nobody',
): Database {
  let broken = false;
  return {
    address: database.address,
    connectionString: () => database.connectionString(),
    connect: async (options) => {
      const session = await database.connect(options);
      return {
        backendPid: session.backendPid,
        close: () => session.close(),
        query: async <Row>(sql: string, values?: readonly unknown[]) => {
          if (broken || !matches(sql)) return session.query<Row>(sql, values);
          broken = true;
          if (reaches === 'server') await session.query(sql, values);
          await session.close();
          throw new ConnectionLost(database.address, 'the cable was cut');
        },
      };
    },
  };
}

const afterUpdate = (): ((sql: string) => boolean) => {
  let updated = false;
  return (sql) => {
    updated ||= sql.startsWith('UPDATE wallet');
    return updated && sql.endsWith('COMMIT');
  };
};

describe('a connection that breaks', () => {
  const failureOf = (outcome: MigrateOutcome) => (outcome.outcome === 'failed' ? outcome.failed : outcome);

  test('in the COMMIT that arrived: the ledger tells that the file is applied', async () => {
    const database = await server.freshDatabase();
    const breaking = breakingAt(database, afterUpdate(), 'server');
    expect(await migrate(request(breaking))).toMatchObject({ outcome: 'applied' });
    expect(await stateOf(database)).toEqual(MIGRATED);
  });

  test('in the COMMIT that did not arrive: the ledger tells that nothing remained', async () => {
    const database = await server.freshDatabase();
    const breaking = breakingAt(database, afterUpdate(), 'nobody');
    const failed = failureOf(await migrate(request(breaking)));
    expect(failed).toMatchObject({
      migration: '1_atomic',
      atomic: true,
      message: expect.stringContaining('cable'),
    });
    expect(await migrate(request(database))).toMatchObject({ outcome: 'applied' });
    expect(await stateOf(database)).toEqual(MIGRATED);
  });

  test.each(['server', 'nobody'] as const)(
    'in the COMMIT of a step that reached %s: counted right, and gone on from',
    async (reaches) => {
      const database = await server.freshDatabase();
      await migrate(request(database, { migrations: [ATOMIC] }));
      const failed = failureOf(await migrate(request(breakingAt(database, afterUpdate(), reaches))));
      expect(failed).toMatchObject({
        migration: '2_stepwise',
        atomic: false,
        statementsDone: reaches === 'server' ? 2 : 1,
      });
      expect(await migrate(request(database))).toMatchObject({ outcome: 'applied' });
      expect(await stateOf(database)).toEqual(MIGRATED);
    },
  );

  test('because an administrator ended the session: nothing of an atomic file remains', async () => {
    const database = await server.freshDatabase();
    const slow = migration('1_slow', ['UPDATE wallet SET visits = 7', 'SELECT pg_sleep(30)']);
    const migrating = migrate(request(database, { migrations: [slow] }));
    await clock.sleep(400);
    await withSession(database, { applicationName: 'test' }, (session) =>
      session.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'godwit migrate%'",
      ),
    );
    expect(failureOf(await migrating)).toMatchObject({ statement: 2, sqlState: '57P01', atomic: true });
    expect(
      await withSession(database, { applicationName: 'test' }, (session) =>
        session.query('SELECT DISTINCT visits FROM wallet'),
      ),
    ).toMatchObject({ rows: [{ visits: 0 }] });
  });
});

describe('a session of the executor', () => {
  test('keeps a transaction open for seconds only while nothing comes from its process, in each file', async () => {
    const database = await server.freshDatabase();
    const idle = (name: string) =>
      migration(name, [
        `CREATE TABLE "${name}" AS SELECT current_setting('idle_in_transaction_session_timeout') AS idle`,
        'SELECT 1',
      ]);
    await migrate(request(database, { migrations: [idle('1'), idle('2')] }));
    const read = 'SELECT idle FROM "1" UNION ALL SELECT idle FROM "2"';
    const { rows } = await withSession(database, { applicationName: 'test' }, (session) =>
      session.query(read),
    );
    expect(rows).toEqual([{ idle: '5s' }, { idle: '5s' }]);
  });

  test('does not wait for ever for the ledger, and goes on later with what was done', async () => {
    const database = await server.freshDatabase();
    const human = await database.connect({ applicationName: 'human' });
    let locked: Promise<unknown> | undefined;
    const onEvent = ({ statement, status }: StatementEvent): void => {
      if (statement === 3 && status === 'finished') {
        locked ??= human.query('BEGIN; LOCK TABLE _prisma_migrations IN SHARE MODE');
      }
    };
    const limits = { giveUpAfterMs: 500, executorLockWaitMs: 500 };
    const stopped = migrate(request(database, { migrations: [STEPWISE], onEvent, ...limits }));
    await expect(stopped).rejects.toMatchObject({ sqlState: '55P03' });
    await locked;
    await human.close();
    await migrate(request(database, { migrations: [STEPWISE] }));
    expect(await stateOf(database)).toMatchObject({
      visits: [{ visits: 110 }],
      applied: [['2_stepwise', true]],
    });
  });
});
