ALTER TABLE "TokenBalance" ADD UNIQUE ("id", "tokenId");
