-- AlterTable
ALTER TABLE "TokenBalance" ALTER COLUMN "memo" SET NOT NULL;
