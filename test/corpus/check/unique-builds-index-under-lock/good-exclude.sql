CREATE TABLE rooms (during tstzrange);
-- the migration:
CREATE TABLE rooms2 (during tstzrange, EXCLUDE USING gist (during WITH &&));
