-- CreateTable
CREATE TABLE "Alert" (
    "id" TEXT NOT NULL,
    "walletId" TEXT NOT NULL,
    "balanceId" TEXT,

    CONSTRAINT "Alert_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Alert_walletId_idx" ON "Alert"("walletId");

-- CreateIndex
CREATE INDEX "TokenBalance_updatedAt_idx" ON "TokenBalance"("updatedAt");

-- AddForeignKey
ALTER TABLE "Alert" ADD CONSTRAINT "Alert_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "TokenBalance" ADD CONSTRAINT "TokenBalance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
