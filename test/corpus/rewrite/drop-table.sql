-- DropForeignKey
ALTER TABLE "Note" DROP CONSTRAINT "Note_balanceId_fkey";

-- DropTable
DROP TABLE "Note";

-- CreateIndex
CREATE INDEX "TokenBalance_rank_idx" ON "TokenBalance"("rank");
