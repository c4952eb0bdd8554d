REINDEX INDEX some_idx;
