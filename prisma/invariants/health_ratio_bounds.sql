-- invariant: Health ratios are not negative
-- severity: error
-- expect: none
-- key: id
-- description: The rule of the constraint health_ratio_bounds. A ratio that is not known is NULL.
SELECT "id", "walletId", "poolId", "healthRatio"
FROM "GammaswapPosition"
WHERE "healthRatio" < 0 OR "healthRatio" = 'NaN';
