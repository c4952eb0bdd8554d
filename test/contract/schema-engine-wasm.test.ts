import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { EngineConnections, refuseScripts } from '../../lambda/adapters/prisma/driver-adapters';
import { NO_FILTER } from '../../lambda/adapters/prisma/migration-list';
import { WasmSchemaEngine, withEngine } from '../../lambda/adapters/prisma/wasm-schema-engine';
import { type Database, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';
import {
  databaseNames,
  execute,
  loadWasm,
  newSchemaEngine,
  prismaMigrateDeploy,
  shop,
} from '../support/prisma-engine';
import { schemaEngineContract } from './schema-engine.contract';

const cluster = useCluster();

describe("Prisma's schema engine as WebAssembly", () => {
  schemaEngineContract(() => ({ engine: newSchemaEngine(), freshDatabase: () => cluster.freshDatabase() }));

  const asRole = async (database: Database, role: string): Promise<Database> => {
    await execute(
      database,
      `CREATE ROLE ${role} LOGIN PASSWORD 'p%40ss'`,
      `GRANT pg_read_all_data TO ${role}`,
    );
    const { host, port } = database.address;
    return new PgDatabase({
      host,
      port,
      database: database.address.database,
      user: role,
      password: 'p%40ss',
    });
  };

  it('refuses to look for drift without the right to create databases, and says how to grant it', async () => {
    const database = await cluster.freshDatabase();
    const poor = await asRole(database, 'poor');
    await expect(newSchemaEngine().drift(poor, shop())).rejects.toMatchObject({
      name: 'ShadowDatabaseRefused',
      user: 'poor',
      message: expect.stringContaining('ALTER ROLE "poor" CREATEDB'),
    });
  });

  it('creates its shadow databases on the server that it was given for them', async () => {
    const database = await cluster.freshDatabase();
    await prismaMigrateDeploy(database, shop());
    const restricted = await asRole(database, 'restricted');
    const engine = new WasmSchemaEngine({ loadWasm, shadowServer: await cluster.freshDatabase() });
    expect(await engine.drift(restricted, shop())).toBe('');
  });

  it('drops shadow databases that a killed process left behind an hour ago, and no younger ones', async () => {
    const database = await cluster.freshDatabase();
    const old = `godwit_shadow_${Date.now() - 61 * 60_000}_00000000`;
    const young = `godwit_shadow_${Date.now() - 59 * 60_000}_00000000`;
    await execute(database, `CREATE DATABASE ${old}`, `CREATE DATABASE ${young}`);
    await newSchemaEngine().unmigratedChanges(database, shop());
    const names = await databaseNames(database);
    expect(names).not.toContain(old);
    expect(names).toContain(young);
    await execute(database, `DROP DATABASE ${young}`);
  });

  it('leaves no session behind, neither after an answer nor after an error', async () => {
    const database = await cluster.freshDatabase();
    await newSchemaEngine().diagnose(database, shop());
    await expect(newSchemaEngine().markRolledBack(database, 'nope')).rejects.toThrow(
      'has no migration history',
    );
    const sessions = await withSession(database, { applicationName: 'godwit-test' }, async (session) => {
      const { rows } = await session.query(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'godwit schema%' AND datname = current_database()",
      );
      return rows;
    });
    expect(sessions).toEqual([]);
  });

  it('says in the words of the database port that a server cannot be reached or refuses', async () => {
    const nowhere = new PgDatabase({ host: '127.0.0.1', port: 1, user: 'x', database: 'x' });
    await expect(newSchemaEngine().diagnose(nowhere, shop())).rejects.toMatchObject({
      name: 'DatabaseUnreachable',
    });
    const refused = new PgDatabase({ ...parseDatabaseUrl(cluster.url), database: 'no_such_database' });
    await expect(newSchemaEngine().diagnose(refused, shop())).rejects.toMatchObject({
      name: 'DatabaseRefused',
    });
  });

  it('never executes a migration on the database itself', async () => {
    const database = await cluster.freshDatabase();
    const engine = newSchemaEngine();
    await engine.diagnose(database, shop());
    await engine.unmigratedChanges(database, shop());
    await engine.devDiagnostic(database, shop());
    await engine.drift(database, shop());
    const tables = await withSession(database, { applicationName: 'godwit-test' }, (session) =>
      session.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"),
    );
    expect(tables.rows).toEqual([]);
  });

  it('loads its module again after a load that failed', async () => {
    await jest.isolateModulesAsync(async () => {
      const isolated = await import('../../lambda/adapters/prisma/wasm-schema-engine');
      const answers = [() => Promise.reject(new Error('disk on fire')), loadWasm];
      const engine = new isolated.WasmSchemaEngine({ loadWasm: () => answers.shift()?.() ?? loadWasm() });
      await expect(engine.fullScript(shop().schema)).rejects.toThrow('disk on fire');
      expect(await engine.fullScript(shop().schema)).toContain('CREATE TABLE');
    });
  });

  it('survives a crash of the engine, which fails the question and not the process', async () => {
    const connections = new EngineConnections({
      database: cluster.database,
      shadowServer: cluster.database,
      ca: undefined,
      runMainScript: refuseScripts,
    });
    const crash = withEngine({ operation: 'crash', connections, schema: undefined, loadWasm }, (engine) =>
      // Known to panic inside of the engine's own future: a schema without files.
      engine.diff({
        from: { tag: 'empty' },
        to: { tag: 'schemaDatamodel', files: [] },
        script: true,
        exitCode: null,
        filters: NO_FILTER,
      }),
    );
    await expect(crash).rejects.toMatchObject({
      name: 'SchemaEngineFailed',
      reason: expect.stringContaining('it crashed'),
    });
    expect(await newSchemaEngine().fullScript(shop().schema)).toContain('CREATE TABLE');
  });
});
