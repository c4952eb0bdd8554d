-- AlterTable
ALTER TABLE "Note" DROP CONSTRAINT "Note_pkey",
ADD CONSTRAINT "Note_pkey" PRIMARY KEY ("id", "balanceId");

-- AlterTable
ALTER TABLE "TokenBalance" ADD CONSTRAINT "TokenBalance_walletId_id_key" UNIQUE ("walletId", "id");
