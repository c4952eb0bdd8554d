CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(50), created_at timestamptz);
INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');
ALTER TABLE users ADD CONSTRAINT c CHECK (email IS NOT NULL AND email <> '');
UPDATE users SET name = 'n';
ALTER TABLE users ADD CONSTRAINT d CHECK (name IS NOT NULL) NOT VALID;
-- the migration:
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
