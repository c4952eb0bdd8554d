ALTER TABLE "TokenBalance" ADD COLUMN "number" SERIAL;
