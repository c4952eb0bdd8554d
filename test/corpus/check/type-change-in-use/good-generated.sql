CREATE TABLE t (a numeric(10, 2), b numeric(10, 2), c numeric GENERATED ALWAYS AS (a * 2) STORED);
-- the migration:
ALTER TABLE t ALTER COLUMN b TYPE numeric(12, 2);
