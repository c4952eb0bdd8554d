CREATE INDEX "TokenBalance_block_idx" ON "TokenBalance"("block");
ALTER TABLE "TokenBalance" RENAME "block" TO "blockNumber";
COMMENT ON COLUMN "TokenBalance"."blockNumber" IS 'where it was seen last';
