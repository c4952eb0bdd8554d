CREATE TABLE "User_Team" (id int);
-- the migration:
ALTER TABLE User_team ADD COLUMN x text;
