CREATE TYPE mood AS ENUM ('ok', 'bad');
CREATE TABLE person (id int PRIMARY KEY, mood mood);
-- the migration:
ALTER TYPE mood ADD VALUE 'fine' BEFORE 'bad';
