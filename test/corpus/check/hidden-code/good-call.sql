CREATE PROCEDURE tidy() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
-- the migration:
CREATE PROCEDURE tidy2() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CALL tidy2();
