import { randomUUID } from 'node:crypto';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import type { FencingToken } from '../../lambda/domain/fencing-token';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { migrate, runDown } from '../../lambda/migrate/executor';
import { StaleExecutor } from '../../lambda/migrate/fence';
import type { Database, Session, SessionOptions } from '../../lambda/ports/database';
import { failureOf, useWallet } from '../support/wallet-executor';

const wallet = useWallet();

const SQL = "INSERT INTO wallet VALUES (1, 'x')";
const STEPWISE = '-- godwit:stepwise because it is tried\nINSERT INTO wallet VALUES (2);';
const countOf = async (): Promise<unknown> =>
  (await wallet.run('SELECT count(*)::int AS n FROM wallet')).rows[0]?.n;
const token = (realm: string, number: number): FencingToken => ({ realm, number });

let realm: string;
beforeEach(() => {
  realm = randomUUID();
});

const apply = (sql: string, runId: string, fencingToken: FencingToken | undefined) =>
  migrate(wallet.request(sql, { runId, fencingToken }));

describe('an executor whose run has lost the lease', () => {
  test.each([
    ['atomic', SQL],
    ['stepwise', STEPWISE],
  ])('is refused before it changes anything, %s, and learns who took over', async (_, sql) => {
    await apply('SELECT 1', 'run-late', token(realm, 8));
    const stale = apply(sql, 'run-early', token(realm, 7));
    await expect(stale).rejects.toThrow(StaleExecutor);
    await expect(stale).rejects.toThrow(
      /run-early no longer holds .* run run-late at 20.*token 8.*ours is 7/,
    );
    expect(await countOf()).toBe(0);
    expect(await wallet.ledger()).toHaveLength(1);
  });

  test('takes nothing back, either', async () => {
    const request = wallet.request(SQL, { runId: 'run-late', fencingToken: token(realm, 8) });
    await migrate(request);
    const { migrations, ...common } = request;
    const migration = { ...(migrations[0] as Migration), downSql: 'DELETE FROM wallet' };
    const stale = runDown({ ...common, migration, fencingToken: token(realm, 7) });
    await expect(stale).rejects.toThrow(StaleExecutor);
    expect(await countOf()).toBe(1);
  });

  test('is found out when it comes back after a lost connection', async () => {
    const request = wallet.request(`${SQL};\nSELECT pg_sleep(0.01)`, {
      runId: 'run-early',
      fencingToken: token(realm, 7),
    });
    // The takeover happens in the moment in which nobody holds the lock.
    const losing = new LosingItsSession(request.database, async () => {
      await apply('SELECT 1', 'run-late', token(realm, 8));
    });
    await expect(migrate({ ...request, database: losing })).rejects.toThrow(StaleExecutor);
    expect(await countOf()).toBe(0);
  });
});

describe('a fencing token', () => {
  test('lets the same run in as often as it comes, and every later one', async () => {
    for (const number of [3, 3, 4, 9]) {
      expect(await apply('SELECT 1', `run-${number}`, token(realm, number))).toMatchObject({
        outcome: 'applied',
      });
    }
  });

  test('is compared within its realm only: another journal counts by itself', async () => {
    await apply('SELECT 1', 'run-aws', token(realm, 900));
    const laptop = token(randomUUID(), 1);
    expect(await apply('SELECT 1', 'run-laptop', laptop)).toMatchObject({ outcome: 'applied' });
    await expect(apply(SQL, 'run-older', token(realm, 899))).rejects.toThrow(StaleExecutor);
  });

  test('is forgotten with a database that is made anew', async () => {
    await apply('SELECT 1', 'run-1', token(realm, 9));
    await wallet.run('DROP SCHEMA _godwit CASCADE; TRUNCATE _prisma_migrations');
    expect(await apply('SELECT 1', 'run-2', token(realm, 2))).toMatchObject({ outcome: 'applied' });
  });

  test('is left out by the way that the refusal names, where a journal was put back', async () => {
    await apply('SELECT 1', 'run-1', token(realm, 9));
    const refused = await apply(SQL, 'run-2', token(realm, 2)).catch((error: Error) => error.message);
    const [wayOut = ''] = /DELETE FROM _godwit.fence WHERE realm = '[^']+'/.exec(String(refused)) ?? [];
    await wallet.run(`${wayOut}; TRUNCATE _prisma_migrations`);
    expect(await apply(SQL, 'run-2', token(realm, 2))).toMatchObject({ outcome: 'applied' });
  });
});

describe('a role that owns the schema and may make no other', () => {
  const asOwner = async (): Promise<Database> => {
    await wallet.run(`
      DO $$ BEGIN CREATE ROLE schema_owner LOGIN PASSWORD 'x'; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
      ALTER SCHEMA public OWNER TO schema_owner; ALTER TABLE wallet OWNER TO schema_owner`);
    return new PgDatabase({ ...wallet.database.address, user: 'schema_owner', password: 'x' });
  };

  test('is not fenced, and applies atomic migrations all the same', async () => {
    const database = await asOwner();
    for (const number of [2, 1]) {
      const migration = {
        name: `${number}_test`,
        sql: 'SELECT 1',
        downSql: undefined,
        checksum: checksumOf('SELECT 1'),
      };
      const request = wallet.request(SQL, { fencingToken: token(realm, number) });
      expect(await migrate({ ...request, database, migrations: [migration] })).toMatchObject({
        outcome: 'applied',
      });
    }
  });

  test('is told what a stepwise migration needs, which then leaves nothing', async () => {
    const sql = '-- godwit:stepwise because of a test\nCREATE TABLE made (id int)';
    const outcome = await migrate({ ...wallet.request(sql), database: await asOwner() });
    expect(failureOf(outcome).message).toContain('CREATE SCHEMA _godwit AUTHORIZATION');
    expect(await wallet.ledger()).toEqual([]);
  });

  test('is fenced where the schema _godwit was made for it', async () => {
    const database = await asOwner();
    await wallet.run('CREATE SCHEMA _godwit AUTHORIZATION schema_owner');
    await migrate({ ...wallet.request('SELECT 1', { fencingToken: token(realm, 2) }), database });
    const stale = migrate({ ...wallet.request('SELECT 1', { fencingToken: token(realm, 1) }), database });
    await expect(stale).rejects.toThrow(StaleExecutor);
  });
});

/** Its first working session breaks at its first COMMIT-to-be, and somebody else acts before the next one is opened. */
class LosingItsSession implements Database {
  readonly address;
  readonly #database: Database;
  readonly #meanwhile: () => Promise<void>;
  #first: Session | undefined;

  constructor(database: Database, meanwhile: () => Promise<void>) {
    this.#database = database;
    this.#meanwhile = meanwhile;
    this.address = database.address;
  }

  connectionString(): Promise<string> {
    return this.#database.connectionString();
  }

  async connect(options: SessionOptions): Promise<Session> {
    if (!options.applicationName.startsWith('godwit migrate')) return this.#database.connect(options);
    if (this.#first !== undefined) {
      await this.#meanwhile();
      return this.#database.connect(options);
    }
    const session = await this.#database.connect(options);
    this.#first = session;
    return {
      backendPid: session.backendPid,
      close: () => session.close(),
      query: async (sql, values) => {
        if (sql.includes('pg_sleep')) await wallet.run(`SELECT pg_terminate_backend(${session.backendPid})`);
        return session.query(sql, values);
      },
    };
  }
}
