-- godwit:stepwise because a scan that is done need not be repeated when a later one is interrupted, and one transaction over all of them would hold back vacuum
--
-- VALIDATE takes SHARE UPDATE EXCLUSIVE on the referencing table and ROW SHARE on the referenced one:
-- neither keeps readers or writers waiting.

ALTER TABLE "Wallet" VALIDATE CONSTRAINT "Wallet_chainId_fkey";

ALTER TABLE "Protocol" VALIDATE CONSTRAINT "Protocol_chainId_fkey";

ALTER TABLE "Token" VALIDATE CONSTRAINT "Token_chainId_fkey";

ALTER TABLE "TokenBalance" VALIDATE CONSTRAINT "TokenBalance_walletId_fkey";
ALTER TABLE "TokenBalance" VALIDATE CONSTRAINT "TokenBalance_tokenId_fkey";

ALTER TABLE "PriceSnapshot" VALIDATE CONSTRAINT "PriceSnapshot_tokenId_fkey";

ALTER TABLE "GovernanceLock" VALIDATE CONSTRAINT "GovernanceLock_protocolId_fkey";
ALTER TABLE "GovernanceLock" VALIDATE CONSTRAINT "GovernanceLock_walletId_fkey";

ALTER TABLE "VoteEpoch" VALIDATE CONSTRAINT "VoteEpoch_protocolId_fkey";

ALTER TABLE "Gauge" VALIDATE CONSTRAINT "Gauge_protocolId_fkey";
ALTER TABLE "Gauge" VALIDATE CONSTRAINT "Gauge_chainId_fkey";

ALTER TABLE "Bribe" VALIDATE CONSTRAINT "Bribe_gaugeId_fkey";
ALTER TABLE "Bribe" VALIDATE CONSTRAINT "Bribe_epochId_fkey";
ALTER TABLE "Bribe" VALIDATE CONSTRAINT "Bribe_rewardTokenId_fkey";

ALTER TABLE "VotePowerSnapshot" VALIDATE CONSTRAINT "VotePowerSnapshot_governanceLockId_fkey";
ALTER TABLE "VotePowerSnapshot" VALIDATE CONSTRAINT "VotePowerSnapshot_epochId_fkey";

ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_rewardOpportunityId_fkey";
ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_protocolId_fkey";
ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_walletId_fkey";
ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_tokenId_fkey";
ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_governanceLockId_fkey";

ALTER TABLE "GammaswapPool" VALIDATE CONSTRAINT "GammaswapPool_protocolId_fkey";
ALTER TABLE "GammaswapPool" VALIDATE CONSTRAINT "GammaswapPool_baseTokenId_fkey";
ALTER TABLE "GammaswapPool" VALIDATE CONSTRAINT "GammaswapPool_quoteTokenId_fkey";

ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "GammaswapPosition_protocolId_fkey";
ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "GammaswapPosition_poolId_fkey";
ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "GammaswapPosition_walletId_fkey";
ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "GammaswapPosition_assetTokenId_fkey";

ALTER TABLE "Transaction" VALIDATE CONSTRAINT "Transaction_walletId_fkey";
ALTER TABLE "Transaction" VALIDATE CONSTRAINT "Transaction_tokenId_fkey";

ALTER TABLE "PortfolioSnapshot" VALIDATE CONSTRAINT "PortfolioSnapshot_walletId_fkey";

ALTER TABLE "PositionSnapshot" VALIDATE CONSTRAINT "PositionSnapshot_portfolioSnapshotId_fkey";
ALTER TABLE "PositionSnapshot" VALIDATE CONSTRAINT "PositionSnapshot_tokenId_fkey";
ALTER TABLE "PositionSnapshot" VALIDATE CONSTRAINT "PositionSnapshot_walletId_fkey";

ALTER TABLE "RiskEvent" VALIDATE CONSTRAINT "RiskEvent_walletId_fkey";

ALTER TABLE "WalletBalanceSnapshot" VALIDATE CONSTRAINT "WalletBalanceSnapshot_digestRunId_fkey";
ALTER TABLE "WalletBalanceSnapshot" VALIDATE CONSTRAINT "WalletBalanceSnapshot_walletId_fkey";

ALTER TABLE "GovernanceLockSnapshot" VALIDATE CONSTRAINT "GovernanceLockSnapshot_digestRunId_fkey";
ALTER TABLE "GovernanceLockSnapshot" VALIDATE CONSTRAINT "GovernanceLockSnapshot_governanceLockId_fkey";
ALTER TABLE "GovernanceLockSnapshot" VALIDATE CONSTRAINT "GovernanceLockSnapshot_walletId_fkey";
ALTER TABLE "GovernanceLockSnapshot" VALIDATE CONSTRAINT "GovernanceLockSnapshot_protocolId_fkey";

ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_digestRunId_fkey";
ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_rewardOpportunityId_fkey";
ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_walletId_fkey";
ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_protocolId_fkey";
ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_tokenId_fkey";

ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_digestRunId_fkey";
ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_gammaswapPositionId_fkey";
ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_walletId_fkey";
ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_protocolId_fkey";
ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_poolId_fkey";
