-- invariant: Prices are positive
-- severity: error
-- expect: none
-- key: id
-- description: The rule of the constraint price_positive.
SELECT "id", "tokenId", "priceUsd", "recordedAt"
FROM "PriceSnapshot"
WHERE "priceUsd" <= 0 OR "priceUsd" = 'NaN';
