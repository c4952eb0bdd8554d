CREATE TABLE t (n int, s varchar(10));
-- the migration:
ALTER TABLE t ALTER COLUMN s SET DATA TYPE text USING s::text;
