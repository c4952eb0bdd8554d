-- Wallet address validation
ALTER TABLE "Wallet" ADD CONSTRAINT wallet_address_format
CHECK (address ~ '^0x[a-fA-F0-9]{40}$');

-- USD value non-negative
ALTER TABLE "TokenBalance" ADD CONSTRAINT balance_usd_non_negative
CHECK (usdValue >= 0);

-- Health ratio bounds for liquidation safety
ALTER TABLE "GammaswapPosition" ADD CONSTRAINT health_ratio_bounds
CHECK (healthRatio IS NULL OR healthRatio >= 0);

-- Governance lock future dates only
ALTER TABLE "GovernanceLock" ADD CONSTRAINT lock_ends_future
CHECK (lockEndsAt IS NULL OR lockEndsAt > createdAt);

-- Price snapshot positive values
ALTER TABLE "PriceSnapshot" ADD CONSTRAINT price_positive
CHECK (priceUsd > 0);

-- Critical: Review all CASCADE deletes for data protection
-- Current schema has aggressive cascades that may need adjustment for production

-- Example: Wallet deletion cascades to all related data
-- Consider RESTRICT for wallets with significant transaction history
ALTER TABLE "TokenBalance"
DROP CONSTRAINT "TokenBalance_walletId_fkey",
ADD CONSTRAINT "TokenBalance_walletId_fkey"
FOREIGN KEY (walletId) REFERENCES "Wallet"(id) ON DELETE RESTRICT;
