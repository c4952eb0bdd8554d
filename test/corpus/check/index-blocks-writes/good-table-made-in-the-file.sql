CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(50), created_at timestamptz);
INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');
-- the migration:
CREATE TABLE sessions (id bigint PRIMARY KEY, user_id bigint);
CREATE INDEX sessions_user ON sessions (user_id);
