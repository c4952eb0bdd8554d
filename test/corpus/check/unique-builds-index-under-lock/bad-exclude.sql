CREATE TABLE rooms (during tstzrange);
-- the migration:
ALTER TABLE rooms ADD EXCLUDE USING gist (during WITH &&);
