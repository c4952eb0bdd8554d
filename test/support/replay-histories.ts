/** Random histories of schema changes over few names, so that statements meet what earlier ones left; many fail, as they do in life. */
import * as fc from 'fast-check';
import { literal, quoted } from '../../lambda/sql/names';

const TABLES = ['a', 'Order', 'odd "name"'];
const COLUMNS = ['id', 'n', 'userId', 'total', 'note'];
const TYPES = [
  'int',
  'bigint',
  'text',
  'varchar(20)',
  'varchar',
  'char(4)',
  'numeric(36, 18)',
  'numeric',
  'timestamp(3)',
  'timestamptz',
  'time(2)',
  'interval day to second(3)',
  'bit(3)',
  'varbit',
  'boolean',
  'double precision',
  'jsonb',
  'uuid',
  'text[]',
  'varchar(10)[]',
  'mood',
  'mood[]',
  'label',
  'pair',
  'bytea',
  'inet',
  'int4range',
  '"char"',
  'name',
];
const DEFAULTS = [
  '1',
  "'x'",
  'now()',
  'CURRENT_TIMESTAMP',
  'gen_random_uuid()',
  'NULL',
  'random()',
  "'good'::mood",
  'hidden()',
];
const ACTIONS = [
  '',
  ' ON DELETE CASCADE',
  ' ON DELETE SET NULL ON UPDATE CASCADE',
  ' ON DELETE RESTRICT',
  ' ON DELETE SET DEFAULT',
];

export const REPLAY_BEGIN = `CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN label AS varchar(30) CHECK (VALUE <> '');
CREATE FUNCTION hidden() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new."note" := 1; RETURN new; END';
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE TABLE "Order" (id serial PRIMARY KEY, n int, total numeric(36, 18) NOT NULL DEFAULT 0, note text);
CREATE TABLE a (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), "userId" int REFERENCES "Order" ON DELETE CASCADE, note text)`;

const table = fc.constantFrom(...TABLES).map(quoted);
const column = fc.constantFrom(...COLUMNS).map(quoted);
const type = fc.constantFrom(...TYPES);
const value = fc.constantFrom(...DEFAULTS);
const action = fc.constantFrom(...ACTIONS);
const named = (prefix: string) => fc.nat({ max: 2 }).map((number) => `${prefix}${number}`);
const optional = (text: string) => fc.constantFrom('', text);

const sql = (parts: readonly string[], ...values: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...values).map((chosen) => parts.map((part, index) => part + (chosen[index] ?? '')).join(''));

const write = (parts: TemplateStringsArray, ...values: readonly fc.Arbitrary<string>[]) =>
  sql(parts, ...values);

const constraint = fc.oneof(
  write`PRIMARY KEY (${column})`,
  write`UNIQUE (${column}, ${column})`,
  write`CHECK (${column} IS NOT NULL)`,
  write`CHECK (${column} IS NOT NULL AND ${column} IS NOT NULL)`,
  write`FOREIGN KEY (${column}) REFERENCES ${table}${action}`,
  write`EXCLUDE USING btree (${column} WITH =)`,
);

export const statement: fc.Arbitrary<string> = fc.oneof(
  write`CREATE TABLE ${table} (id int PRIMARY KEY, ${column} ${type} NOT NULL, n int UNIQUE DEFAULT ${value}, CHECK (n > 0))`,
  write`CREATE TABLE ${table} (LIKE ${table} INCLUDING ALL, "extra" ${type})`,
  write`CREATE TABLE ${table} (id bigint GENERATED ALWAYS AS IDENTITY, ${column} ${type}, ${constraint})`,
  write`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`,
  write`ALTER TABLE ${table} ADD COLUMN ${column} ${type} NOT NULL DEFAULT ${value}`,
  write`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${column} int REFERENCES ${table}${action}`,
  write`ALTER TABLE ${table} ADD COLUMN ${column} int GENERATED ALWAYS AS (n + 1) STORED`,
  write`ALTER TABLE ${table} ADD COLUMN ${column} bigserial`,
  write`ALTER TABLE ${table} DROP COLUMN ${column}${optional(' CASCADE')}`,
  write`ALTER TABLE ${table} ALTER COLUMN ${column} TYPE ${type}`,
  write`ALTER TABLE ${table} ALTER COLUMN ${column} TYPE ${type} USING NULL`,
  write`ALTER TABLE ${table} ALTER COLUMN ${column} SET DEFAULT ${value}`,
  write`ALTER TABLE ${table} ALTER COLUMN ${column} DROP DEFAULT, ALTER COLUMN ${column} SET NOT NULL`,
  write`ALTER TABLE ${table} ALTER COLUMN ${column} DROP NOT NULL`,
  write`ALTER TABLE ${table} ADD ${constraint}`,
  write`ALTER TABLE ${table} ADD CONSTRAINT ${named('k')} CHECK (${column} IS NOT NULL) NOT VALID`,
  write`ALTER TABLE ${table} ADD CONSTRAINT ${named('k')} FOREIGN KEY (${column}) REFERENCES ${table}${action} NOT VALID`,
  write`ALTER TABLE ${table} VALIDATE CONSTRAINT ${named('k')}`,
  write`ALTER TABLE ${table} DROP CONSTRAINT ${named('k')}${optional(' CASCADE')}`,
  write`ALTER TABLE ${table} ADD UNIQUE USING INDEX ${named('i')}`,
  write`ALTER TABLE ${table} RENAME COLUMN ${column} TO ${column}`,
  write`ALTER TABLE ${table} RENAME TO ${table}`,
  write`ALTER TABLE ${table} RENAME CONSTRAINT ${named('k')} TO ${named('k')}`,
  write`CREATE ${optional('UNIQUE ')}INDEX ON ${table} (${column}, lower(${column}::text)) INCLUDE (${column}) WHERE ${column} IS NOT NULL`,
  write`CREATE ${optional('UNIQUE ')}INDEX ${named('i')} ON ${table} (${column}${optional(' DESC')})`,
  write`DROP INDEX ${named('i')}${optional(' CASCADE')}`,
  write`ALTER INDEX ${named('i')} RENAME TO ${named('i')}`,
  write`DROP TABLE ${table}${optional(' CASCADE')}`,
  write`CREATE OR REPLACE VIEW ${named('v')} AS SELECT t.${column}, x.id AS other FROM ${table} AS t JOIN ${table} AS x ON x.id = t.n WHERE t.${column} IS NULL`,
  write`CREATE MATERIALIZED VIEW ${named('m')} AS SELECT ${column}, count(*) FROM ${table} GROUP BY 1`,
  write`DROP VIEW ${named('v')}${optional(' CASCADE')}`,
  write`CREATE TRIGGER ${named('t')} BEFORE UPDATE OF ${column} ON ${table} FOR EACH ROW EXECUTE FUNCTION touch()`,
  write`CREATE POLICY ${named('p')} ON ${table} USING (${column} IS NULL)`,
  write`CREATE PUBLICATION ${named('pub')} FOR TABLE ${table}`,
  write`DROP PUBLICATION ${named('pub')}`,
  write`CREATE STATISTICS ON ${column}, ${column} FROM ${table}`,
  write`CREATE FUNCTION ${named('f')}() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(${column}) FROM ${table}; END`,
  write`CREATE OR REPLACE FUNCTION ${named('g')}() RETURNS bigint LANGUAGE plpgsql AS ${fc
    .tuple(table, column)
    .map(([one, other]) => literal(`BEGIN RETURN (SELECT count(${other}) FROM ${one}); END`))}`,
  write`DROP FUNCTION ${named('f')}()${optional(' CASCADE')}`,
  write`ALTER TYPE mood ADD VALUE IF NOT EXISTS ${named('worse').map(literal)} BEFORE 'bad'`,
  write`DROP TYPE mood${optional(' CASCADE')}`,
  write`ALTER TABLE ${table} SET ${fc.constantFrom('UNLOGGED', 'LOGGED')}`,
);

/** As Prisma writes them, as people do by hand, and as pg_dump does. */
export const REPLAY_HISTORIES: readonly (readonly [name: string, sql: string])[] = [
  [
    'a history as Prisma writes it, with enums, relations and tables made anew',
    `CREATE SCHEMA IF NOT EXISTS "public";
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
CREATE TABLE "User" (
    "id" SERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "role" "Role" NOT NULL DEFAULT 'USER',
    "tags" TEXT[],
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "Post" (
    "id" BIGSERIAL NOT NULL,
    "authorId" INTEGER,
    "price" DECIMAL(65,30),
    "body" JSONB DEFAULT '{}',
    CONSTRAINT "Post_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "_PostToUser" ("A" BIGINT NOT NULL, "B" INTEGER NOT NULL, CONSTRAINT "_PostToUser_AB_pkey" PRIMARY KEY ("A","B"));
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
CREATE INDEX "_PostToUser_B_index" ON "_PostToUser"("B");
ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "_PostToUser" ADD CONSTRAINT "_PostToUser_A_fkey" FOREIGN KEY ("A") REFERENCES "Post"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "User" ADD COLUMN "name" VARCHAR(191), ADD COLUMN "score" DOUBLE PRECISION NOT NULL DEFAULT 0;
CREATE TYPE "Role_new" AS ENUM ('USER', 'OWNER');
ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";
ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'USER';
ALTER TYPE "Role" ADD VALUE 'GUEST' BEFORE 'OWNER';
ALTER TABLE "Post" DROP CONSTRAINT "Post_authorId_fkey";
ALTER TABLE "Post" ALTER COLUMN "authorId" SET NOT NULL;
ALTER TABLE "Post" ADD CONSTRAINT "Post_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Post" RENAME COLUMN "body" TO "content";
ALTER TABLE "Post" DROP CONSTRAINT "Post_pkey" CASCADE, ALTER COLUMN "id" SET DATA TYPE TEXT, ADD CONSTRAINT "Post_pkey" PRIMARY KEY ("id");
ALTER TABLE "Post" ALTER COLUMN "id" DROP DEFAULT;
DROP SEQUENCE "Post_id_seq";
ALTER TABLE "User" DROP COLUMN "name";
CREATE TABLE "redefined" ("id" UUID NOT NULL DEFAULT gen_random_uuid(), "at" TIMESTAMPTZ(6) NOT NULL DEFAULT now(), CONSTRAINT "redefined_pkey" PRIMARY KEY ("id"));
DROP INDEX "User_email_key";
CREATE UNIQUE INDEX "User_email_role_key" ON "User"("email" ASC, "role" DESC);
ALTER INDEX "User_email_role_key" RENAME TO "User_unique";
DROP TABLE "_PostToUser"`,
  ],
  [
    'a history by hand, with views, triggers, policies, generated columns, domains and statistics',
    `CREATE DOMAIN email AS text CHECK (VALUE ~ '@');
CREATE SCHEMA audit CREATE TABLE log (at timestamptz DEFAULT now(), what text);
CREATE TABLE account (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, mail email UNIQUE, first text, last text,
  full_name text GENERATED ALWAYS AS (first || ' ' || last) STORED, shouted text GENERATED ALWAYS AS (upper(first)) VIRTUAL, balance numeric CHECK (balance >= 0));
CREATE VIEW rich AS SELECT a.id, a.full_name AS name FROM account a WHERE a.balance > 100;
CREATE VIEW richest AS SELECT * FROM rich ORDER BY name;
CREATE MATERIALIZED VIEW totals AS SELECT last, sum(balance) AS total FROM account GROUP BY last;
CREATE UNIQUE INDEX ON totals (last);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit.log (what) VALUES (new.mail); RETURN new; END $$;
CREATE FUNCTION sum_of(text) RETURNS numeric LANGUAGE sql STABLE BEGIN ATOMIC SELECT sum(balance) FROM account WHERE last = $1; END;
CREATE TRIGGER note AFTER UPDATE OF balance ON account FOR EACH ROW WHEN (old.balance IS DISTINCT FROM new.balance) EXECUTE FUNCTION note();
CREATE RULE ignore AS ON DELETE TO audit.log DO INSTEAD NOTHING;
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON account USING (mail = CURRENT_USER AND balance IS NOT NULL);
CREATE PUBLICATION chosen FOR TABLE account (id, mail);
CREATE PUBLICATION logs FOR TABLES IN SCHEMA audit;
ALTER PUBLICATION logs ADD TABLE account WHERE (id > 0);
CREATE STATISTICS on_names ON first, last FROM account;
ALTER TABLE account ADD CONSTRAINT there CHECK (account.last IS NOT NULL AND first IS NOT NULL) NOT VALID;
ALTER TABLE account VALIDATE CONSTRAINT there;
ALTER TABLE account ALTER COLUMN last SET NOT NULL, DROP CONSTRAINT there;
ALTER TABLE account RENAME COLUMN mail TO address;
ALTER TABLE account SET SCHEMA audit;
ALTER VIEW rich RENAME TO wealthy;
SET search_path = audit, public;
CREATE TABLE session (id uuid, account int NOT NULL REFERENCES account ON DELETE CASCADE, token text, EXCLUDE USING btree (token WITH =));
CREATE SEQUENCE free;
ALTER TABLE session ADD COLUMN place bigint DEFAULT nextval('audit.free');
ALTER SEQUENCE free OWNED BY session.place;
RESET search_path;
ALTER DOMAIN email SET NOT NULL;
DROP FUNCTION sum_of;
DROP VIEW richest`,
  ],
  [
    'a history with partitions, inheritance and copies of tables',
    `CREATE TABLE owner (id int PRIMARY KEY, code text UNIQUE);
CREATE TABLE event (id bigint NOT NULL, day date NOT NULL, owner_id int REFERENCES owner, note text DEFAULT 'x', PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE INDEX ON event (note);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE event_rest PARTITION OF event DEFAULT;
CREATE TABLE event_2 (LIKE event INCLUDING ALL);
ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
ALTER TABLE event ADD COLUMN extra int, ADD CONSTRAINT extra_positive CHECK (extra > 0);
CREATE UNIQUE INDEX ON event (day, id);
ALTER TABLE event ALTER COLUMN note SET NOT NULL;
CREATE INDEX event_extra ON ONLY event (extra);
CREATE INDEX event_1_extra ON event_1 (extra);
ALTER INDEX event_extra ATTACH PARTITION event_1_extra;
ALTER TABLE event DETACH PARTITION event_1;
CREATE TABLE base (id int, a text NOT NULL DEFAULT 'b', CHECK (id > 0));
CREATE TABLE derived (b int) INHERITS (base);
ALTER TABLE base ADD COLUMN c int, DROP COLUMN a;
CREATE UNLOGGED TABLE copied (LIKE owner INCLUDING DEFAULTS INCLUDING INDEXES, more int);
CREATE TABLE queried AS SELECT id, code AS named, id::text AS as_text FROM owner;
CREATE TEMP TABLE passing (id int);
DROP TABLE event_rest`,
  ],
  [
    'a schema as pg_dump writes it, and changes after it',
    `SET statement_timeout = 0;
SET lock_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TYPE public.status AS ENUM ('on', 'off');
CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated := now(); RETURN NEW; END $$;
CREATE TABLE public.device (id integer NOT NULL, status public.status DEFAULT 'on'::public.status, updated timestamp without time zone, "serial no" character varying(40)[]);
CREATE SEQUENCE public.device_id_seq AS integer START WITH 1 INCREMENT BY 1;
ALTER SEQUENCE public.device_id_seq OWNED BY public.device.id;
ALTER TABLE ONLY public.device ALTER COLUMN id SET DEFAULT nextval('public.device_id_seq'::regclass);
ALTER TABLE ONLY public.device ADD CONSTRAINT device_pkey PRIMARY KEY (id);
CREATE INDEX device_lower ON public.device USING btree (lower(("serial no")[1])) WHERE (status = 'on'::public.status);
CREATE INDEX device_gin ON public.device USING gin ("serial no");
CREATE TRIGGER stamp BEFORE UPDATE ON public.device FOR EACH ROW EXECUTE FUNCTION public.stamp();
CREATE VIEW public.active AS SELECT device.id, device.updated FROM public.device WHERE (device.status = 'on'::public.status);
SELECT pg_catalog.set_config('search_path', 'public', false);
ALTER TABLE device ADD COLUMN parent integer REFERENCES device (id) ON DELETE SET NULL;
CREATE UNIQUE INDEX device_parent ON device (parent);
ALTER TABLE device ADD CONSTRAINT device_one_parent UNIQUE USING INDEX device_parent;
ALTER TABLE device DROP COLUMN updated CASCADE`,
  ],
];
