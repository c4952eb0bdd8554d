-- DropIndex
DROP INDEX "TokenBalance_walletId_idx";

-- CreateIndex
CREATE INDEX "TokenBalance_walletId_tokenId_idx" ON "TokenBalance"("walletId", "tokenId");
