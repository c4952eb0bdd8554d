-- CreateIndex
CREATE UNIQUE INDEX "TokenBalance_walletId_id_key" ON "TokenBalance"("walletId", "id");
