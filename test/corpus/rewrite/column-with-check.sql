ALTER TABLE "TokenBalance" ADD COLUMN "share" DECIMAL(5,2) CHECK ("share" >= 0), ADD COLUMN "tokenRef" TEXT REFERENCES "Token"("id") ON DELETE SET NULL;
