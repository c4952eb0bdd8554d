-- invariant: Digest snapshots per run
-- severity: error
-- expect: same
-- key: id
-- description: What each digest run captured of balances, locks, rewards and positions.
--   Runs of the last hour are left out, since a run writes its snapshots one after the other.
SELECT
  run."id",
  run."portfolioTotal" AS portfolio_total,
  wallets.*,
  locks.*,
  rewards.*,
  positions.*
FROM "DigestRun" run
CROSS JOIN LATERAL (
  SELECT count(*) AS wallets, sum("totalUsd") AS wallets_usd
  FROM "WalletBalanceSnapshot" WHERE "digestRunId" = run."id"
) AS wallets
CROSS JOIN LATERAL (
  SELECT count(*) AS locks, sum("lockAmount") AS locks_amount, sum("votingPower") AS locks_voting_power
  FROM "GovernanceLockSnapshot" WHERE "digestRunId" = run."id"
) AS locks
CROSS JOIN LATERAL (
  SELECT count(*) AS rewards, sum("usdValue") AS rewards_usd, sum("netUsd") AS rewards_net_usd
  FROM "RewardOpportunitySnapshot" WHERE "digestRunId" = run."id"
) AS rewards
CROSS JOIN LATERAL (
  SELECT count(*) AS positions, sum("notional") AS positions_notional, sum("debtValue") AS positions_debt
  FROM "GammaswapPositionSnapshot" WHERE "digestRunId" = run."id"
) AS positions
WHERE run."createdAt" < current_setting('godwit.as_of')::timestamp - interval '1 hour';
