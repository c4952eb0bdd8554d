CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(50), created_at timestamptz);
INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');
CREATE INDEX users_email ON users (email);
-- the migration:
DROP INDEX CONCURRENTLY users_email;
CREATE INDEX CONCURRENTLY users_email2 ON users (email);
