-- godwit:stepwise because each statement locks two tables, and both locks must be released before the next are asked for
--
-- The cascades as they were, and validated as they were. Deletes reach financial history again.

ALTER TABLE "GammaswapPositionSnapshot"
  DROP CONSTRAINT "GammaswapPositionSnapshot_poolId_fkey",
  ADD CONSTRAINT "GammaswapPositionSnapshot_poolId_fkey" FOREIGN KEY ("poolId") REFERENCES "GammaswapPool"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPositionSnapshot"
  DROP CONSTRAINT "GammaswapPositionSnapshot_protocolId_fkey",
  ADD CONSTRAINT "GammaswapPositionSnapshot_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPositionSnapshot"
  DROP CONSTRAINT "GammaswapPositionSnapshot_walletId_fkey",
  ADD CONSTRAINT "GammaswapPositionSnapshot_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPositionSnapshot"
  DROP CONSTRAINT "GammaswapPositionSnapshot_gammaswapPositionId_fkey",
  ADD CONSTRAINT "GammaswapPositionSnapshot_gammaswapPositionId_fkey" FOREIGN KEY ("gammaswapPositionId") REFERENCES "GammaswapPosition"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPositionSnapshot"
  DROP CONSTRAINT "GammaswapPositionSnapshot_digestRunId_fkey",
  ADD CONSTRAINT "GammaswapPositionSnapshot_digestRunId_fkey" FOREIGN KEY ("digestRunId") REFERENCES "DigestRun"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "RewardOpportunitySnapshot"
  DROP CONSTRAINT "RewardOpportunitySnapshot_tokenId_fkey",
  ADD CONSTRAINT "RewardOpportunitySnapshot_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "RewardOpportunitySnapshot"
  DROP CONSTRAINT "RewardOpportunitySnapshot_protocolId_fkey",
  ADD CONSTRAINT "RewardOpportunitySnapshot_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "RewardOpportunitySnapshot"
  DROP CONSTRAINT "RewardOpportunitySnapshot_walletId_fkey",
  ADD CONSTRAINT "RewardOpportunitySnapshot_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "RewardOpportunitySnapshot"
  DROP CONSTRAINT "RewardOpportunitySnapshot_rewardOpportunityId_fkey",
  ADD CONSTRAINT "RewardOpportunitySnapshot_rewardOpportunityId_fkey" FOREIGN KEY ("rewardOpportunityId") REFERENCES "RewardOpportunity"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "RewardOpportunitySnapshot"
  DROP CONSTRAINT "RewardOpportunitySnapshot_digestRunId_fkey",
  ADD CONSTRAINT "RewardOpportunitySnapshot_digestRunId_fkey" FOREIGN KEY ("digestRunId") REFERENCES "DigestRun"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "GovernanceLockSnapshot"
  DROP CONSTRAINT "GovernanceLockSnapshot_protocolId_fkey",
  ADD CONSTRAINT "GovernanceLockSnapshot_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GovernanceLockSnapshot"
  DROP CONSTRAINT "GovernanceLockSnapshot_walletId_fkey",
  ADD CONSTRAINT "GovernanceLockSnapshot_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GovernanceLockSnapshot"
  DROP CONSTRAINT "GovernanceLockSnapshot_governanceLockId_fkey",
  ADD CONSTRAINT "GovernanceLockSnapshot_governanceLockId_fkey" FOREIGN KEY ("governanceLockId") REFERENCES "GovernanceLock"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GovernanceLockSnapshot"
  DROP CONSTRAINT "GovernanceLockSnapshot_digestRunId_fkey",
  ADD CONSTRAINT "GovernanceLockSnapshot_digestRunId_fkey" FOREIGN KEY ("digestRunId") REFERENCES "DigestRun"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "WalletBalanceSnapshot"
  DROP CONSTRAINT "WalletBalanceSnapshot_walletId_fkey",
  ADD CONSTRAINT "WalletBalanceSnapshot_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "WalletBalanceSnapshot"
  DROP CONSTRAINT "WalletBalanceSnapshot_digestRunId_fkey",
  ADD CONSTRAINT "WalletBalanceSnapshot_digestRunId_fkey" FOREIGN KEY ("digestRunId") REFERENCES "DigestRun"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "RiskEvent"
  DROP CONSTRAINT "RiskEvent_walletId_fkey",
  ADD CONSTRAINT "RiskEvent_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "PositionSnapshot"
  DROP CONSTRAINT "PositionSnapshot_walletId_fkey",
  ADD CONSTRAINT "PositionSnapshot_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "PositionSnapshot"
  DROP CONSTRAINT "PositionSnapshot_tokenId_fkey",
  ADD CONSTRAINT "PositionSnapshot_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "PositionSnapshot"
  DROP CONSTRAINT "PositionSnapshot_portfolioSnapshotId_fkey",
  ADD CONSTRAINT "PositionSnapshot_portfolioSnapshotId_fkey" FOREIGN KEY ("portfolioSnapshotId") REFERENCES "PortfolioSnapshot"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "PortfolioSnapshot"
  DROP CONSTRAINT "PortfolioSnapshot_walletId_fkey",
  ADD CONSTRAINT "PortfolioSnapshot_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "Transaction"
  DROP CONSTRAINT "Transaction_tokenId_fkey",
  ADD CONSTRAINT "Transaction_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "Transaction"
  DROP CONSTRAINT "Transaction_walletId_fkey",
  ADD CONSTRAINT "Transaction_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "GammaswapPosition"
  DROP CONSTRAINT "GammaswapPosition_assetTokenId_fkey",
  ADD CONSTRAINT "GammaswapPosition_assetTokenId_fkey" FOREIGN KEY ("assetTokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPosition"
  DROP CONSTRAINT "GammaswapPosition_walletId_fkey",
  ADD CONSTRAINT "GammaswapPosition_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPosition"
  DROP CONSTRAINT "GammaswapPosition_poolId_fkey",
  ADD CONSTRAINT "GammaswapPosition_poolId_fkey" FOREIGN KEY ("poolId") REFERENCES "GammaswapPool"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPosition"
  DROP CONSTRAINT "GammaswapPosition_protocolId_fkey",
  ADD CONSTRAINT "GammaswapPosition_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "GammaswapPool"
  DROP CONSTRAINT "GammaswapPool_quoteTokenId_fkey",
  ADD CONSTRAINT "GammaswapPool_quoteTokenId_fkey" FOREIGN KEY ("quoteTokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPool"
  DROP CONSTRAINT "GammaswapPool_baseTokenId_fkey",
  ADD CONSTRAINT "GammaswapPool_baseTokenId_fkey" FOREIGN KEY ("baseTokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GammaswapPool"
  DROP CONSTRAINT "GammaswapPool_protocolId_fkey",
  ADD CONSTRAINT "GammaswapPool_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "RewardClaim"
  DROP CONSTRAINT "RewardClaim_governanceLockId_fkey",
  ADD CONSTRAINT "RewardClaim_governanceLockId_fkey" FOREIGN KEY ("governanceLockId") REFERENCES "GovernanceLock"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "RewardClaim"
  DROP CONSTRAINT "RewardClaim_tokenId_fkey",
  ADD CONSTRAINT "RewardClaim_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "RewardClaim"
  DROP CONSTRAINT "RewardClaim_walletId_fkey",
  ADD CONSTRAINT "RewardClaim_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "RewardClaim"
  DROP CONSTRAINT "RewardClaim_protocolId_fkey",
  ADD CONSTRAINT "RewardClaim_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "RewardClaim"
  DROP CONSTRAINT "RewardClaim_rewardOpportunityId_fkey",
  ADD CONSTRAINT "RewardClaim_rewardOpportunityId_fkey" FOREIGN KEY ("rewardOpportunityId") REFERENCES "RewardOpportunity"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "VotePowerSnapshot"
  DROP CONSTRAINT "VotePowerSnapshot_epochId_fkey",
  ADD CONSTRAINT "VotePowerSnapshot_epochId_fkey" FOREIGN KEY ("epochId") REFERENCES "VoteEpoch"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "VotePowerSnapshot"
  DROP CONSTRAINT "VotePowerSnapshot_governanceLockId_fkey",
  ADD CONSTRAINT "VotePowerSnapshot_governanceLockId_fkey" FOREIGN KEY ("governanceLockId") REFERENCES "GovernanceLock"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "Bribe"
  DROP CONSTRAINT "Bribe_rewardTokenId_fkey",
  ADD CONSTRAINT "Bribe_rewardTokenId_fkey" FOREIGN KEY ("rewardTokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "Bribe"
  DROP CONSTRAINT "Bribe_epochId_fkey",
  ADD CONSTRAINT "Bribe_epochId_fkey" FOREIGN KEY ("epochId") REFERENCES "VoteEpoch"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "Bribe"
  DROP CONSTRAINT "Bribe_gaugeId_fkey",
  ADD CONSTRAINT "Bribe_gaugeId_fkey" FOREIGN KEY ("gaugeId") REFERENCES "Gauge"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "Gauge"
  DROP CONSTRAINT "Gauge_chainId_fkey",
  ADD CONSTRAINT "Gauge_chainId_fkey" FOREIGN KEY ("chainId") REFERENCES "Chain"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "Gauge"
  DROP CONSTRAINT "Gauge_protocolId_fkey",
  ADD CONSTRAINT "Gauge_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "VoteEpoch"
  DROP CONSTRAINT "VoteEpoch_protocolId_fkey",
  ADD CONSTRAINT "VoteEpoch_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "GovernanceLock"
  DROP CONSTRAINT "GovernanceLock_walletId_fkey",
  ADD CONSTRAINT "GovernanceLock_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "GovernanceLock"
  DROP CONSTRAINT "GovernanceLock_protocolId_fkey",
  ADD CONSTRAINT "GovernanceLock_protocolId_fkey" FOREIGN KEY ("protocolId") REFERENCES "Protocol"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "PriceSnapshot"
  DROP CONSTRAINT "PriceSnapshot_tokenId_fkey",
  ADD CONSTRAINT "PriceSnapshot_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "TokenBalance"
  DROP CONSTRAINT "TokenBalance_tokenId_fkey",
  ADD CONSTRAINT "TokenBalance_tokenId_fkey" FOREIGN KEY ("tokenId") REFERENCES "Token"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;
ALTER TABLE "TokenBalance"
  DROP CONSTRAINT "TokenBalance_walletId_fkey",
  ADD CONSTRAINT "TokenBalance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "Token"
  DROP CONSTRAINT "Token_chainId_fkey",
  ADD CONSTRAINT "Token_chainId_fkey" FOREIGN KEY ("chainId") REFERENCES "Chain"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "Protocol"
  DROP CONSTRAINT "Protocol_chainId_fkey",
  ADD CONSTRAINT "Protocol_chainId_fkey" FOREIGN KEY ("chainId") REFERENCES "Chain"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

ALTER TABLE "Wallet"
  DROP CONSTRAINT "Wallet_chainId_fkey",
  ADD CONSTRAINT "Wallet_chainId_fkey" FOREIGN KEY ("chainId") REFERENCES "Chain"("id") ON DELETE CASCADE ON UPDATE CASCADE NOT VALID;

-- The swaps above left the foreign keys NOT VALID; VALIDATE scans while the application reads and writes.

ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_poolId_fkey";
ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_protocolId_fkey";
ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_walletId_fkey";
ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_gammaswapPositionId_fkey";
ALTER TABLE "GammaswapPositionSnapshot" VALIDATE CONSTRAINT "GammaswapPositionSnapshot_digestRunId_fkey";

ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_tokenId_fkey";
ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_protocolId_fkey";
ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_walletId_fkey";
ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_rewardOpportunityId_fkey";
ALTER TABLE "RewardOpportunitySnapshot" VALIDATE CONSTRAINT "RewardOpportunitySnapshot_digestRunId_fkey";

ALTER TABLE "GovernanceLockSnapshot" VALIDATE CONSTRAINT "GovernanceLockSnapshot_protocolId_fkey";
ALTER TABLE "GovernanceLockSnapshot" VALIDATE CONSTRAINT "GovernanceLockSnapshot_walletId_fkey";
ALTER TABLE "GovernanceLockSnapshot" VALIDATE CONSTRAINT "GovernanceLockSnapshot_governanceLockId_fkey";
ALTER TABLE "GovernanceLockSnapshot" VALIDATE CONSTRAINT "GovernanceLockSnapshot_digestRunId_fkey";

ALTER TABLE "WalletBalanceSnapshot" VALIDATE CONSTRAINT "WalletBalanceSnapshot_walletId_fkey";
ALTER TABLE "WalletBalanceSnapshot" VALIDATE CONSTRAINT "WalletBalanceSnapshot_digestRunId_fkey";

ALTER TABLE "RiskEvent" VALIDATE CONSTRAINT "RiskEvent_walletId_fkey";

ALTER TABLE "PositionSnapshot" VALIDATE CONSTRAINT "PositionSnapshot_walletId_fkey";
ALTER TABLE "PositionSnapshot" VALIDATE CONSTRAINT "PositionSnapshot_tokenId_fkey";
ALTER TABLE "PositionSnapshot" VALIDATE CONSTRAINT "PositionSnapshot_portfolioSnapshotId_fkey";

ALTER TABLE "PortfolioSnapshot" VALIDATE CONSTRAINT "PortfolioSnapshot_walletId_fkey";

ALTER TABLE "Transaction" VALIDATE CONSTRAINT "Transaction_tokenId_fkey";
ALTER TABLE "Transaction" VALIDATE CONSTRAINT "Transaction_walletId_fkey";

ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "GammaswapPosition_assetTokenId_fkey";
ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "GammaswapPosition_walletId_fkey";
ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "GammaswapPosition_poolId_fkey";
ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "GammaswapPosition_protocolId_fkey";

ALTER TABLE "GammaswapPool" VALIDATE CONSTRAINT "GammaswapPool_quoteTokenId_fkey";
ALTER TABLE "GammaswapPool" VALIDATE CONSTRAINT "GammaswapPool_baseTokenId_fkey";
ALTER TABLE "GammaswapPool" VALIDATE CONSTRAINT "GammaswapPool_protocolId_fkey";

ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_governanceLockId_fkey";
ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_tokenId_fkey";
ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_walletId_fkey";
ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_protocolId_fkey";
ALTER TABLE "RewardClaim" VALIDATE CONSTRAINT "RewardClaim_rewardOpportunityId_fkey";

ALTER TABLE "VotePowerSnapshot" VALIDATE CONSTRAINT "VotePowerSnapshot_epochId_fkey";
ALTER TABLE "VotePowerSnapshot" VALIDATE CONSTRAINT "VotePowerSnapshot_governanceLockId_fkey";

ALTER TABLE "Bribe" VALIDATE CONSTRAINT "Bribe_rewardTokenId_fkey";
ALTER TABLE "Bribe" VALIDATE CONSTRAINT "Bribe_epochId_fkey";
ALTER TABLE "Bribe" VALIDATE CONSTRAINT "Bribe_gaugeId_fkey";

ALTER TABLE "Gauge" VALIDATE CONSTRAINT "Gauge_chainId_fkey";
ALTER TABLE "Gauge" VALIDATE CONSTRAINT "Gauge_protocolId_fkey";

ALTER TABLE "VoteEpoch" VALIDATE CONSTRAINT "VoteEpoch_protocolId_fkey";

ALTER TABLE "GovernanceLock" VALIDATE CONSTRAINT "GovernanceLock_walletId_fkey";
ALTER TABLE "GovernanceLock" VALIDATE CONSTRAINT "GovernanceLock_protocolId_fkey";

ALTER TABLE "PriceSnapshot" VALIDATE CONSTRAINT "PriceSnapshot_tokenId_fkey";

ALTER TABLE "TokenBalance" VALIDATE CONSTRAINT "TokenBalance_tokenId_fkey";
ALTER TABLE "TokenBalance" VALIDATE CONSTRAINT "TokenBalance_walletId_fkey";

ALTER TABLE "Token" VALIDATE CONSTRAINT "Token_chainId_fkey";

ALTER TABLE "Protocol" VALIDATE CONSTRAINT "Protocol_chainId_fkey";

ALTER TABLE "Wallet" VALIDATE CONSTRAINT "Wallet_chainId_fkey";
