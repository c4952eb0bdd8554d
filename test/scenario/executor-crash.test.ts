import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { type MigrateOutcome, type MigrateRequest, migrate, runDown } from '../../lambda/migrate/executor';
import { readLedger } from '../../lambda/migrate/ledger';
import {
  ConnectionLost,
  type Database,
  DatabaseUnreachable,
  type Session,
  type SessionOptions,
  withSession,
} from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';

const server = useCluster({
  template: async (database) => {
    const session = await database.connect({ applicationName: 'test' });
    await session.query('CREATE TABLE wallet (id int PRIMARY KEY, address text, visits int DEFAULT 0)');
    await session.query("INSERT INTO wallet SELECT n, 'address ' || n FROM generate_series(1, 100) n");
    await session.query('CREATE INDEX wallet_old ON wallet (address)');
    await session.close();
  },
});
const clock = new SystemClock();

const migration = (name: string, sql: string, downSql?: string): Migration => ({
  name,
  sql,
  downSql,
  checksum: checksumOf(sql),
});

/** Every statement that ran twice, or not at all, shows in the data or in the catalog. */
const ATOMIC = migration(
  '1_atomic',
  'ALTER TABLE wallet ADD COLUMN a int;\nUPDATE wallet SET visits = visits + 1;',
  'UPDATE wallet SET visits = visits - 1;\nALTER TABLE wallet DROP COLUMN a;',
);
const STEPWISE = migration(
  '2_stepwise',
  [
    "SET work_mem = '8MB'",
    'UPDATE wallet SET visits = visits + 10',
    'CREATE INDEX CONCURRENTLY wallet_address ON wallet (address)',
    'UPDATE wallet SET visits = visits + 100',
    'DROP INDEX CONCURRENTLY wallet_old',
    'VACUUM wallet',
  ].join(';\n'),
  'DROP INDEX CONCURRENTLY wallet_address;\nUPDATE wallet SET visits = visits - 110;\nCREATE INDEX CONCURRENTLY wallet_old ON wallet (address);',
);

const request = (database: Database, more: Partial<MigrateRequest> = {}): MigrateRequest => ({
  database,
  runId: 'run-1',
  migrations: [ATOMIC, STEPWISE],
  maxBlockingMs: 200,
  giveUpAfterMs: 10_000,
  clock,
  ...more,
});

async function stateOf(database: Database) {
  return withSession(database, { applicationName: 'test' }, async (session) => {
    const { rows: visits } = await session.query('SELECT DISTINCT visits FROM wallet');
    const { rows: indexes } = await session.query(
      "SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'wallet'::regclass ORDER BY 1",
    );
    const { rows: columns } = await session.query(
      "SELECT attname FROM pg_attribute WHERE attrelid = 'wallet'::regclass AND attnum > 0 AND NOT attisdropped",
    );
    const { rows: journal } = await session.query('SELECT * FROM _godwit.statement');
    const ledger = (await readLedger(session)).filter(({ rolledBackAt }) => rolledBackAt === undefined);
    const applied = ledger.map(({ name, finishedAt, appliedSteps }) => [
      name,
      finishedAt !== undefined,
      appliedSteps,
    ]);
    return { visits, indexes, columns: columns.length, journal: journal.length, applied };
  });
}

const MIGRATED = {
  visits: [{ visits: 111 }],
  indexes: [
    { name: 'wallet_address', valid: true },
    { name: 'wallet_pkey', valid: true },
  ],
  columns: 4,
  journal: 0,
  applied: [
    ['1_atomic', true, 1],
    ['2_stepwise', true, 1],
  ],
};

/** A process that dies: from the chosen query on, nothing more reaches the server. */
class DyingProcess implements Database {
  readonly address;
  queries = 0;
  readonly #database: Database;
  readonly #diesAfter: number;
  readonly #sessions: Session[] = [];
  #dead = false;

  constructor(database: Database, diesAfter: number) {
    this.#database = database;
    this.#diesAfter = diesAfter;
    this.address = database.address;
  }

  connectionString(): Promise<string> {
    return this.#database.connectionString();
  }

  async connect(options: SessionOptions): Promise<Session> {
    if (this.#dead) throw new DatabaseUnreachable(this.address, 'the process is dead');
    const session = await this.#database.connect(options);
    this.#sessions.push(session);
    if (!options.applicationName.startsWith('godwit migrate')) return session;
    return {
      backendPid: session.backendPid,
      close: () => session.close(),
      query: async <Row>(sql: string, values?: readonly unknown[]) => {
        if (this.#dead) throw new ConnectionLost(this.address, 'the process is dead');
        const answer = await session.query<Row>(sql, values);
        this.queries += 1;
        if (this.queries < this.#diesAfter) return answer;
        this.#dead = true;
        await Promise.all(this.#sessions.map((each) => each.close()));
        throw new ConnectionLost(this.address, 'the process is dead');
      },
    };
  }
}

async function queriesOf(
  work: (database: Database) => Promise<unknown>,
  prepared: Database,
): Promise<number> {
  const counting = new DyingProcess(prepared, Infinity);
  await work(counting);
  return counting.queries;
}

/** Evenly spread; each run of the suite with another beginning, so that in time every point is tried. */
function sampleOf(points: number, size: number): number[] {
  const stride = Math.max(1, points / size);
  const first = Math.random() * stride;
  return Array.from({ length: Math.floor((points - first) / stride) + 1 }, (_, index) =>
    Math.max(1, Math.floor(first + index * stride)),
  );
}

describe('a process that dies', () => {
  test('after whichever query of a migration: calling again leads to the same end', async () => {
    const up = (database: Database) => migrate(request(database));
    const queries = await queriesOf(up, await server.freshDatabase());
    expect(queries).toBeGreaterThan(40);
    for (const diesAfter of sampleOf(queries, 24)) {
      const database = await server.freshDatabase();
      await up(new DyingProcess(database, diesAfter)).catch(() => undefined);
      const again = await up(database);
      expect({ diesAfter, outcome: again.outcome }).toEqual({ diesAfter, outcome: 'applied' });
      expect({ diesAfter, ...(await stateOf(database)) }).toEqual({ diesAfter, ...MIGRATED });
    }
  }, 180_000);

  test('after whichever query of a way back: calling again leads back', async () => {
    const down = async (database: Database): Promise<void> => {
      for (const one of [STEPWISE, ATOMIC]) {
        const { migrations: _, ...common } = request(database);
        const outcome = await runDown({ ...common, migration: one });
        if (outcome.outcome !== 'applied') throw new Error(JSON.stringify(outcome));
      }
    };
    const migrated = async (): Promise<Database> => {
      const database = await server.freshDatabase();
      await migrate(request(database));
      return database;
    };
    const queries = await queriesOf(down, await migrated());
    for (const diesAfter of sampleOf(queries, 12)) {
      const database = await migrated();
      await down(new DyingProcess(database, diesAfter)).catch(() => undefined);
      await down(database);
      expect({ diesAfter, ...(await stateOf(database)) }).toMatchObject({
        diesAfter,
        visits: [{ visits: 0 }],
        indexes: [{ name: 'wallet_old', valid: true }, { name: 'wallet_pkey' }],
        columns: 3,
        journal: 0,
        applied: [],
      });
    }
  }, 180_000);
});

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
    return updated && sql === 'COMMIT';
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
    const slow = migration('1_slow', 'UPDATE wallet SET visits = 7;\nSELECT pg_sleep(30);');
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
