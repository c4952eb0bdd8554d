import { createServer } from 'node:net';
import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { type DatabaseAddress, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';
import { describeDatabaseContract } from './database.contract';

const on = useCluster();
const OPTIONS = { applicationName: 'godwit-test' } as const;

describeDatabaseContract('PgDatabase', async () => {
  const { password } = parseDatabaseUrl(on.url);
  if (typeof password !== 'string') throw new Error('the cluster has no password');
  const { address } = on.database;
  return {
    database: on.database,
    password,
    elsewhere: (change: Partial<DatabaseAddress> & { password?: string }) =>
      new PgDatabase({ ...address, password, connectTimeoutMs: 2_000, ...change }),
  };
});

describe('PgDatabase', () => {
  const optionsOf = () => ({ ...on.database.address, ...parseDatabaseUrl(on.url) });

  it('asks for the password anew at every connect', async () => {
    const { password = '' } = optionsOf();
    const asked: string[] = [];
    const database = new PgDatabase({
      ...optionsOf(),
      password: async () => {
        asked.push('now');
        return String(password);
      },
    });
    await withSession(database, OPTIONS, (session) => session.query('SELECT 1'));
    await withSession(database, OPTIONS, (session) => session.query('SELECT 1'));
    expect(asked).toHaveLength(2);
  });

  it('goes on in the clear where encryption is only preferred and the server has none', async () => {
    const database = new PgDatabase({ ...optionsOf(), ssl: 'prefer' });
    for (const _ of [1, 2]) {
      const { rows } = await withSession(database, OPTIONS, (session) => session.query('SELECT 1 AS one'));
      expect(rows).toEqual([{ one: 1 }]);
    }
  });

  it('does not go on in the clear where encryption is asked for', async () => {
    const database = new PgDatabase({ ...optionsOf(), ssl: { rejectUnauthorized: false } });
    await expect(database.connect(OPTIONS)).rejects.toMatchObject({
      name: 'DatabaseUnreachable',
      message: expect.stringContaining('does not support SSL'),
    });
  });

  it('gives up on a server that accepts and says nothing', async () => {
    const silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const database = new PgDatabase({ ...optionsOf(), port, connectTimeoutMs: 100, ssl: 'off' });
    await expect(database.connect(OPTIONS)).rejects.toMatchObject({
      name: 'DatabaseUnreachable',
      message: expect.stringContaining('no answer within 100 ms'),
    });
    await new Promise((resolve) => silent.close(resolve));
  });

  it("puts the schema of Prisma's URL first on the search path, however it is spelled", async () => {
    const database = new PgDatabase({ ...optionsOf(), schema: `it's "odd"` });
    const { rows } = await withSession(database, OPTIONS, (session) => session.query('SHOW search_path'));
    expect(rows).toEqual([{ search_path: '"it\'s ""odd"""' }]);
  });

  it('gives the same database back through its own URL', async () => {
    const database = new PgDatabase({ ...optionsOf(), schema: 'public' });
    const again = parseDatabaseUrl(await database.connectionString());
    expect(again).toMatchObject({ ...on.database.address, schema: 'public' });
    await withSession(new PgDatabase(again), OPTIONS, (session) => session.query('SELECT 1'));
  });
});
