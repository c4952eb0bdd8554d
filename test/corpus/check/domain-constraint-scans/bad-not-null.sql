CREATE DOMAIN d AS text;
CREATE TABLE t (a d);
-- the migration:
ALTER DOMAIN d SET NOT NULL;
