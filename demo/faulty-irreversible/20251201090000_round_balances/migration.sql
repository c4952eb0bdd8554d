-- The dashboard shows dollars and cents, and the totals on the overview differ from the sum of what is shown
-- by a cent now and then. With values in whole cents both agree.
--
-- No down.sql: the digits that are dropped are written nowhere else.

UPDATE "TokenBalance"
SET "usdValue" = round("usdValue", 2)
WHERE "tokenId" IN (SELECT "id" FROM "Token" WHERE "symbol" = 'USDC')
  AND "usdValue" <> round("usdValue", 2);
