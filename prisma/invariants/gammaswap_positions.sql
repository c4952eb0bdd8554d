-- invariant: Gammaswap positions per wallet
-- severity: error
-- expect: same
-- key: walletId
-- written: last_written_at
-- description: Open positions, their debt, and the lowest health ratio, on which liquidation warnings depend.
--   The table has no time of update; the application sets "lastSyncAt" at each write.
SELECT
  "walletId",
  count(*) AS position_count,
  sum("notional") AS notional,
  sum("debtValue") AS debt_value,
  min("healthRatio") AS lowest_health_ratio,
  sum("pnlUsd") AS pnl_usd,
  max("lastSyncAt") AS last_written_at
FROM "GammaswapPosition"
GROUP BY "walletId";
