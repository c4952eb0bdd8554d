-- invariant: No balance is worth less than nothing
-- severity: error
-- expect: none
-- key: id
-- description: The rule of the constraint balance_usd_non_negative. NaN is above every number in Postgres and is asked for by name.
SELECT "id", "walletId", "tokenId", "usdValue"
FROM "TokenBalance"
WHERE "usdValue" < 0 OR "usdValue" = 'NaN';
