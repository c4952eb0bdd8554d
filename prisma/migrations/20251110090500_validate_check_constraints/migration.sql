-- VALIDATE takes SHARE UPDATE EXCLUSIVE: the tables are scanned while the application reads and writes.
-- One transaction on purpose: either all five rules are proven for every row, or none is claimed.

ALTER TABLE "Wallet" VALIDATE CONSTRAINT "wallet_address_format";
ALTER TABLE "TokenBalance" VALIDATE CONSTRAINT "balance_usd_non_negative";
ALTER TABLE "GammaswapPosition" VALIDATE CONSTRAINT "health_ratio_bounds";
ALTER TABLE "GovernanceLock" VALIDATE CONSTRAINT "lock_ends_future";
ALTER TABLE "PriceSnapshot" VALIDATE CONSTRAINT "price_positive";
