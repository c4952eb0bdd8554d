import { SystemClock } from '../../lambda/adapters/aws/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { type MigrateOutcome, type MigrateRequest, migrate, runDown, type StatementEvent } from '../../lambda/migrate/executor';
import { AnotherExecutorHolds } from '../../lambda/migrate/executor-lock';
import { type LedgerRow, readLedger } from '../../lambda/migrate/ledger';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
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
const rows = async <Row>(sql: string) => (await withSession(database, options, (session) => session.query<Row>(sql))).rows;
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
  (await rows<{ name: string }>(
    "SELECT attname AS name FROM pg_attribute WHERE attrelid = 'wallet'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
  )).map(({ name }) => name);

const indexes = async () =>
  rows<{ name: string; valid: boolean }>(
    "SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'wallet'::regclass AND NOT i.indisprimary ORDER BY 1",
  );

const ATOMIC = migration('1_atomic', 'ALTER TABLE wallet ADD COLUMN a int;\nALTER TABLE wallet ADD COLUMN b int;');
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
      { name: '1_atomic', checksum: ATOMIC.checksum, appliedSteps: 1, logs: undefined, rolledBackAt: undefined },
      { name: '2_stepwise', checksum: STEPWISE.checksum, appliedSteps: 1, logs: undefined, rolledBackAt: undefined },
    ]);
    expect(await rows('SELECT * FROM _godwit.statement')).toEqual([]);
  });

  test('does nothing where everything is applied already', async () => {
    await migrate(request([ATOMIC, STEPWISE]));
    const outcome = await migrate(request([ATOMIC, STEPWISE]));
    expect(outcome).toMatchObject({ outcome: 'applied', applied: ['1_atomic', '2_stepwise'], statements: [] });
    expect(await ledger()).toHaveLength(2);
  });

  test('leaves nothing of an atomic file that fails, but the attempt in the ledger', async () => {
    const failing = migration('1_bad', 'ALTER TABLE wallet ADD COLUMN a int;\n\nALTER TABLE wallet\n  ADD COLUMN x nonsense;');
    const failed = failureOf(await migrate(request([failing])));
    expect(failed).toMatchObject({ migration: '1_bad', statement: 2, line: 4, sqlState: '42704', atomic: true, statementsDone: 0 });
    expect(await columns()).toEqual(['id', 'address']);
    expect(await ledger()).toMatchObject([
      { name: '1_bad', finishedAt: undefined, rolledBackAt: expect.any(Date), logs: expect.stringContaining('nonsense') },
    ]);
  });

  test('keeps what a stepwise file did before it failed, and goes on from there', async () => {
    await run("INSERT INTO wallet VALUES (1, 'x'), (2, 'x')");
    const unique = migration(
      '1_unique',
      'ALTER TABLE wallet ADD COLUMN c int;\nCREATE UNIQUE INDEX CONCURRENTLY wallet_address ON wallet (address);',
    );
    const failed = failureOf(await migrate(request([unique])));
    expect(failed).toMatchObject({ statement: 2, line: 2, sqlState: '23505', atomic: false, statementsDone: 1 });
    expect(await indexes()).toEqual([]);
    expect(await ledger()).toMatchObject([{ finishedAt: undefined, rolledBackAt: undefined, logs: expect.stringContaining('23505') }]);

    await run('DELETE FROM wallet WHERE id = 2');
    const events: StatementEvent[] = [];
    const again = await migrate(request([unique], { onEvent: (event) => events.push(event) }));
    expect(again.outcome).toBe('applied');
    expect(events.map(({ statement, status }) => `${statement} ${status}`)).toEqual(['1 skipped', '2 started', '2 finished']);
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
    expect(await ledger()).toMatchObject([{ finishedAt: expect.any(Date), logs: undefined, appliedSteps: 1 }]);
  });
});
