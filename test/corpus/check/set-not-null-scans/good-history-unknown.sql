-- godwit:stepwise because each step is committed by itself
ALTER TABLE accounts ADD CONSTRAINT c CHECK (owner IS NOT NULL) NOT VALID;
ALTER TABLE accounts VALIDATE CONSTRAINT c;
ALTER TABLE accounts ALTER COLUMN owner SET NOT NULL;
ALTER TABLE accounts DROP CONSTRAINT c;
