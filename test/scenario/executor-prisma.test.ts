import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { type MigrateRequest, migrate, runDown } from '../../lambda/migrate/executor';
import { type Database, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';
import { newSchemaEngine, prismaMigrateDeploy } from '../support/prisma-engine';

const server = useCluster();
const clock = new SystemClock();

let database: Database;
beforeEach(async () => {
  database = await server.freshDatabase();
});

const rows = async (sql: string) =>
  (await withSession(database, { applicationName: 'test' }, (session) => session.query(sql))).rows;

const migration = (name: string, sql: string, downSql?: string): Migration => ({
  name,
  sql,
  downSql,
  checksum: checksumOf(sql),
});

const ATOMIC = migration(
  '1_atomic',
  'CREATE TABLE wallet (id int PRIMARY KEY, address text);\nALTER TABLE wallet ADD COLUMN b int;',
);
const STEPWISE = migration(
  '2_stepwise',
  'ALTER TABLE wallet ADD COLUMN c int;\nCREATE INDEX CONCURRENTLY wallet_address ON wallet (address);',
  'DROP INDEX CONCURRENTLY wallet_address;\nALTER TABLE wallet DROP COLUMN c;',
);

const request = (migrations: readonly Migration[]): MigrateRequest => ({
  database,
  runId: 'run-1',
  migrations,
  maxBlockingMs: 100,
  giveUpAfterMs: 600,
  clock,
});

describe("Prisma's engine", () => {
  const project = (...migrations: Migration[]) => ({
    schema: 'datasource db {\n  provider = "postgresql"\n}\n',
    lockfile: 'provider = "postgresql"\n',
    migrations,
    invariants: [],
  });
  const clean = { hasLedger: true, pending: [], edited: [], failed: [], missing: [] };
  const failing = migration('3_bad', 'ALTER TABLE wallet ADD COLUMN x nonsense');
  const diagnose = (...migrations: Migration[]) =>
    newSchemaEngine().diagnose(database, project(...migrations));

  test('sees a clean history after both modes, after a failure and after the way back', async () => {
    await migrate(request([ATOMIC, STEPWISE, failing]));
    expect(await diagnose(ATOMIC, STEPWISE)).toEqual(clean);
    expect(await diagnose(ATOMIC, STEPWISE, failing)).toEqual({ ...clean, pending: ['3_bad'] });
    const { migrations: _, ...common } = request([]);
    await runDown({ ...common, migration: STEPWISE });
    expect(await diagnose(ATOMIC, STEPWISE)).toEqual({ ...clean, pending: ['2_stepwise'] });
  });

  test('sees a stepwise file that failed as failed, and lets it be finished', async () => {
    const division = migration(
      '2_division',
      'CREATE INDEX CONCURRENTLY i ON wallet (address);\nSELECT 1 / count(*) FROM wallet;',
    );
    await migrate(request([ATOMIC, division]));
    expect(await diagnose(ATOMIC, division)).toEqual({ ...clean, failed: ['2_division'] });
    await rows('INSERT INTO wallet VALUES (1)');
    await migrate(request([ATOMIC, division]));
    expect(await diagnose(ATOMIC, division)).toEqual(clean);
  });

  test('goes on where Godwit stopped, and Godwit where it stopped', async () => {
    await migrate(request([ATOMIC]));
    const third = migration('3_third', 'ALTER TABLE wallet ADD COLUMN e int');
    expect(await prismaMigrateDeploy(database, project(ATOMIC, third))).toEqual(['3_third']);
    const fourth = migration('4_fourth', 'ALTER TABLE wallet ADD COLUMN f int');
    expect(await migrate(request([ATOMIC, third, fourth]))).toMatchObject({
      outcome: 'applied',
      statements: { length: 1 },
    });
    expect(await diagnose(ATOMIC, third, fourth)).toEqual(clean);
  });

  test('creates the ledger as Godwit does', async () => {
    await migrate(request([ATOMIC]));
    const shape =
      "SELECT column_name, data_type, character_maximum_length, is_nullable, column_default FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position";
    const ours = await rows(shape);
    const ourRow = await rows(
      'SELECT applied_steps_count, logs, rolled_back_at, length(id) FROM _prisma_migrations',
    );
    database = await server.freshDatabase();
    await prismaMigrateDeploy(database, project(migration('1_x', 'CREATE TABLE x (a int)')));
    expect(ours).toEqual(await rows(shape));
    expect(ourRow).toEqual(
      await rows('SELECT applied_steps_count, logs, rolled_back_at, length(id) FROM _prisma_migrations'),
    );
  });
});
