CREATE TABLE accounts (owner text);
ALTER TABLE accounts RENAME owner TO holder;
