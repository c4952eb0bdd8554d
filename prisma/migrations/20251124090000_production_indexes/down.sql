-- CONCURRENTLY: a plain DROP INDEX takes ACCESS EXCLUSIVE on the table and queues every reader behind it.

DROP INDEX CONCURRENTLY IF EXISTS "PositionSnapshot_protocolId_idx";
DROP INDEX CONCURRENTLY IF EXISTS "Transaction_protocolId_occurredAt_idx";
DROP INDEX CONCURRENTLY IF EXISTS "GammaswapPosition_poolId_idx";
DROP INDEX CONCURRENTLY IF EXISTS "GammaswapPositionSnapshot_gammaswapPositionId_capturedAt_idx";
DROP INDEX CONCURRENTLY IF EXISTS "GovernanceLockSnapshot_governanceLockId_capturedAt_idx";
DROP INDEX CONCURRENTLY IF EXISTS "RewardOpportunity_governanceLockId_idx";
DROP INDEX CONCURRENTLY IF EXISTS "RewardOpportunitySnapshot_rewardOpportunityId_idx";
DROP INDEX CONCURRENTLY IF EXISTS "RewardClaim_rewardOpportunityId_idx";
DROP INDEX CONCURRENTLY IF EXISTS "Alert_rewardOpportunityId_idx";
DROP INDEX CONCURRENTLY IF EXISTS "Alert_status_triggerAt_idx";
DROP INDEX CONCURRENTLY IF EXISTS "GovernanceLock_lockEndsAt_idx";
