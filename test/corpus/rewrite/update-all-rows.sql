UPDATE "TokenBalance" SET "memo" = 'migrated';
