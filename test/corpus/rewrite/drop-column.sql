-- AlterTable
ALTER TABLE "TokenBalance" DROP COLUMN "source";
