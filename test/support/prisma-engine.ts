/** For tests: Prisma's engine as its users run it, applying migrations itself. */

import {
  EngineConnections,
  type RunScript,
  runStatementByStatement,
} from '../../lambda/adapters/prisma/driver-adapters';
import { installedWasm } from '../../lambda/adapters/prisma/installed-wasm';
import { migrationList, NO_FILTER, schemaFiles } from '../../lambda/adapters/prisma/migration-list';
import { WasmSchemaEngine, withEngine } from '../../lambda/adapters/prisma/wasm-schema-engine';
import type { Project } from '../../lambda/domain/migration';
import type { Database } from '../../lambda/ports/database';
import { projectRoot } from './cluster';

export const loadWasm = installedWasm(projectRoot);

export const newSchemaEngine = (): WasmSchemaEngine => new WasmSchemaEngine({ loadWasm });

const connections = (database: Database, runMainScript: RunScript): EngineConnections =>
  new EngineConnections({ database, shadowServer: database, ca: undefined, runMainScript });

/** As `prisma migrate deploy`: ledger, advisory lock and all. Answers the names that were applied. */
export const prismaMigrateDeploy = (database: Database, project: Project): Promise<readonly string[]> =>
  withEngine(
    {
      operation: 'apply the migrations',
      connections: connections(database, runStatementByStatement),
      schema: project.schema,
      loadWasm,
    },
    async (engine) => {
      const { appliedMigrationNames } = await engine.applyMigrations({
        migrationsList: migrationList(project),
        filters: NO_FILTER,
      });
      return appliedMigrationNames;
    },
  );

/** As `prisma db push`: no ledger. */
export const prismaDbPush = (database: Database, schema: string): Promise<void> =>
  withEngine(
    {
      operation: 'push the schema',
      connections: connections(database, runStatementByStatement),
      schema,
      loadWasm,
    },
    async (engine) => {
      await engine.schemaPush({ force: false, schema: schemaFiles(schema), filters: NO_FILTER });
    },
  );
