-- No balance without a value.
UPDATE "TokenBalance" SET "usdValue" = "quantity" * "priceUsd" WHERE "usdValue" IS NULL;
ALTER TABLE "TokenBalance" ALTER COLUMN "usdValue" SET NOT NULL;
