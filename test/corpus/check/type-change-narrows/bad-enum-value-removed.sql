CREATE TYPE mood AS ENUM ('ok', 'bad');
CREATE TABLE person (id int PRIMARY KEY, mood mood);
-- the migration:
CREATE TYPE mood_new AS ENUM ('ok');
ALTER TABLE person ALTER COLUMN mood TYPE mood_new USING (mood::text::mood_new);
ALTER TYPE mood RENAME TO mood_old;
ALTER TYPE mood_new RENAME TO mood;
DROP TYPE mood_old;
