-- Safe index creation (won't block writes)
CREATE INDEX CONCURRENTLY idx_new_index ON table_name (column);

-- Index replacement pattern
BEGIN;
DROP INDEX IF EXISTS idx_old_index;
ALTER INDEX idx_new_index RENAME TO idx_old_index;
COMMIT;
