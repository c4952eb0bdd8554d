-- godwit:stepwise because each lock must be released before the next table's is asked for

ALTER TABLE "PriceSnapshot" DROP CONSTRAINT IF EXISTS "price_positive";
ALTER TABLE "GovernanceLock" DROP CONSTRAINT IF EXISTS "lock_ends_future";
ALTER TABLE "GammaswapPosition" DROP CONSTRAINT IF EXISTS "health_ratio_bounds";
ALTER TABLE "TokenBalance" DROP CONSTRAINT IF EXISTS "balance_usd_non_negative";
ALTER TABLE "Wallet" DROP CONSTRAINT IF EXISTS "wallet_address_format";
