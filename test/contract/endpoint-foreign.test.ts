import { Client } from 'pg';
import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';
import { CutOverImpossible, ForeignEndpoint } from '../../lambda/adapters/postgres/foreign-endpoint';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { type Database, withSession } from '../../lambda/ports/database';
import { type Endpoint, SessionsOutlastFence } from '../../lambda/ports/endpoint';
import { useCluster } from '../support/cluster';
import { applicationSession, marksIn, prepareMarks } from '../support/cluster-marks';
import { describeEndpointContract, type EndpointUnderTest } from './endpoint.contract';

const on = useCluster({ template: prepareMarks });

async function ofDatabase(application: Database): Promise<EndpointUnderTest> {
  const url = await application.connectionString();
  return {
    endpoint: new ForeignEndpoint(application),
    application,
    write: async (mark) => {
      const session = await applicationSession(url);
      await session.write(mark).finally(session.close);
    },
    marks: () => marksIn(application),
    openSession: async () => {
      const session = await applicationSession(url);
      const tryWrite = (mark: string): Promise<boolean> =>
        session.write(mark).then(
          () => true,
          () => false,
        );
      return { tryWrite, close: session.close };
    },
    makeInstance: () => Promise.reject(new Error('nobody makes instances of a server of somebody else')),
    pause: async () => undefined,
    dispose: async () => undefined,
  };
}

describeEndpointContract('ForeignEndpoint', async () => ofDatabase(await on.freshDatabase()), {
  cutsOver: false,
  remembersFence: false,
});

describe('ForeignEndpoint', () => {
  let database: Database;
  let endpoint: Endpoint;

  beforeEach(async () => {
    database = await on.freshDatabase();
    endpoint = new ForeignEndpoint(database);
  });

  it('says that it cannot cut over, of which server, and what to do, and leaves everything as it is', async () => {
    const failure = await endpoint.cutOver('restored', 'kept').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CutOverImpossible);
    expect(failure).toMatchObject({
      name: 'CutOverImpossible',
      message: expect.stringContaining(`${database.address.host}:${database.address.port}`),
    });
    expect(await endpoint.inspect()).toEqual({ state: 'serving' });
  });

  it('is seen fenced by whoever opens the server anew', async () => {
    await endpoint.fence('a test');
    expect(await new ForeignEndpoint(database).inspect()).toMatchObject({ state: 'fenced' });
    await new ForeignEndpoint(database).unfence();
    expect(await endpoint.inspect()).toEqual({ state: 'serving' });
  });

  it('lets no transaction commit that was open when the fence went up', async () => {
    const session = await openTransaction(await database.connectionString());
    await endpoint.fence('a test');
    await expect(session.commit()).rejects.toThrow();
    expect(await marksIn(database)).toEqual([]);
  });

  it("leaves Godwit's own sessions and other databases of the server alone", async () => {
    const neighbour = await on.freshDatabase();
    const besides = await applicationSession(await neighbour.connectionString());
    const own = await database.connect({ applicationName: 'godwit-test' });
    try {
      await endpoint.fence('a test');
      await own.query("INSERT INTO marks VALUES ('own')");
      await besides.write('besides');
    } finally {
      await own.close();
      await besides.close();
    }
    expect(await marksIn(database)).toEqual(['own']);
    expect(await marksIn(neighbour)).toEqual(['besides']);
  });

  it.each([
    ['may see what others do', 'pg_signal_backend, pg_read_all_stats'],
    ['may not even see what others do', 'pg_signal_backend'],
  ])("ends all but a superuser's session for a role that %s, and says which is left", async (_, rights) => {
    const keeper = await keptBy(database, rights);
    const [superuser, application] = [
      await applicationSession(await database.connectionString()),
      await applicationSession(await roleOf(database, 'application')),
    ];
    try {
      const failure = await new ForeignEndpoint(keeper).fence().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SessionsOutlastFence);
      expect(failure).toMatchObject({
        sessions: [expect.stringMatching(/^\d+ of \w+, which Godwit's role may not end$/)],
        message: expect.stringContaining('may still write'),
      });
      await expect(application.write('ended')).rejects.toThrow();
      await superuser.write('outlasts');
      expect(await endpoint.inspect()).toMatchObject({ state: 'fenced' });
      await new ForeignEndpoint(keeper).unfence();
      expect(await endpoint.inspect()).toEqual({ state: 'serving' });
    } finally {
      await superuser.close();
      await application.close();
    }
    expect(await marksIn(database)).toEqual(['outlasts']);
  });

  it('leaves a fence out that others put up for one role of theirs', async () => {
    const name = database.address.database;
    await withSession(database, { applicationName: 'godwit-test' }, (session) =>
      session.query(
        `CREATE ROLE reader_${name}; ALTER ROLE reader_${name} IN DATABASE ${name} SET default_transaction_read_only = on`,
      ),
    );
    expect(await endpoint.inspect()).toEqual({ state: 'serving' });
  });
});

/** As on RDS: a role that owns the database, and is no superuser. */
async function keptBy(database: Database, rights: string): Promise<Database> {
  const url = await roleOf(database, 'keeper');
  const { username } = new URL(url);
  await withSession(database, { applicationName: 'godwit-test' }, (session) =>
    session.query(
      `GRANT ${rights} TO ${username}; ALTER DATABASE ${database.address.database} OWNER TO ${username}`,
    ),
  );
  return new PgDatabase(parseDatabaseUrl(url));
}

/** URL of a new role that is no superuser, and may write. */
async function roleOf(database: Database, kind: string): Promise<string> {
  const url = new URL(await database.connectionString());
  const role = `${kind}_${database.address.database}`;
  await withSession(database, { applicationName: 'godwit-test' }, (session) =>
    session.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT ALL ON marks TO ${role}`),
  );
  url.username = role;
  url.password = 'secret';
  return url.href;
}

/** A write of the application that is not committed yet. */
async function openTransaction(url: string): Promise<{ commit(): Promise<unknown> }> {
  const client = new Client({ connectionString: url, application_name: 'application' });
  client.on('error', () => undefined);
  await client.connect();
  await client.query("BEGIN; INSERT INTO marks VALUES ('uncommitted')");
  return { commit: () => client.query('COMMIT').finally(() => client.end()) };
}
