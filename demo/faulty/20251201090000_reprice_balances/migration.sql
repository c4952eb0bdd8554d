-- The price feed that we moved to on 28 November quotes USDC per 1,000 tokens. The collector multiplies
-- since then; the balances that it has not refreshed yet are still in the old unit, so they are caught up here.
--
-- What is changed is remembered, so that down.sql takes back exactly that and nothing that the collectors
-- wrote in the meantime. "updatedAt" stays: no collector has refreshed these balances.

CREATE SCHEMA "maintenance";

CREATE TABLE "maintenance"."repriced_balance" (
  "id" TEXT PRIMARY KEY,
  "usdValue" DECIMAL(36, 18) NOT NULL
);

WITH repriced AS (
  UPDATE "TokenBalance"
  SET "usdValue" = "usdValue" * 1000
  WHERE "tokenId" IN (SELECT "id" FROM "Token" WHERE "symbol" = 'USDC')
    AND "usdValue" > 0
  RETURNING "id", "usdValue"
)
INSERT INTO "maintenance"."repriced_balance" ("id", "usdValue")
SELECT "id", "usdValue" FROM repriced;
