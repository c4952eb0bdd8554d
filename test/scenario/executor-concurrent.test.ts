import { randomUUID } from 'node:crypto';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { type MigrateOutcome, type MigrateRequest, migrate } from '../../lambda/migrate/executor';
import { AnotherExecutorHolds } from '../../lambda/migrate/executor-lock';
import { isOfRun, type LedgerRow, readLedger } from '../../lambda/migrate/ledger';
import { type Database, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';
import { useExecutorProcesses } from '../support/executor-process';
import { newSchemaEngine } from '../support/prisma-engine';

const server = useCluster({
  template: (database) =>
    withSession(database, { applicationName: 'test' }, async (session) => {
      await session.query('CREATE TABLE wallet (id int PRIMARY KEY, visits int)');
      await session.query('INSERT INTO wallet SELECT n, 0 FROM generate_series(1, 10) n');
    }),
});
const startProcess = useExecutorProcesses();
const clock = new SystemClock();

const migration = (name: string, sql: string): Migration => ({
  name,
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});

/** Whatever runs twice shows in the data. */
const ATOMIC = migration(
  '1_atomic',
  'UPDATE wallet SET visits = visits + 1;\nALTER TABLE wallet ADD COLUMN a int;',
);
const STEPWISE = migration(
  '2_stepwise',
  'UPDATE wallet SET visits = visits + 10;\nCREATE INDEX CONCURRENTLY wallet_visits ON wallet (visits);\nUPDATE wallet SET visits = visits + 100;',
);

const request = (database: Database, runId: string, more: Partial<MigrateRequest> = {}): MigrateRequest => ({
  database,
  runId,
  migrations: [ATOMIC, STEPWISE],
  maxBlockingMs: 500,
  giveUpAfterMs: 20_000,
  clock,
  ...more,
});

interface State {
  readonly visits: unknown;
  readonly validIndexes: unknown;
  readonly ledger: readonly LedgerRow[];
}

const stateOf = (database: Database): Promise<State> =>
  withSession(database, { applicationName: 'test' }, async (session) => ({
    visits: (await session.query('SELECT DISTINCT visits FROM wallet')).rows,
    validIndexes: (
      await session.query(
        "SELECT count(*)::int AS n FROM pg_index WHERE indrelid = 'wallet'::regclass AND NOT indisprimary AND indisvalid",
      )
    ).rows,
    ledger: await readLedger(session),
  }));

async function expectAppliedOnce(database: Database): Promise<State> {
  const state = await stateOf(database);
  expect(state).toMatchObject({ visits: [{ visits: 111 }], validIndexes: [{ n: 1 }] });
  expect(state.ledger.map(({ name, appliedSteps }) => [name, appliedSteps])).toEqual([
    ['1_atomic', 1],
    ['2_stepwise', 1],
  ]);
  const project = {
    schema: 'datasource db {\n  provider = "postgresql"\n}\n',
    lockfile: 'provider = "postgresql"\n',
    migrations: [ATOMIC, STEPWISE],
    invariants: [],
  };
  expect(await newSchemaEngine().diagnose(database, project)).toEqual({
    hasLedger: true,
    pending: [],
    edited: [],
    failed: [],
    missing: [],
  });
  return state;
}

/** Every migration was applied by one of them, found applied by the other, and each knows which is which. */
function expectParted(outcomes: readonly MigrateOutcome[]): void {
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['applied', 'applied']);
  for (const outcome of outcomes) {
    expect([...outcome.applied, ...(outcome.alreadyApplied ?? [])].sort()).toEqual([
      '1_atomic',
      '2_stepwise',
    ]);
  }
  expect(outcomes.flatMap(({ applied }) => applied).sort()).toEqual(['1_atomic', '2_stepwise']);
}

describe('two executors started at once', () => {
  test('apply everything exactly once, eighteen times: the other waits and finds it done', async () => {
    for (let round = 1; round <= 18; round += 1) {
      const database = await server.freshDatabase();
      const runs = ['run-one', 'run-two'];
      const outcomes = await Promise.all(runs.map((runId) => migrate(request(database, runId))));
      expectParted(outcomes);
      const { ledger } = await expectAppliedOnce(database);
      // One that begins holds the lock to the end: nothing is interleaved.
      const winner = outcomes.findIndex(({ applied }) => applied.length > 0);
      expect(outcomes[winner]?.applied).toHaveLength(2);
      expect(ledger.every((row) => isOfRun(row, runs[winner] ?? ''))).toBe(true);
    }
  });

  test('as processes, twice: the same', async () => {
    const rounds = Array.from({ length: 2 }, async () => {
      const database = await server.freshDatabase();
      const runs = [randomUUID(), randomUUID()];
      const outcomes = await Promise.all(
        runs.map(async (runId) => (await startProcess(request(database, runId))).outcome),
      );
      expectParted(outcomes.filter((outcome) => outcome !== undefined));
      await expectAppliedOnce(database);
    });
    await Promise.all(rounds);
  });

  test('of which one may not wait: it says who is at work, and changes nothing', async () => {
    const database = await server.freshDatabase();
    const application = await database.connect({ applicationName: 'app' });
    await application.query('BEGIN; LOCK TABLE wallet');
    let first: Promise<MigrateOutcome> | undefined;
    await new Promise<void>((resolve) => {
      first = migrate(request(database, 'run-first', { onEvent: () => resolve() }));
    });
    const late = migrate(request(database, 'run-late', { executorLockWaitMs: 0 }));
    const refusal = await late.catch((error: unknown) => error);
    await application.query('COMMIT');
    await application.close();
    expect(await first).toMatchObject({ outcome: 'applied', applied: ['1_atomic', '2_stepwise'] });
    expect(refusal).toBeInstanceOf(AnotherExecutorHolds);
    expect(String(refusal)).toMatch(/being migrated by session \d+ .*application "godwit migrate run-first"/);
    await expectAppliedOnce(database);
  });
});

describe('what a run finds applied', () => {
  test("is its own where an earlier call of it was interrupted before it could tell, and else another's", async () => {
    const database = await server.freshDatabase();
    await migrate(request(database, 'run-one', { migrations: [ATOMIC] }));
    expect(await migrate(request(database, 'run-one'))).toMatchObject({
      applied: ['1_atomic', '2_stepwise'],
      alreadyApplied: [],
    });
    expect(await migrate(request(database, 'run-two'))).toMatchObject({
      applied: [],
      alreadyApplied: ['1_atomic', '2_stepwise'],
    });
  });

  test("is another's where an earlier file of the same call wrote it into the ledger", async () => {
    const database = await server.freshDatabase();
    const byHand = migration(
      '1_by_hand',
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('x', '${STEPWISE.checksum}', '2_stepwise', now())`,
    );
    const outcome = await migrate(request(database, 'run-one', { migrations: [byHand, STEPWISE] }));
    expect(outcome).toMatchObject({ applied: ['1_by_hand'], alreadyApplied: ['2_stepwise'] });
    expect(await stateOf(database)).toMatchObject({ visits: [{ visits: 0 }] });
  });

  test('is its own, too, where it went on with a file that another run had left unfinished', async () => {
    const database = await server.freshDatabase();
    const abort = new AbortController();
    const interrupted = await migrate(
      request(database, 'run-one', {
        signal: abort.signal,
        onEvent: ({ migration: name, statement, status }) => {
          if (name === '2_stepwise' && statement === 1 && status === 'finished') abort.abort();
        },
      }),
    );
    expect(interrupted).toMatchObject({ outcome: 'aborted', applied: ['1_atomic'], statementsDone: 1 });
    const runTwo = { alreadyApplied: ['1_atomic'], applied: ['2_stepwise'] };
    expect(await migrate(request(database, 'run-two'))).toMatchObject(runTwo);
    expect(await migrate(request(database, 'run-two'))).toMatchObject(runTwo);
    await expectAppliedOnce(database);
  });
});
