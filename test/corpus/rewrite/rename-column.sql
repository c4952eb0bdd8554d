ALTER TABLE "TokenBalance" RENAME COLUMN "source" TO "origin";
