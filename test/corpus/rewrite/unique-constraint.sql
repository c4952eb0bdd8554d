ALTER TABLE "TokenBalance" ADD CONSTRAINT "balance_of_wallet" UNIQUE ("walletId", "tokenId", "id") DEFERRABLE INITIALLY DEFERRED;
