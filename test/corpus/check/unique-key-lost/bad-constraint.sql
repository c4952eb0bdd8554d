CREATE TABLE t (a int UNIQUE);
-- the migration:
ALTER TABLE t DROP CONSTRAINT t_a_key;
