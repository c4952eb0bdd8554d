-- godwit:stepwise because each lock must be released before the next table's is asked for
--
-- Postgres has no "unvalidate": a constraint becomes NOT VALID again by being replaced. Both halves are one
-- statement, so no row slips in unchecked between them, and nothing is scanned.

ALTER TABLE "PriceSnapshot"
  DROP CONSTRAINT IF EXISTS "price_positive",
  ADD CONSTRAINT "price_positive" CHECK ("priceUsd" > 0 AND "priceUsd" <> 'NaN') NOT VALID;

ALTER TABLE "GovernanceLock"
  DROP CONSTRAINT IF EXISTS "lock_ends_future",
  ADD CONSTRAINT "lock_ends_future" CHECK ("lockEndsAt" > "createdAt") NOT VALID;

ALTER TABLE "GammaswapPosition"
  DROP CONSTRAINT IF EXISTS "health_ratio_bounds",
  ADD CONSTRAINT "health_ratio_bounds" CHECK ("healthRatio" >= 0 AND "healthRatio" <> 'NaN') NOT VALID;

ALTER TABLE "TokenBalance"
  DROP CONSTRAINT IF EXISTS "balance_usd_non_negative",
  ADD CONSTRAINT "balance_usd_non_negative" CHECK ("usdValue" >= 0 AND "usdValue" <> 'NaN') NOT VALID;

ALTER TABLE "Wallet"
  DROP CONSTRAINT IF EXISTS "wallet_address_format",
  ADD CONSTRAINT "wallet_address_format" CHECK ("address" ~ '^0x[a-fA-F0-9]{40}$') NOT VALID;
