-- DropForeignKey
ALTER TABLE "Note" DROP CONSTRAINT "Note_balanceId_fkey";

-- AddForeignKey
ALTER TABLE "Note" ADD CONSTRAINT "Note_balanceId_fkey" FOREIGN KEY ("balanceId") REFERENCES "TokenBalance"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
