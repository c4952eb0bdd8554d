/** For tests: Prisma's engine as its users run it, applying migrations itself. */

import { EngineConnections, type RunScript } from '../../lambda/adapters/prisma/driver-adapters';
import { installedWasm } from '../../lambda/adapters/prisma/installed-wasm';
import { migrationList, NO_FILTER, schemaFiles } from '../../lambda/adapters/prisma/migration-list';
import { WasmSchemaEngine, withEngine } from '../../lambda/adapters/prisma/wasm-schema-engine';
import { checksumOf, type Project } from '../../lambda/domain/migration';
import { type Database, withSession } from '../../lambda/ports/database';
import { parseScript } from '../../lambda/sql/parse';
import { projectRoot } from './cluster';

/** As Prisma's engine since 7.4: each statement in autocommit. */
const runStatementByStatement: RunScript = async (adapter, script) => {
  for (const { sql } of (await parseScript(script)).statements) {
    await adapter.executeRaw({ sql, args: [], argTypes: [] });
  }
};

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

/** A project without a folder. Migrations by name, in any order. */
export const projectOf = (schema: string, migrations: Readonly<Record<string, string>>): Project => ({
  schema,
  lockfile: 'provider = "postgresql"\n',
  migrations: Object.entries(migrations)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, sql]) => ({ name, sql, downSql: undefined, checksum: checksumOf(sql) })),
  invariants: [],
});

export const SHOP_SCHEMA = `datasource db {
  provider = "postgresql"
}

model Customer {
  id     Int     @id
  email  String  @unique
  orders Order[]
}

model Order {
  id         Int      @id
  customerId Int
  total      Decimal  @db.Decimal(12, 2)
  note       String?
  customer   Customer @relation(fields: [customerId], references: [id])

  @@index([customerId])
}
`;

/** What two migrations build is what {@link SHOP_SCHEMA} says. */
export const SHOP_MIGRATIONS = {
  '20250101000000_init': `-- CreateTable
CREATE TABLE "Customer" ("id" INTEGER NOT NULL, "email" TEXT NOT NULL, CONSTRAINT "Customer_pkey" PRIMARY KEY ("id"));
CREATE TABLE "Order" (
  "id" INTEGER NOT NULL, "customerId" INTEGER NOT NULL, "total" DECIMAL(12,2) NOT NULL,
  CONSTRAINT "Order_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "Customer_email_key" ON "Customer"("email");
ALTER TABLE "Order" ADD CONSTRAINT "Order_customerId_fkey"
  FOREIGN KEY ("customerId") REFERENCES "Customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
`,
  '20250102000000_add_note': `ALTER TABLE "Order" ADD COLUMN "note" TEXT; -- a semicolon; in a comment
DO $$ BEGIN PERFORM 1; PERFORM 2; END $$;
CREATE INDEX CONCURRENTLY "Order_customerId_idx" ON "Order"("customerId");
`,
} as const;

export const shop = (): Project => projectOf(SHOP_SCHEMA, SHOP_MIGRATIONS);

export const firstOf = (project: Project, count: number): Project => ({
  ...project,
  migrations: project.migrations.slice(0, count),
});

export const execute = (database: Database, ...statements: readonly string[]): Promise<void> =>
  withSession(database, { applicationName: 'godwit-test' }, async (session) => {
    for (const statement of statements) await session.query(statement);
  });

export const databaseNames = (database: Database): Promise<readonly string[]> =>
  withSession(database, { applicationName: 'godwit-test' }, async (session) => {
    const { rows } = await session.query<{ datname: string }>('SELECT datname FROM pg_database ORDER BY 1');
    return rows.map(({ datname }) => datname);
  });
