-- Create migration validation queries
-- Test data integrity before/after migration

-- Portfolio totals consistency check
SELECT
  w.id,
  w.address,
  COUNT(tb.id) as balance_count,
  COALESCE(SUM(tb.usdValue), 0) as total_usd
FROM "Wallet" w
LEFT JOIN "TokenBalance" tb ON w.id = tb.walletId
GROUP BY w.id, w.address
HAVING COUNT(tb.id) > 0;

-- Governance lock consistency
SELECT
  gl.id,
  gl.lockAmount,
  gl.votingPower,
  CASE
    WHEN gl.lockEndsAt < NOW() THEN 'EXPIRED'
    WHEN gl.lockEndsAt < NOW() + INTERVAL '7 days' THEN 'EXPIRING_SOON'
    ELSE 'ACTIVE'
  END as status
FROM "GovernanceLock" gl;

-- Alert data integrity
SELECT
  status,
  COUNT(*) as count,
  MIN(triggerAt) as oldest_trigger,
  MAX(triggerAt) as newest_trigger
FROM "Alert"
GROUP BY status;
