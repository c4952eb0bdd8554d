CREATE TABLE m (ratio double precision);
-- the migration:
ALTER TABLE m ADD CONSTRAINT c CHECK (0 < ratio) NOT VALID;
