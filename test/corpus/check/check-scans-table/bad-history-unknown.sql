ALTER TABLE accounts ADD CONSTRAINT c CHECK (balance >= 0);
