/** A Prisma folder small enough for many runs: accounts with balances, and migrations on top of them. */
import { join } from 'node:path';
import { writePrismaFolder } from './cli';

const LOCKFILE = 'provider = "postgresql"\n';

const SCHEMA = `
datasource db {
  provider = "postgresql"
}

model Account {
  id        String   @id
  balance   Decimal  @db.Decimal(36, 18)
  updatedAt DateTime @updatedAt @db.Timestamp(3)
}
`;

export const INIT = '20260101000000_init';

/** As Prisma writes it, and filled, so that there is something to lose. */
const INIT_SQL = `
-- CreateTable
CREATE TABLE "Account" (
    "id" TEXT NOT NULL,
    "balance" DECIMAL(36,18) NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Account_pkey" PRIMARY KEY ("id")
);

INSERT INTO "Account" SELECT 'account ' || n, n, '2026-01-01' FROM generate_series(1, 1000) AS n;
`;

const INVARIANT = `-- invariant: Total of all balances
-- expect: same
-- key: unit
-- description: No migration makes or loses money.
SELECT 'USD' AS unit, count(*) AS accounts, sum("balance") AS total FROM "Account"
`;

export interface SmallMigration {
  readonly name: string;
  readonly up: string;
  readonly down?: string;
}

/** The first migration alone, or with more behind it. */
export function writeSmallProject(
  folder: string,
  migrations: readonly SmallMigration[] = [],
): Promise<string> {
  const files: Record<string, string> = {
    'schema.prisma': SCHEMA,
    'migrations/migration_lock.toml': LOCKFILE,
    [`migrations/${INIT}/migration.sql`]: INIT_SQL,
    'invariants/total.sql': INVARIANT,
  };
  for (const { name, up, down } of migrations) {
    files[join('migrations', name, 'migration.sql')] = up;
    if (down !== undefined) files[join('migrations', name, 'down.sql')] = down;
  }
  return writePrismaFolder(folder, files);
}
