CREATE INDEX idx ON accounts USING gin (tags);
