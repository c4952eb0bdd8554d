CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int REFERENCES a, CONSTRAINT b_check CHECK (id > 0));
-- the migration:
ALTER TABLE a DROP CONSTRAINT a_pkey;
