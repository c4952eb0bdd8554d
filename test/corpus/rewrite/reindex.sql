REINDEX INDEX "TokenBalance_walletId_idx";
