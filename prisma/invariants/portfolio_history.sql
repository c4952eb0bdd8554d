-- invariant: Portfolio history per wallet
-- severity: error
-- expect: same
-- key: wallet
-- description: Portfolio snapshots are only ever added: those that were there at the reading's instant stay.
--   Snapshots without a wallet are of the whole portfolio.
SELECT
  coalesce("walletId", 'all wallets') AS wallet,
  count(*) AS snapshot_count,
  sum("totalUsdValue") AS total_usd,
  min("capturedAt") AS first_captured_at,
  max("capturedAt") AS last_captured_at
FROM "PortfolioSnapshot"
WHERE "createdAt" < current_setting('godwit.as_of')::timestamp - interval '1 minute'
GROUP BY "walletId";
