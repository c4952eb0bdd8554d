ALTER TABLE "TokenBalance" ADD CONSTRAINT "rank_bounds" CHECK ("rank" >= 0) NOT VALID;
ALTER TABLE "TokenBalance" DROP CONSTRAINT "rank_bounds";
ALTER TABLE "TokenBalance" ADD CONSTRAINT "rank_bounds" CHECK ("rank" BETWEEN 0 AND 1000000);
