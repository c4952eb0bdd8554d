-- godwit:stepwise because each lock must be released before the next table's is asked for
--
-- NOT VALID: the rows that exist are not scanned under ACCESS EXCLUSIVE; new and changed rows are checked
-- at once. The next migration validates without blocking writers.
-- DROP IF EXISTS and ADD in one statement: running the file again after an interruption converges.

-- Wallet addresses are 20 bytes in hexadecimal.
ALTER TABLE "Wallet"
  DROP CONSTRAINT IF EXISTS "wallet_address_format",
  ADD CONSTRAINT "wallet_address_format" CHECK ("address" ~ '^0x[a-fA-F0-9]{40}$') NOT VALID;

-- A balance is never worth less than nothing. In Postgres NaN is greater than every number, so
-- ">= 0" alone admits it, and one NaN turns every portfolio total it takes part in into NaN.
ALTER TABLE "TokenBalance"
  DROP CONSTRAINT IF EXISTS "balance_usd_non_negative",
  ADD CONSTRAINT "balance_usd_non_negative" CHECK ("usdValue" >= 0 AND "usdValue" <> 'NaN') NOT VALID;

-- Health ratios decide about liquidation warnings. NULL (not known) passes, as it does every CHECK.
ALTER TABLE "GammaswapPosition"
  DROP CONSTRAINT IF EXISTS "health_ratio_bounds",
  ADD CONSTRAINT "health_ratio_bounds" CHECK ("healthRatio" >= 0 AND "healthRatio" <> 'NaN') NOT VALID;

-- A lock ends after it was recorded. This relates two columns of a row: an expired lock stays valid,
-- and a permanent one (NULL) passes.
ALTER TABLE "GovernanceLock"
  DROP CONSTRAINT IF EXISTS "lock_ends_future",
  ADD CONSTRAINT "lock_ends_future" CHECK ("lockEndsAt" > "createdAt") NOT VALID;

-- A price of zero or less is a failed fetch, not a price.
ALTER TABLE "PriceSnapshot"
  DROP CONSTRAINT IF EXISTS "price_positive",
  ADD CONSTRAINT "price_positive" CHECK ("priceUsd" > 0 AND "priceUsd" <> 'NaN') NOT VALID;
