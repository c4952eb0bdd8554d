import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import {
  type MigrateOutcome,
  type MigrateRequest,
  migrate,
  runDown,
  type StatementEvent,
} from '../../lambda/migrate/executor';
import { type LedgerRow, readLedger } from '../../lambda/migrate/ledger';
import { type Database, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';

const server = useCluster();
const clock = new SystemClock();

let database: Database;
beforeEach(async () => {
  database = await server.freshDatabase();
  await run('CREATE TABLE wallet (id int PRIMARY KEY, address text)');
});

const options = { applicationName: 'test' };
const run = (sql: string) => withSession(database, options, (session) => session.query(sql));
const rows = async <Row>(sql: string) =>
  (await withSession(database, options, (session) => session.query<Row>(sql))).rows;
const ledger = (): Promise<LedgerRow[]> => withSession(database, options, (session) => readLedger(session));

function migration(name: string, sql: string, downSql?: string): Migration {
  return { name, sql, downSql, checksum: checksumOf(sql) };
}

function request(migrations: readonly Migration[], more: Partial<MigrateRequest> = {}): MigrateRequest {
  return { database, runId: 'run-1', migrations, maxBlockingMs: 100, giveUpAfterMs: 600, clock, ...more };
}

const failureOf = (outcome: MigrateOutcome) => {
  if (outcome.outcome !== 'failed') throw new Error(`expected a failure, not ${JSON.stringify(outcome)}`);
  return outcome.failed;
};

const columns = async () =>
  (
    await rows<{ name: string }>(
      "SELECT attname AS name FROM pg_attribute WHERE attrelid = 'wallet'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    )
  ).map(({ name }) => name);

const indexes = async () =>
  rows<{ name: string; valid: boolean }>(
    "SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'wallet'::regclass AND NOT i.indisprimary ORDER BY 1",
  );

const ATOMIC = migration(
  '1_atomic',
  'ALTER TABLE wallet ADD COLUMN a int;\nALTER TABLE wallet ADD COLUMN b int;',
);
const STEPWISE = migration(
  '2_stepwise',
  'ALTER TABLE wallet ADD COLUMN c int;\nCREATE INDEX CONCURRENTLY wallet_address ON wallet (address);\nALTER TABLE wallet ADD COLUMN d int;',
  'DROP INDEX CONCURRENTLY wallet_address;\nALTER TABLE wallet DROP COLUMN c, DROP COLUMN d;',
);

describe('a run of the executor', () => {
  test('applies an atomic and a stepwise migration and leaves a ledger as Prisma writes it', async () => {
    const outcome = await migrate(request([ATOMIC, STEPWISE]));
    expect(outcome).toMatchObject({ outcome: 'applied', applied: ['1_atomic', '2_stepwise'] });
    expect(outcome.statements.map(({ statement, line }) => [statement, line])).toEqual([
      [1, 1],
      [2, 2],
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(await columns()).toEqual(['id', 'address', 'a', 'b', 'c', 'd']);
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
    expect(await ledger()).toMatchObject([
      {
        name: '1_atomic',
        checksum: ATOMIC.checksum,
        appliedSteps: 1,
        logs: undefined,
        rolledBackAt: undefined,
      },
      {
        name: '2_stepwise',
        checksum: STEPWISE.checksum,
        appliedSteps: 1,
        logs: undefined,
        rolledBackAt: undefined,
      },
    ]);
    expect(await rows('SELECT * FROM _godwit.statement')).toEqual([]);
  });

  test('does nothing where everything is applied already', async () => {
    await migrate(request([ATOMIC, STEPWISE]));
    const outcome = await migrate(request([ATOMIC, STEPWISE]));
    expect(outcome).toMatchObject({
      outcome: 'applied',
      applied: ['1_atomic', '2_stepwise'],
      statements: [],
    });
    expect(await ledger()).toHaveLength(2);
  });

  test('leaves nothing of an atomic file that fails, but the attempt in the ledger', async () => {
    const failing = migration(
      '1_bad',
      'ALTER TABLE wallet ADD COLUMN a int;\n\nALTER TABLE wallet\n  ADD COLUMN x nonsense;',
    );
    const failed = failureOf(await migrate(request([failing])));
    expect(failed).toMatchObject({
      migration: '1_bad',
      statement: 2,
      line: 4,
      sqlState: '42704',
      atomic: true,
      statementsDone: 0,
    });
    expect(await columns()).toEqual(['id', 'address']);
    expect(await ledger()).toMatchObject([
      {
        name: '1_bad',
        finishedAt: undefined,
        rolledBackAt: expect.any(Date),
        logs: expect.stringContaining('nonsense'),
      },
    ]);
  });

  test('keeps what a stepwise file did before it failed, and goes on from there', async () => {
    await run("INSERT INTO wallet VALUES (1, 'x'), (2, 'x')");
    const unique = migration(
      '1_unique',
      'ALTER TABLE wallet ADD COLUMN c int;\nCREATE UNIQUE INDEX CONCURRENTLY wallet_address ON wallet (address);',
    );
    const failed = failureOf(await migrate(request([unique])));
    expect(failed).toMatchObject({
      statement: 2,
      line: 2,
      sqlState: '23505',
      atomic: false,
      statementsDone: 1,
    });
    expect(await indexes()).toEqual([]);
    expect(await ledger()).toMatchObject([
      { finishedAt: undefined, rolledBackAt: undefined, logs: expect.stringContaining('23505') },
    ]);

    await run('DELETE FROM wallet WHERE id = 2');
    const events: StatementEvent[] = [];
    const again = await migrate(request([unique], { onEvent: (event) => events.push(event) }));
    expect(again.outcome).toBe('applied');
    expect(events.map(({ statement, status }) => `${statement} ${status}`)).toEqual([
      '1 skipped',
      '2 started',
      '2 finished',
    ]);
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
    expect(await ledger()).toMatchObject([
      { finishedAt: expect.any(Date), logs: undefined, appliedSteps: 1 },
    ]);
  });
});

describe('what a file leaves in the session', () => {
  test('does not reach the next file', async () => {
    await run('CREATE SCHEMA other');
    const first = migration(
      '1_settings',
      "SET search_path = other;\nSET work_mem = '1MB';\nSET ROLE pg_monitor;",
    );
    const second = migration(
      '2_table',
      "CREATE TABLE here (a int);\nSELECT 1 / (current_setting('work_mem') <> '1MB')::int;",
    );
    expect(await migrate(request([first, second]))).toMatchObject({ outcome: 'applied' });
    expect(
      await rows("SELECT table_schema FROM information_schema.tables WHERE table_name = 'here'"),
    ).toEqual([{ table_schema: 'public' }]);
    expect((await ledger()).map(({ name }) => name)).toEqual(['1_settings', '2_table']);
  });

  test.each(['SET search_path = other', "SELECT pg_catalog.set_config('search_path', 'other', false)"])(
    'is there again when a stepwise file goes on: %s',
    async (setting) => {
      await run('CREATE SCHEMA other; CREATE TABLE other.t (a int)');
      await run('GRANT USAGE ON SCHEMA other TO pg_monitor; GRANT SELECT ON other.t TO pg_monitor');
      const sql = `${setting};\nCREATE INDEX CONCURRENTLY i ON t (a);\nSET ROLE pg_monitor;\nSELECT 1 / count(*) FROM t;`;
      const failing = migration('1_settings', sql);
      expect(failureOf(await migrate(request([failing])))).toMatchObject({ statement: 4, sqlState: '22012' });
      await run('INSERT INTO other.t VALUES (1)');
      expect(await migrate(request([failing]))).toMatchObject({ outcome: 'applied' });
    },
  );
});

describe('a file that cannot be executed', () => {
  test.each([
    ['-- nothing', 'The file holds no statement.'],
    ['SELECT 1;\nCOMMIT;', 'controls the transaction'],
    ['SELEC 1;', 'syntax error'],
    ['-- godwit:stepwise', 'needs a reason'],
  ])('is refused before any other runs: %s', async (sql, message) => {
    const failed = failureOf(await migrate(request([ATOMIC, migration('2_bad', sql)])));
    expect(failed).toMatchObject({
      migration: '2_bad',
      atomic: true,
      message: expect.stringContaining(message),
    });
    expect(await columns()).toEqual(['id', 'address']);
    expect(await ledger()).toEqual([]);
  });

  test('is refused when it was applied or begun with another content', async () => {
    await migrate(request([ATOMIC]));
    const edited = migration('1_atomic', 'ALTER TABLE wallet ADD COLUMN z int');
    expect(failureOf(await migrate(request([edited])))).toMatchObject({
      message: expect.stringContaining('another content'),
    });
  });

  test('is refused when somebody else left it unfinished', async () => {
    await migrate(request([ATOMIC]));
    await run(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', '${STEPWISE.checksum}', '2_stepwise')`,
    );
    expect(failureOf(await migrate(request([STEPWISE])))).toMatchObject({
      message: expect.stringContaining('godwit resolve'),
    });
  });
});

describe('statements that commit by themselves', () => {
  const PROCEDURE =
    'CREATE PROCEDURE twice() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO wallet VALUES (1); COMMIT; INSERT INTO wallet VALUES (2); END $$';

  test('fail in an atomic file with the way out named', async () => {
    await run(PROCEDURE);
    expect(failureOf(await migrate(request([migration('1_call', 'CALL twice()')])))).toMatchObject({
      sqlState: '2D000',
      message: expect.stringContaining('godwit:stepwise because'),
    });
    expect(await rows('SELECT id FROM wallet')).toEqual([]);
  });

  test('run by themselves in a stepwise one', async () => {
    await run(PROCEDURE);
    const sql =
      '-- godwit:stepwise because it commits\nCALL twice();\nDO $$ BEGIN INSERT INTO wallet VALUES (3); END $$;';
    expect(await migrate(request([migration('1_call', sql)]))).toMatchObject({ outcome: 'applied' });
    expect(await rows('SELECT id FROM wallet ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });
});

describe('a new enum value', () => {
  test('can be used in the file that adds it', async () => {
    await run("CREATE TYPE chain AS ENUM ('a'); ALTER TABLE wallet ADD COLUMN chain chain");
    const sql = "ALTER TYPE chain ADD VALUE 'b';\nINSERT INTO wallet (id, chain) VALUES (1, 'b');";
    expect(await migrate(request([migration('1_enum', sql)]))).toMatchObject({ outcome: 'applied' });
  });
});

describe('the way back', () => {
  test('runs the down script and frees the migration for another attempt', async () => {
    await migrate(request([ATOMIC, STEPWISE]));
    const { migrations: _, ...common } = request([]);
    expect(await runDown({ ...common, migration: STEPWISE })).toMatchObject({
      outcome: 'applied',
      applied: ['2_stepwise'],
    });
    expect(await runDown({ ...common, migration: STEPWISE })).toMatchObject({
      outcome: 'applied',
      statements: [],
    });
    expect(await columns()).toEqual(['id', 'address', 'a', 'b']);
    expect(await indexes()).toEqual([]);
    expect((await ledger())[1]).toMatchObject({ name: '2_stepwise', rolledBackAt: expect.any(Date) });
    expect(await migrate(request([ATOMIC, STEPWISE]))).toMatchObject({ outcome: 'applied' });
    expect(await columns()).toEqual(['id', 'address', 'a', 'b', 'c', 'd']);
  });

  test('leaves an atomic down script that fails without effect', async () => {
    const up = migration(
      '1_up',
      'ALTER TABLE wallet ADD COLUMN a int',
      'ALTER TABLE wallet DROP COLUMN a;\nDROP TABLE nobody;',
    );
    await migrate(request([up]));
    const { migrations: _, ...common } = request([]);
    expect(failureOf(await runDown({ ...common, migration: up }))).toMatchObject({
      statement: 2,
      sqlState: '42P01',
      atomic: true,
    });
    expect(await columns()).toEqual(['id', 'address', 'a']);
    expect(await ledger()).toMatchObject([{ rolledBackAt: undefined, finishedAt: expect.any(Date) }]);
  });
});
