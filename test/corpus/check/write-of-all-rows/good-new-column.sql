CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(50), created_at timestamptz);
INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');
-- the migration:
-- godwit:stepwise because the lock is released first
ALTER TABLE users ADD COLUMN low text;
-- godwit:backfill
UPDATE users SET low = lower(email) WHERE low IS NULL;
