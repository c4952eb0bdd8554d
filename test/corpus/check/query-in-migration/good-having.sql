CREATE TABLE "User" ("id" TEXT NOT NULL, "email" TEXT NOT NULL, "name" TEXT, "teamId" TEXT, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));
CREATE TABLE "Team" ("id" TEXT NOT NULL, "label" TEXT, CONSTRAINT "Team_pkey" PRIMARY KEY ("id"));
CREATE INDEX "User_teamId_idx" ON "User"("teamId");
INSERT INTO "User" VALUES ('u', 'e', NULL, NULL);
-- the migration:
SELECT set_config('search_path', '', false);
