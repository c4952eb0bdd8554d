import { type ChildProcess, spawn } from 'node:child_process';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { type MigrateRequest, migrate } from '../../lambda/migrate/executor';
import { readLedger } from '../../lambda/migrate/ledger';
import { type Database, withSession } from '../../lambda/ports/database';
import { projectRoot, useCluster } from '../support/cluster';

const server = useCluster({
  template: async (database) => {
    const session = await database.connect({ applicationName: 'test' });
    await session.query('CREATE TABLE wallet (id int PRIMARY KEY, visits int)');
    await session.query('INSERT INTO wallet SELECT n, 0 FROM generate_series(1, 100) n');
    await session.close();
  },
});
const clock = new SystemClock();

const migration = (name: string, sql: string): Migration => ({
  name,
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});

const ATOMIC = migration(
  '1_atomic',
  'ALTER TABLE wallet ADD COLUMN a int;\nUPDATE wallet SET visits = visits + 1;',
);
const STEPWISE = migration(
  '2_stepwise',
  'UPDATE wallet SET visits = visits + 10;\nCREATE INDEX CONCURRENTLY wallet_visits ON wallet (visits);\nUPDATE wallet SET visits = visits + 100;',
);

const request = (database: Database): MigrateRequest => ({
  database,
  runId: 'run-1',
  migrations: [ATOMIC, STEPWISE],
  maxBlockingMs: 200,
  giveUpAfterMs: 20_000,
  clock,
});

const stateOf = (database: Database) =>
  withSession(database, { applicationName: 'test' }, async (session) => {
    const { rows: visits } = await session.query('SELECT DISTINCT visits FROM wallet');
    const { rows: indexes } = await session.query(
      "SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'wallet'::regclass AND NOT i.indisprimary",
    );
    const ledger = (await readLedger(session)).map(({ name, finishedAt }) => [
      name,
      finishedAt !== undefined,
    ]);
    return { visits, indexes, ledger };
  });

const MIGRATED = {
  visits: [{ visits: 111 }],
  indexes: [{ name: 'wallet_visits', valid: true }],
  ledger: [
    ['1_atomic', true],
    ['2_stepwise', true],
  ],
};

describe('a process killed by SIGKILL', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  /** The process kills itself, so that it dies at that very point, or `afterMs` later where somebody holds it there. */
  async function killedAt(
    database: Database,
    point: { migration: string; statement: number; status: string; afterMs?: number },
  ): Promise<void> {
    const script = `
      const { PgDatabase } = require('./lambda/adapters/postgres/pg-database');
      const { SystemClock } = require('./lambda/adapters/system-clock');
      const { migrate } = require('./lambda/migrate/executor');
      const { options, request, point } = JSON.parse(process.env.TEST_REQUEST);
      const { afterMs, ...wanted } = point;
      const die = () => process.kill(process.pid, 'SIGKILL');
      const onEvent = (event) => {
        if (Object.entries(wanted).some(([key, value]) => event[key] !== value)) return;
        if (afterMs === undefined) die();
        else setTimeout(die, afterMs);
      };
      void migrate({ ...request, database: new PgDatabase(options), clock: new SystemClock(), onEvent });
    `;
    const url = new URL(await database.connectionString());
    const options = { ...database.address, password: decodeURIComponent(url.password) };
    const { database: _d, clock: _c, ...plain } = request(database);
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', '--eval', script], {
      cwd: projectRoot,
      env: { ...process.env, TEST_REQUEST: JSON.stringify({ options, request: plain, point }) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(child);
    await new Promise<void>((resolve) => child.once('exit', () => resolve()));
    expect(child.signalCode).toBe('SIGKILL');
  }

  test('in the midst of an index build: the next one waits until its backend is gone, and builds it anew', async () => {
    const database = await server.freshDatabase();
    const old = await database.connect({ applicationName: 'app' });
    await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await old.query('SELECT 1');
    await killedAt(database, { migration: '2_stepwise', statement: 2, status: 'started', afterMs: 150 });
    await old.query('COMMIT');
    await old.close();
    expect(await migrate(request(database))).toMatchObject({ outcome: 'applied' });
    expect(await stateOf(database)).toEqual(MIGRATED);
  });

  test.each([
    { migration: '1_atomic', statement: 2, status: 'started' },
    { migration: '1_atomic', statement: 2, status: 'finished' },
    { migration: '2_stepwise', statement: 3, status: 'finished' },
  ])('at %j: the next one goes on', async (point) => {
    const database = await server.freshDatabase();
    await killedAt(database, point);
    expect(await migrate(request(database))).toMatchObject({ outcome: 'applied' });
    expect(await stateOf(database)).toEqual(MIGRATED);
  });
});
