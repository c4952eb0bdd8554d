-- A balance is never worth less than nothing.
ALTER TABLE "TokenBalance" ADD CONSTRAINT "balance_usd_non_negative" CHECK ("usdValue" >= 0);
