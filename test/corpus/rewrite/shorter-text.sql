CREATE INDEX CONCURRENTLY "TokenBalance_source_idx" ON "TokenBalance"("source");
ALTER TABLE "TokenBalance" ALTER COLUMN "source" TYPE VARCHAR(32);
