CREATE TYPE mood AS ENUM ('ok');
CREATE TABLE person (id int, mood mood);
-- the migration:
DROP TYPE mood CASCADE;
