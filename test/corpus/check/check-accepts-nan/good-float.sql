CREATE TABLE m (ratio double precision);
-- the migration:
ALTER TABLE m ADD CONSTRAINT c CHECK (ratio < 1) NOT VALID;
