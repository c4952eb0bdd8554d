CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(50), created_at timestamptz);
INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');
-- the migration:
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_class WHERE relname = 'x') THEN
    CREATE INDEX x ON users (email);
  END IF;
END $$;
