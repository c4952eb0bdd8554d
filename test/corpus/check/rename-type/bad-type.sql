CREATE TYPE mood AS ENUM ('ok');
-- the migration:
ALTER TYPE mood RENAME TO feeling;
