CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(50), created_at timestamptz);
INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');
-- the migration:
-- godwit:stepwise because the index is made concurrently
ALTER TABLE users ADD COLUMN code text;
CREATE UNIQUE INDEX CONCURRENTLY users_code ON users (code);
