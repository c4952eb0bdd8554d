CREATE INDEX CONCURRENTLY idx ON accounts USING gin (tags);
