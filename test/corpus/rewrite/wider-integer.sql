-- AlterTable
ALTER TABLE "TokenBalance" ALTER COLUMN "block" SET DATA TYPE BIGINT;
