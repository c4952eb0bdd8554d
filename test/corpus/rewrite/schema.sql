-- The tables of `bench -- stall` with more columns, so that every rewritten migration can be run under its load.
CREATE TABLE "Wallet" (
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
CREATE TYPE "BalanceKind" AS ENUM ('SPOT', 'STAKED', 'LENT');
ALTER TABLE "TokenBalance"
  ADD COLUMN "kind" "BalanceKind" NOT NULL DEFAULT 'SPOT',
  ADD COLUMN "rank" INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN "memo" TEXT DEFAULT 'none',
  ADD COLUMN "source" VARCHAR(64) NOT NULL DEFAULT 'chain',
  ADD COLUMN "block" INTEGER;
ALTER TABLE "TokenBalance" ALTER COLUMN "source" DROP DEFAULT;
CREATE TABLE "Token" (
  "id" TEXT NOT NULL,
  "symbol" TEXT NOT NULL,
  CONSTRAINT "Token_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "Note" (
  "id" TEXT NOT NULL,
  "balanceId" TEXT NOT NULL,
  "text" TEXT,
  CONSTRAINT "Note_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "Note_balanceId_fkey" FOREIGN KEY ("balanceId") REFERENCES "TokenBalance"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
