-- AlterEnum
BEGIN;
CREATE TYPE "BalanceKind_new" AS ENUM ('SPOT', 'STAKED');
ALTER TABLE "TokenBalance" ALTER COLUMN "kind" DROP DEFAULT;
ALTER TABLE "TokenBalance" ALTER COLUMN "kind" TYPE "BalanceKind_new" USING ("kind"::text::"BalanceKind_new");
ALTER TYPE "BalanceKind" RENAME TO "BalanceKind_old";
ALTER TYPE "BalanceKind_new" RENAME TO "BalanceKind";
DROP TYPE "BalanceKind_old";
ALTER TABLE "TokenBalance" ALTER COLUMN "kind" SET DEFAULT 'SPOT';
COMMIT;
