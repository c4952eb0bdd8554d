CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(50), created_at timestamptz);
INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');
CREATE TABLE cats (name text);
CREATE INDEX by_name ON cats (name);
CREATE INDEX by_email ON users (email);
-- the migration:
CREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON users (name);
