-- AlterTable
ALTER TABLE "TokenBalance" ADD COLUMN     "note" TEXT,
ADD COLUMN     "reference" UUID DEFAULT gen_random_uuid(),
ALTER COLUMN "memo" DROP DEFAULT,
ALTER COLUMN "memo" SET NOT NULL,
DROP COLUMN "block",
ADD CONSTRAINT "rank_not_negative" CHECK ("rank" >= 0);
