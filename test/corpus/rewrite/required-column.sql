/*
  Warnings:

  - Added the required column `network` to the `TokenBalance` table without a default value. This is not possible if the table is not empty.

*/
-- AlterTable
ALTER TABLE "TokenBalance" ADD COLUMN "network" TEXT NOT NULL;
