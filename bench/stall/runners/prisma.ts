/** Prisma's own engine through its stock adapter: statement by statement in autocommit, no time limits. */
import { parseDatabaseUrl } from '../../../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../../../lambda/adapters/postgres/pg-database';
import { EngineConnections, type RunScript } from '../../../lambda/adapters/prisma/driver-adapters';
import { engineClass } from '../../../lambda/adapters/prisma/engine-module';
import { installedWasm } from '../../../lambda/adapters/prisma/installed-wasm';
import { migrationList, NO_FILTER } from '../../../lambda/adapters/prisma/migration-list';
import { withEngine } from '../../../lambda/adapters/prisma/wasm-schema-engine';
import { checksumOf } from '../../../lambda/domain/migration';
import { MIGRATIONS, migrationName } from '../cases';
import type { Prepare } from '../runner-process';
import { INIT } from '../tables';

const asPrismaDoes: RunScript = (adapter, script) => adapter.executeScript(script);

export const preparePrisma: Prepare = async (request) => {
  const loadWasm = installedWasm(request.projectRoot);
  await engineClass(loadWasm);
  const database = new PgDatabase(parseDatabaseUrl(request.url));
  const sql = `${MIGRATIONS[request.case].asGenerated};\n`;
  const migration = { name: migrationName(request.case), sql, downSql: undefined, checksum: checksumOf(sql) };
  return async () => {
    const connections = new EngineConnections({
      database,
      shadowServer: database,
      ca: undefined,
      runMainScript: asPrismaDoes,
    });
    const call = { operation: 'apply the migration', connections, schema: undefined, loadWasm };
    await withEngine(call, (engine) =>
      engine.applyMigrations({
        migrationsList: migrationList({ lockfile: undefined, migrations: [INIT, migration] }),
        filters: NO_FILTER,
      }),
    );
    return undefined;
  };
};
