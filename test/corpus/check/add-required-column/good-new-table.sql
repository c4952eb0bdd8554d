CREATE TABLE accounts (id int);
ALTER TABLE accounts ADD COLUMN a int NOT NULL;
