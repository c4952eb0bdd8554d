-- AlterTable
ALTER TABLE "TokenBalance" DROP COLUMN "block",
DROP COLUMN "kind",
ADD COLUMN     "label" TEXT;

-- DropEnum
DROP TYPE "BalanceKind";
