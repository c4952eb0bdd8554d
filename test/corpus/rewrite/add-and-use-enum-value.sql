-- AlterEnum
ALTER TYPE "BalanceKind" ADD VALUE 'BRIDGED';

UPDATE "TokenBalance" SET "kind" = 'BRIDGED' WHERE "memo" = 'bridged';
