CREATE TABLE accounts (id int);
ALTER TABLE accounts ALTER COLUMN id TYPE bigint;
