-- AlterTable
ALTER TABLE "TokenBalance" ADD COLUMN "publicId" UUID NOT NULL DEFAULT gen_random_uuid();
