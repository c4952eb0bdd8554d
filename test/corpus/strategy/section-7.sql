-- Performance regression detection
EXPLAIN (ANALYZE, BUFFERS)
SELECT w.id, w.address, SUM(tb.usdValue) as total
FROM "Wallet" w
JOIN "TokenBalance" tb ON w.id = tb.walletId
WHERE tb.usdValue > 0
GROUP BY w.id, w.address
ORDER BY total DESC;

-- Index usage verification
SELECT
  schemaname,
  tablename,
  indexname,
  idx_scan,
  idx_tup_read,
  idx_tup_fetch
FROM pg_stat_user_indexes
WHERE idx_scan < 10  -- Identify unused indexes
ORDER BY idx_scan;
