/** For the test of predicted effects: a schema with something of everything. */

export const LOCK_SCHEMA = `
CREATE ROLE lock_reader;
CREATE ROLE lock_owner;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (a int, b int);
CREATE DOMAIN label AS text;
CREATE DOMAIN short_label AS label;
CREATE DOMAIN strict_label AS text CHECK (VALUE <> '');
CREATE TABLE parent (id int PRIMARY KEY, code varchar(20) UNIQUE, note text);
CREATE TABLE child (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parent_id int REFERENCES parent,
  old_parent_id int,
  name varchar(20) NOT NULL DEFAULT 'x',
  amount numeric(10, 2),
  at timestamp(3) DEFAULT now(),
  zoned timestamptz,
  bits varbit(8),
  fixed char(4),
  tags varchar(10)[],
  maybe int,
  proven int CONSTRAINT proven_is_there CHECK (proven IS NOT NULL),
  free text,
  doubled int GENERATED ALWAYS AS (2) STORED,
  lax_id int,
  imagined int GENERATED ALWAYS AS (2) VIRTUAL,
  counter serial
);
ALTER TABLE child ADD CONSTRAINT amount_is_small CHECK (amount < 100) NOT VALID;
ALTER TABLE child ADD CONSTRAINT old_parent FOREIGN KEY (old_parent_id) REFERENCES parent NOT VALID;
ALTER TABLE child ADD CONSTRAINT maybe_is_there NOT NULL maybe NOT VALID;
ALTER TABLE child ADD CONSTRAINT name_is_short CHECK (length(name) < 20);
CREATE INDEX child_name ON child (name);
CREATE INDEX child_amount ON child (amount);
CREATE INDEX child_lower ON child (lower(name));
CREATE UNIQUE INDEX child_counter ON child (counter);
CREATE UNIQUE INDEX child_proven ON child (proven);
CREATE INDEX child_at ON child (at);
CREATE INDEX child_fixed ON child (fixed);
INSERT INTO parent VALUES (1, 'a', 'n'), (2, 'b', 'n');
INSERT INTO child (parent_id, old_parent_id, lax_id, proven, maybe) VALUES (1, 1, 1, 1, 1);
CREATE TABLE computed (id int, v int GENERATED ALWAYS AS (id + 1) VIRTUAL);
ALTER TABLE child ADD CONSTRAINT lax FOREIGN KEY (lax_id) REFERENCES parent NOT ENFORCED;
CREATE TABLE cascading (id int PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE lonely (id int PRIMARY KEY, a int, b text NOT NULL, m mood, l label, s short_label);
INSERT INTO lonely VALUES (1, 1, 'b', 'good', 'l', 's');
CREATE STATISTICS lonely_statistics ON a, id FROM lonely;
CREATE TABLE typed OF pair;
CREATE TABLE ancestor (id int, a int);
CREATE TABLE descendant (b int) INHERITS (ancestor);
CREATE TABLE orphan (id int, a int, b int);
CREATE TABLE parted (id int NOT NULL, region text NOT NULL, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_eu PARTITION OF parted FOR VALUES IN ('eu');
CREATE TABLE parted_us PARTITION OF parted FOR VALUES IN ('us');
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
CREATE INDEX parted_v ON parted (v);
CREATE INDEX parted_only ON ONLY parted (v, id);
CREATE INDEX parted_eu_only ON parted_eu (v, id);
CREATE TABLE parted_asia (id int NOT NULL, region text NOT NULL, v int, PRIMARY KEY (id, region));
INSERT INTO parted VALUES (1, 'eu', 1), (1, 'us', 1), (1, 'xx', 1);
CREATE TABLE candidate (id int, region text, code varchar(20));
INSERT INTO candidate VALUES (1, 'eu', 'a');
CREATE TABLE refers (id int PRIMARY KEY, parted_id int, region text, FOREIGN KEY (parted_id, region) REFERENCES parted);
INSERT INTO refers VALUES (1, 1, 'us');
CREATE TABLE family (id int, parent_id int REFERENCES parent) PARTITION BY LIST (id);
CREATE TABLE family_1 PARTITION OF family FOR VALUES IN (1);
CREATE TABLE family_2 (id int, parent_id int);
INSERT INTO family VALUES (1, 1);
INSERT INTO family_2 VALUES (2, 1);
CREATE TABLE plain_parted (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE plain_parted_1 PARTITION OF plain_parted FOR VALUES FROM (1) TO (10);
CREATE TABLE plain_parted_2 PARTITION OF plain_parted FOR VALUES FROM (10) TO (20);
CREATE VIEW lonely_view AS SELECT id, a FROM lonely;
CREATE VIEW view_of_view AS SELECT id FROM lonely_view;
CREATE MATERIALIZED VIEW stored AS SELECT id, a FROM lonely;
CREATE UNIQUE INDEX stored_id ON stored (id);
CREATE MATERIALIZED VIEW stored_empty AS SELECT 1 AS one WITH NO DATA;
CREATE SEQUENCE free_sequence;
CREATE SEQUENCE owned_sequence OWNED BY lonely.a;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION hidden() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM lonely';
CREATE PROCEDURE proceed() LANGUAGE sql AS 'DELETE FROM lonely';
CREATE TABLE watched (id int PRIMARY KEY, a int);
CREATE TRIGGER touch BEFORE UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION touch();
CREATE RULE quiet AS ON DELETE TO watched DO INSTEAD NOTHING;
CREATE POLICY own ON watched USING (true);
CREATE PUBLICATION published FOR TABLE watched;
CREATE SCHEMA "odd ""schema""";
CREATE TABLE "odd ""schema"""."it's" (id int PRIMARY KEY, "a ""b""" text);
CREATE SCHEMA whole;
CREATE TABLE whole.one (id int PRIMARY KEY, parent_id int REFERENCES public.parent);
CREATE VIEW whole.seen AS SELECT id FROM whole.one;
CREATE TABLE moody (m mood);
CREATE TABLE couple (a int, b int);
CREATE FOREIGN DATA WRAPPER far;
CREATE SERVER far_server FOREIGN DATA WRAPPER far;
CREATE USER MAPPING FOR CURRENT_USER SERVER far_server;
CREATE FOREIGN TABLE far_table (id int) SERVER far_server OPTIONS (place 'x');
CREATE OPERATOR FAMILY some_family USING btree;
CREATE FUNCTION hear() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER heard ON login EXECUTE FUNCTION hear();
CREATE SUBSCRIPTION followed CONNECTION '' PUBLICATION y WITH (connect = false, slot_name = NONE);
CREATE COLLATION sorted (provider = libc, locale = 'C');
CREATE FUNCTION are_same(mood, mood) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR === (LEFTARG = mood, RIGHTARG = mood, FUNCTION = are_same, RESTRICT = eqsel);
CREATE TYPE stretch;
CREATE FUNCTION stretch_in(cstring) RETURNS stretch LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION stretch_out(stretch) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE stretch (INPUT = stretch_in, OUTPUT = stretch_out);
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
CREATE TEXT SEARCH DICTIONARY terms (TEMPLATE = simple);
CREATE ACCESS METHOD other_heap TYPE TABLE HANDLER heap_tableam_handler;
`;
