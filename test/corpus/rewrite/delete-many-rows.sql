-- Notes that nobody wrote.
DELETE FROM "Note" WHERE "text" IS NULL;
UPDATE "TokenBalance" SET "rank" = "rank" + 1 WHERE "quantity" > 1;
