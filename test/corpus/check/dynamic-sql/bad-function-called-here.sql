CREATE TABLE users (id bigint PRIMARY KEY, email text, name varchar(50), created_at timestamptz);
INSERT INTO users (id, email) VALUES (1, 'a'), (2, 'b');
-- the migration:
CREATE FUNCTION each() RETURNS void LANGUAGE plpgsql AS $$ DECLARE t text; BEGIN FOR t IN SELECT 'users' LOOP EXECUTE 'ANALYZE ' || t; END LOOP; END $$;
SELECT each();
