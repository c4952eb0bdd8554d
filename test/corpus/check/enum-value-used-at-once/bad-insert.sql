CREATE TYPE mood AS ENUM ('ok');
CREATE TABLE person (id int PRIMARY KEY, mood mood);
-- the migration:
ALTER TYPE mood ADD VALUE 'fine';
INSERT INTO person VALUES (1, 'fine');
