CREATE TABLE t (n int, s varchar(10));
CREATE INDEX ON t (s);
-- the migration:
ALTER TABLE t ALTER COLUMN s TYPE varchar(20) COLLATE "C";
