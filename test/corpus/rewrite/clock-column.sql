ALTER TABLE "TokenBalance" ADD COLUMN "seenAt" TIMESTAMP(3) DEFAULT clock_timestamp();
