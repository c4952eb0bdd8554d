import { RdsEndpoint } from '../../lambda/adapters/aws/rds-endpoint';
import { type Database, DatabaseUnreachable, type Session } from '../../lambda/ports/database';
import { FakeRds } from '../support/aws-fake-rds';
import { MemoryStore } from '../support/aws-memory-store';
import { describeEndpointContract } from './endpoint.contract';

const SERVING = 'wedefidaily-prod';

/** What Postgres on one instance keeps: committed marks, the database's default, and who is connected. */
interface Server {
  readonly marks: Set<string>;
  fenced: boolean;
  readonly sessions: Set<{ readOnly: boolean; ended: boolean; readonly name: string; readonly pid: number }>;
}

/** Whatever instance bears the serving name at the moment of a connect answers, as behind RDS' own DNS. */
class Servers implements Database {
  readonly address = { host: SERVING, port: 5432, database: 'wedefidaily', user: 'godwit' };
  readonly rds = new FakeRds();
  readonly #servers = new Map<string, Server>();
  #connections = 0;

  add(identifier: string, marks: Iterable<string> = []): void {
    const resource = `db-${this.#servers.size}`;
    // As a restore leaves one that is ready.
    const TagList = [{ Key: 'godwit:settled', Value: this.rds.time.now().toISOString() }];
    this.rds.addInstance(identifier, { DbiResourceId: resource, TagList });
    this.#servers.set(resource, { marks: new Set(marks), fenced: false, sessions: new Set() });
  }

  serving(): Server {
    const instance = this.rds.instances.get(SERVING);
    const server = this.#servers.get(instance?.DbiResourceId ?? '');
    if (instance?.DBInstanceStatus !== 'available' || server === undefined) {
      throw new DatabaseUnreachable(this.address, 'nobody answers by that name');
    }
    return server;
  }

  async connectionString(): Promise<string> {
    return 'postgresql://unused';
  }

  async connect({ applicationName }: { applicationName: string }): Promise<Session> {
    const server = this.serving();
    const isOwn = applicationName.startsWith('godwit');
    this.#connections += 1;
    const pid = this.#connections;
    const session = { readOnly: !isOwn && server.fenced, ended: false, name: applicationName, pid };
    server.sessions.add(session);
    const query = async (sql: string, [terminated]: readonly unknown[] = []) => {
      if (session.ended) throw new Error('terminating connection due to administrator command');
      const mark = /^MARK (.+)$/.exec(sql)?.[1];
      if (mark !== undefined && session.readOnly)
        throw new Error('cannot execute INSERT in a read-only transaction');
      if (mark !== undefined) server.marks.add(mark);
      else if (sql.includes('SET default_transaction_read_only = on')) server.fenced = true;
      else if (sql.includes('RESET default_transaction_read_only')) server.fenced = false;
      else if (sql.includes('pg_terminate_backend')) {
        for (const other of server.sessions) if (other.pid === terminated) other.ended = true;
      } else if (sql.includes('pg_stat_activity')) {
        const others = [...server.sessions].filter(
          (other) => !other.ended && !other.name.startsWith('godwit'),
        );
        return { rows: others.map(({ pid }) => ({ pid, role: 'app' })) as never[], rowCount: others.length };
      } else if (!/pg_db_role_setting|clock_timestamp/.test(sql))
        throw new Error(`unexpected statement: ${sql}`);
      return { rows: [], rowCount: sql.includes('pg_db_role_setting') && server.fenced ? 1 : 0 };
    };
    return { backendPid: 1, query, close: async () => void server.sessions.delete(session) };
  }
}

describeEndpointContract('RdsEndpoint', async () => {
  const servers = new Servers();
  servers.add(SERVING);
  const endpoint = new RdsEndpoint({
    client: servers.rds.client,
    instance: SERVING,
    database: servers,
    store: new MemoryStore(),
    clock: servers.rds.time,
  });
  const connect = () => servers.connect({ applicationName: 'wedefidaily' });
  return {
    endpoint,
    application: servers,
    write: async (mark) => {
      const session = await connect();
      await session.query(`MARK ${mark}`).finally(() => session.close());
    },
    marks: async () => [...servers.serving().marks].sort(),
    openSession: async () => {
      const session = await connect();
      const tryWrite = (mark: string): Promise<boolean> =>
        session.query(`MARK ${mark}`).then(
          () => true,
          () => false,
        );
      return { tryWrite, close: () => session.close() };
    },
    makeInstance: async (name) => servers.add(`godwit-${name}`, servers.serving().marks),
    pause: () => servers.rds.time.sleep(15_000),
    dispose: async () => undefined,
  };
});
