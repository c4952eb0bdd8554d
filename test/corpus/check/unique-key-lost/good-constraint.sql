CREATE TABLE t (a int UNIQUE);
CREATE UNIQUE INDEX t_a_new ON t (a);
-- the migration:
ALTER TABLE t DROP CONSTRAINT t_a_key, ADD CONSTRAINT t_a_unique UNIQUE USING INDEX t_a_new;
