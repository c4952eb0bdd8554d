ALTER TABLE "Note" RENAME TO "BalanceNote";
ALTER TABLE "BalanceNote" RENAME CONSTRAINT "Note_pkey" TO "BalanceNote_pkey";
CREATE INDEX "TokenBalance_rank_idx" ON "TokenBalance"("rank");
