-- Indexes that WeDefiDaily's queries and foreign keys need and that the schema lacked.
--
-- CONCURRENTLY keeps writers going, and cannot run in a transaction: this file runs statement by statement.
-- IF NOT EXISTS makes running it again converge. Alone it would also pass over the INVALID index that an
-- interrupted build leaves behind; Godwit drops its own invalid index before it tries again, and checks
-- afterwards that every index is valid.
--
-- Left out on purpose:
-- - Portfolio totals over all wallets read every balance whatever the index. An index on "usdValue" would also end
--   heap-only updates of TokenBalance, whose every refresh writes that column.
-- - The latest price of each token is read backwards from price_snapshot_token_recorded_idx when asked for token by
--   token (LATERAL … ORDER BY "recordedAt" DESC LIMIT 1); DISTINCT ON reads the whole history.
-- - Rewards by deadline are read from RewardOpportunity_claimDeadline_idx, and a wallet has a handful of them.
-- - Foreign keys to Token and Chain (Bribe, GammaswapPool, RewardClaim, Wallet, …): those parents are hardly ever
--   deleted, now that RESTRICT guards them, and each index costs every insert.

-- Locks that expire within a week, soonest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "GovernanceLock_lockEndsAt_idx" ON "GovernanceLock" ("lockEndsAt");

-- Open alerts, latest first: with (status) alone every open alert is sorted, with ("triggerAt") alone every
-- closed one is read on the way.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "Alert_status_triggerAt_idx" ON "Alert" ("status", "triggerAt");

-- Reward opportunities come and go with each computation, and each deletion looks for rows that refer to it in
-- these three tables.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "Alert_rewardOpportunityId_idx" ON "Alert" ("rewardOpportunityId");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "RewardClaim_rewardOpportunityId_idx" ON "RewardClaim" ("rewardOpportunityId");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "RewardOpportunitySnapshot_rewardOpportunityId_idx" ON "RewardOpportunitySnapshot" ("rewardOpportunityId");

-- The rewards of a lock; deleting the lock cascades to them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "RewardOpportunity_governanceLockId_idx" ON "RewardOpportunity" ("governanceLockId");

-- The history of one lock over the digest runs. The unique key begins with "digestRunId" and does not serve.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "GovernanceLockSnapshot_governanceLockId_capturedAt_idx" ON "GovernanceLockSnapshot" ("governanceLockId", "capturedAt");

-- The health of one position over the digest runs; likewise.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "GammaswapPositionSnapshot_gammaswapPositionId_capturedAt_idx" ON "GammaswapPositionSnapshot" ("gammaswapPositionId", "capturedAt");

-- The positions in a pool; RESTRICT looks for them when a pool is removed.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "GammaswapPosition_poolId_idx" ON "GammaswapPosition" ("poolId");

-- A protocol's latest transactions; SET NULL looks for them when a protocol is removed.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "Transaction_protocolId_occurredAt_idx" ON "Transaction" ("protocolId", "occurredAt");

-- Exposure to a protocol over time; SET NULL looks for these rows when a protocol is removed.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "PositionSnapshot_protocolId_idx" ON "PositionSnapshot" ("protocolId");
