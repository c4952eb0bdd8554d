CREATE TYPE mood AS ENUM ('ok');
CREATE TABLE person (id int, mood mood);
-- the migration:
CREATE TYPE other AS ENUM ('x');
DROP TYPE other;
