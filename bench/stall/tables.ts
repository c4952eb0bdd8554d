/** The tables that are migrated under load: WeDefiDaily's wallets and balances without their smaller relations. */
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import type { Session } from '../../lambda/ports/database';

export interface Sizes {
  readonly wallets: number;
  readonly balances: number;
}

const INIT_SQL = `CREATE TABLE "Wallet" (
  "id" TEXT NOT NULL,
  "address" VARCHAR(42) NOT NULL,
  CONSTRAINT "Wallet_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "TokenBalance" (
  "id" TEXT NOT NULL,
  "walletId" TEXT NOT NULL,
  "tokenId" TEXT NOT NULL,
  "quantity" DECIMAL(65,30) NOT NULL DEFAULT 0,
  "priceUsd" DECIMAL(36,18) NOT NULL,
  "usdValue" DECIMAL(36,18),
  "syncs" INTEGER NOT NULL DEFAULT 0,
  "updatedAt" TIMESTAMP(3) NOT NULL,
  CONSTRAINT "TokenBalance_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "TokenBalance_walletId_idx" ON "TokenBalance"("walletId");
`;

/** What is in the ledger before any of the measured migrations. */
export const INIT: Migration = {
  name: '20251103090000_init',
  sql: INIT_SQL,
  downSql: undefined,
  checksum: checksumOf(INIT_SQL),
};

/** As Prisma's `uuid()` makes them, in no order, but known to the load without asking. */
const walletId = (n: string): string => `md5('wallet ' || ${n})::uuid::text`;
const balanceId = (n: string): string => `md5('balance ' || ${n})::uuid::text`;

/** In SQL, so that the load and the rows agree. */
export const WALLET_ID = walletId('$1::int');
export const BALANCE_ID = balanceId('$1::int');

export async function fill(session: Session, { wallets, balances }: Sizes): Promise<void> {
  await session.query(
    `INSERT INTO "Wallet" SELECT ${walletId('n')}, '0x' || md5(n::text) || 'f0f0f0f0'
     FROM generate_series(1, $1::int) AS n`,
    [wallets],
  );
  await addBalances(session, { wallets, balances, from: 1 });
  await session.query('CREATE EXTENSION pg_prewarm');
}

/** Rows `from` to `balances`; the prime scatters a wallet's rows over the table. */
export async function addBalances(
  session: Session,
  { wallets, balances, from }: Sizes & { readonly from: number },
): Promise<void> {
  // One sort of all rows costs a third of inserting each into the index.
  await session.query('DROP INDEX "TokenBalance_walletId_idx"');
  await session.query('ALTER TABLE "TokenBalance" DROP CONSTRAINT "TokenBalance_pkey"');
  await session.query(
    `INSERT INTO "TokenBalance" ("id", "walletId", "tokenId", "quantity", "priceUsd", "updatedAt")
     SELECT ${balanceId('n')}, ${walletId('1 + n::bigint * 7919 % $1::int')}, 'token-' || n % 300,
            n * 0.001, n % 1000 * 0.37, '2025-11-03 09:00:00'
     FROM generate_series($2::int, $3::int) AS n`,
    [wallets, from, balances],
  );
  await session.query('ALTER TABLE "TokenBalance" ADD CONSTRAINT "TokenBalance_pkey" PRIMARY KEY ("id")');
  await session.query('CREATE INDEX "TokenBalance_walletId_idx" ON "TokenBalance"("walletId")');
  await session.query('VACUUM (ANALYZE) "Wallet", "TokenBalance"');
}

/** Into memory, and written to disk: neither shall happen while it is measured. */
export async function warm(session: Session): Promise<void> {
  await session.query(
    `SELECT pg_prewarm(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')`,
  );
  await session.query('CHECKPOINT');
}
