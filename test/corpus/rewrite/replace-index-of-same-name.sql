-- A sorted list of a wallet's balances without a sort.
DROP INDEX "TokenBalance_walletId_idx";
CREATE INDEX "TokenBalance_walletId_idx" ON "TokenBalance"("walletId", "quantity" DESC);
