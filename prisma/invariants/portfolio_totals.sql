-- invariant: Portfolio totals per wallet
-- severity: error
-- expect: same
-- key: id
-- written: last_written_at
-- description: Every wallet keeps its balances and what they are worth, wallets without a balance included.
--   A wallet whose balances the application refreshed meanwhile is told by its "updatedAt".
SELECT
  w."id",
  w."address",
  count(tb."id") AS balance_count,
  coalesce(sum(tb."quantity"), 0) AS total_quantity,
  coalesce(sum(tb."usdValue"), 0) AS total_usd,
  greatest(w."updatedAt", max(tb."updatedAt")) AS last_written_at
FROM "Wallet" w
LEFT JOIN "TokenBalance" tb ON tb."walletId" = w."id"
GROUP BY w."id", w."address", w."updatedAt";
