ALTER TABLE accounts RENAME owner TO holder;
