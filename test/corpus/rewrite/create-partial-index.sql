CREATE INDEX IF NOT EXISTS "TokenBalance_worthless_idx" ON "TokenBalance" ("walletId", "updatedAt" DESC) INCLUDE ("quantity") WHERE "usdValue" IS NULL;
