/** A fresh database with one table for each test of the executor, and what those tests ask of it. */
import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import type { MigrationFailure } from '../../lambda/domain/run';
import type { MigrateOutcome, MigrateRequest } from '../../lambda/migrate/executor';
import { readLedger } from '../../lambda/migrate/ledger';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import { useCluster } from './cluster';

export const clock = new SystemClock();

const INDEXES = `SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE NOT i.indisprimary AND i.indrelid = 'wallet'::regclass`;

const migration = (sql: string): Migration => ({
  name: '1_test',
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});

export function failureOf(outcome: MigrateOutcome): MigrationFailure {
  if (outcome.outcome !== 'failed') throw new Error(`expected a failure, not ${JSON.stringify(outcome)}`);
  return outcome.failed;
}

const WAITING =
  "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'godwit migrate%' AND wait_event_type = 'Lock'";

/** Called at the top of a test file; what it answers can be used inside tests and hooks. */
export function useWallet() {
  const server = useCluster();
  const open: Session[] = [];
  let database: Database;
  beforeEach(async () => {
    database = await server.freshDatabase();
    await run('CREATE TABLE wallet (id int PRIMARY KEY, address text)');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((session) => session.close()));
  });
  const inSession = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    withSession(database, { applicationName: 'test' }, work);
  const run = (sql: string) => inSession((session) => session.query(sql));
  const connect = async (applicationName = 'app'): Promise<Session> => {
    const session = await database.connect({ applicationName });
    open.push(session);
    return session;
  };
  return {
    server,
    get database() {
      return database;
    },
    run,
    /** Closed after the test. */
    connect,
    /** Leaves its transaction open. */
    readInTransaction: async (applicationName = 'slow report'): Promise<Session> => {
      const session = await connect(applicationName);
      await session.query('BEGIN');
      await session.query('SELECT * FROM wallet /* long */');
      return session;
    },
    untilMigrationWaits: async (): Promise<void> => {
      while ((await run(WAITING)).rowCount === 0) await clock.sleep(20);
    },
    ledger: () => inSession((session) => readLedger(session)),
    indexes: async () => (await run(INDEXES)).rows,
    request: (sql: string, more: Partial<MigrateRequest> = {}): MigrateRequest => ({
      database,
      runId: 'run-1',
      migrations: [migration(sql)],
      maxBlockingMs: 100,
      giveUpAfterMs: 600,
      clock,
      ...more,
    }),
  };
}
