CREATE TABLE logs (id bigint NOT NULL, line text);
CREATE UNIQUE INDEX logs_id ON logs (id);
-- the migration:
ALTER TABLE logs ADD CONSTRAINT logs_pkey PRIMARY KEY USING INDEX logs_id;
