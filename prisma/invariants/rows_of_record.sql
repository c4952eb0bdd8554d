-- invariant: Rows of every table of record
-- severity: error
-- expect: same
-- key: table_name
-- description: No row that was there at the reading's instant is gone from the tables which the application only adds to.
--   A minute's margin leaves out inserts that were under way.
WITH clock AS (
  SELECT current_setting('godwit.as_of')::timestamp - interval '1 minute' AS settled
)
SELECT 'Chain' AS table_name, count(*) AS row_count, NULL::numeric AS total
FROM "Chain", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'Wallet', count(*), NULL
FROM "Wallet", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'Protocol', count(*), NULL
FROM "Protocol", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'Token', count(*), NULL
FROM "Token", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'GovernanceLock', count(*), NULL
FROM "GovernanceLock", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'VoteEpoch', count(*), NULL
FROM "VoteEpoch", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'Gauge', count(*), NULL
FROM "Gauge", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'Bribe', count(*), NULL
FROM "Bribe", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'GammaswapPool', count(*), NULL
FROM "GammaswapPool", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'Transaction', count(*), NULL
FROM "Transaction", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'PriceSnapshot', count(*), NULL
FROM "PriceSnapshot", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'PortfolioSnapshot', count(*), NULL
FROM "PortfolioSnapshot", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'RiskEvent', count(*), NULL
FROM "RiskEvent", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'Alert', count(*), NULL
FROM "Alert", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'VotePowerSnapshot', count(*), sum("votingPower")
FROM "VotePowerSnapshot", clock WHERE "createdAt" < clock.settled
UNION ALL
SELECT 'DigestRun', count(*), sum("portfolioTotal")
FROM "DigestRun", clock WHERE "createdAt" < clock.settled;
