-- invariant: Price history per token
-- severity: error
-- expect: same
-- key: tokenId
-- description: Prices are only ever added, and carry no time of update: those that were there at the reading's instant stay.
--   A minute's margin leaves out inserts that were under way.
SELECT
  "tokenId",
  count(*) AS price_count,
  sum("priceUsd") AS price_sum,
  min("recordedAt") AS first_recorded_at,
  max("recordedAt") AS last_recorded_at
FROM "PriceSnapshot"
WHERE "createdAt" < current_setting('godwit.as_of')::timestamp - interval '1 minute'
GROUP BY "tokenId";
