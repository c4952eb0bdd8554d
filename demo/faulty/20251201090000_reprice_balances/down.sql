-- Balances that a collector has written since are right already, and are left as they are.
-- The division is exact: after the multiplication the last three decimals of the column are zero.

UPDATE "TokenBalance"
SET "usdValue" = "TokenBalance"."usdValue" / 1000
FROM "maintenance"."repriced_balance" AS repriced
WHERE "TokenBalance"."id" = repriced."id"
  AND "TokenBalance"."usdValue" = repriced."usdValue";

DROP TABLE "maintenance"."repriced_balance";

DROP SCHEMA "maintenance";
