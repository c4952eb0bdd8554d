CREATE TABLE "User_Team" (id int);
-- the migration:
ALTER TABLE "User_Team" ADD COLUMN x text;
