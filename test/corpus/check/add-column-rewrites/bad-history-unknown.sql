ALTER TABLE accounts ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp();
