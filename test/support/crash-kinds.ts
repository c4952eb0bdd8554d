/** Migrations of many kinds in which each statement that ran twice, half or not at all shows in the data or in the catalog. */
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import type { CrashWork } from './crash-work';

export interface CrashKind extends CrashWork {
  readonly name: string;
  /** Already applied when the work begins. */
  readonly before: readonly Migration[];
  /** What an old transaction locks, so that a statement waits for it in its midst, and is killed there. */
  readonly held?: readonly string[];
}

const migration = (name: string, statements: readonly string[], down?: readonly string[]): Migration => {
  const sql = statements.join(';\n');
  return { name, sql, downSql: down?.join(';\n'), checksum: checksumOf(sql) };
};

/** A role belongs to the cluster. */
export const CRASH_ROLE = 'crash_owner';

const INIT = migration('0_init', [
  'CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, visits int NOT NULL DEFAULT 0, score int)',
  'CREATE TABLE entry (id int PRIMARY KEY, account_id int, amount numeric(12,2), note text)',
  "CREATE TYPE state AS ENUM ('open', 'closed')",
  "CREATE TABLE item (id int PRIMARY KEY, state state NOT NULL DEFAULT 'open')",
  'CREATE TABLE day (d int, v int) PARTITION BY RANGE (d)',
  'CREATE TABLE day_1 PARTITION OF day FOR VALUES FROM (1) TO (100)',
  'CREATE TABLE day_2 PARTITION OF day FOR VALUES FROM (100) TO (200)',
  'CREATE INDEX day_v ON day (v)',
  'CREATE SCHEMA other',
  'CREATE TABLE other.account (id int PRIMARY KEY, visits int NOT NULL)',
  'CREATE TABLE seen (what text, value text)',
  "INSERT INTO account SELECT n, 'owner ' || n, 0, n % 7 FROM generate_series(1, 200) n",
  "INSERT INTO entry SELECT n, n % 200 + 1, n / 7.0, 'note ' || n FROM generate_series(1, 400) n",
  'INSERT INTO item SELECT n FROM generate_series(1, 40) n',
  'INSERT INTO day SELECT n, n FROM generate_series(1, 199) n',
  'INSERT INTO other.account SELECT n, 0 FROM generate_series(1, 20) n',
  'CREATE INDEX old_one ON entry (note)',
  'CREATE INDEX old_one ON other.account (visits)',
  `GRANT ALL ON SCHEMA public, other TO ${CRASH_ROLE}`,
  `GRANT ALL ON ALL TABLES IN SCHEMA public, other TO ${CRASH_ROLE}`,
]);

const ATOMIC = migration('1_atomic', [
  'ALTER TABLE account ADD COLUMN a int DEFAULT 1',
  'UPDATE account SET visits = visits + 1',
  'CREATE TABLE audit AS SELECT id, visits FROM account',
  'DELETE FROM entry WHERE id % 10 = 0',
  'INSERT INTO audit SELECT 1000, count(*)::int FROM audit',
  'ALTER TABLE audit ADD PRIMARY KEY (id)',
]);

const MIXED = migration(
  '2_mixed',
  [
    "SET work_mem = '8MB'",
    'UPDATE account SET visits = visits + 10',
    'CREATE INDEX CONCURRENTLY account_owner ON account (owner)',
    'UPDATE account SET visits = visits + 100',
    "INSERT INTO seen SELECT 'work_mem', current_setting('work_mem')",
    'DROP INDEX CONCURRENTLY old_one',
    'VACUUM account',
  ],
  [
    'DROP INDEX CONCURRENTLY account_owner',
    'UPDATE account SET visits = visits - 110',
    'DELETE FROM seen',
    'CREATE INDEX CONCURRENTLY old_one ON entry (note)',
  ],
);

const INDEXES = migration('1_indexes', [
  'CREATE INDEX CONCURRENTLY account_owner ON account (owner)',
  'UPDATE account SET visits = visits + 1',
  'CREATE UNIQUE INDEX CONCURRENTLY ON entry (account_id, id) WHERE id > 0',
  'REINDEX TABLE CONCURRENTLY entry',
  'REINDEX INDEX CONCURRENTLY account_pkey',
  'UPDATE account SET visits = visits + 10',
  'DROP INDEX CONCURRENTLY old_one',
  'REINDEX TABLE CONCURRENTLY day',
  'ALTER TABLE day DETACH PARTITION day_1 CONCURRENTLY',
]);

const CONSTRAINTS = migration('1_constraints', [
  '-- godwit:stepwise because each scan shall hold its lock for itself\nUPDATE account SET visits = visits + 1',
  'ALTER TABLE entry ADD CONSTRAINT entry_account FOREIGN KEY (account_id) REFERENCES account (id) NOT VALID',
  'ALTER TABLE entry VALIDATE CONSTRAINT entry_account',
  'ALTER TABLE account ADD CONSTRAINT score_there CHECK (score IS NOT NULL) NOT VALID',
  'INSERT INTO entry SELECT n, 1, 1 FROM generate_series(1001, 1010) n',
  'ALTER TABLE account VALIDATE CONSTRAINT score_there',
  'ALTER TABLE account ALTER COLUMN score SET NOT NULL',
  'ALTER TABLE account DROP CONSTRAINT score_there',
  'UPDATE account SET score = score + 1',
]);

const CODE = migration('1_code', [
  `CREATE FUNCTION bump(by int) RETURNS void LANGUAGE plpgsql AS $$
   BEGIN UPDATE account SET visits = visits + by; END $$`,
  'DO $$ BEGIN PERFORM bump(1); UPDATE item SET id = id + 100; END $$',
  `CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN INSERT INTO seen VALUES ('touched', NEW.id::text); RETURN NEW; END $$`,
  'CREATE TRIGGER touched AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touched()',
  'SELECT bump(10)',
]);

const ENUM = migration('2_enum', [
  "ALTER TYPE state ADD VALUE 'held' BEFORE 'closed'",
  "UPDATE item SET state = 'held' WHERE id % 2 = 0",
  'DO $$ BEGIN PERFORM bump(100); END $$',
  "ALTER TABLE item ALTER COLUMN state SET DEFAULT 'held'",
  'SELECT bump(1000)',
]);

const LINES = migration('1_lines', [
  'CREATE TABLE line (id bigint PRIMARY KEY, n int NOT NULL)',
  'INSERT INTO line SELECT i * 7, i FROM generate_series(1, 3000) i',
]);

const BACKFILL = migration('2_backfill', [
  '-- godwit:backfill\nUPDATE line SET n = n + 1',
  'UPDATE account SET visits = visits + 1',
  '-- godwit:backfill\nDELETE FROM line WHERE n % 3 = 0',
  'CREATE INDEX CONCURRENTLY line_n ON line (n)',
]);

const SETTINGS = migration('1_settings', [
  `SET ROLE ${CRASH_ROLE}`,
  'CREATE TABLE owned (id int)',
  'SET search_path = other, public',
  "SET work_mem = '7MB'",
  'UPDATE account SET visits = visits + 1',
  'CREATE INDEX CONCURRENTLY owned_id ON public.owned (id)',
  'INSERT INTO public.owned SELECT n FROM generate_series(1, 10) n',
  "INSERT INTO seen SELECT 'settings', concat_ws(' ', current_user, current_setting('search_path'), current_setting('work_mem'))",
  'RESET ROLE',
  // Behind it in the search path there is another of the same name.
  'DROP INDEX CONCURRENTLY old_one',
  "INSERT INTO seen SELECT 'role', session_user || ' ' || (current_user = session_user)::text",
]);

const HELD = ['account', 'entry', 'day'];

export const CRASH_KINDS: readonly CrashKind[] = [
  { name: 'atomic', direction: 'up', before: [INIT], migrations: [ATOMIC] },
  { name: 'mixed', direction: 'up', before: [INIT, ATOMIC], migrations: [MIXED] },
  { name: 'way back', direction: 'down', before: [INIT, MIXED], migrations: [MIXED] },
  { name: 'indexes', direction: 'up', before: [INIT], migrations: [INDEXES], held: HELD },
  { name: 'constraints', direction: 'up', before: [INIT], migrations: [CONSTRAINTS] },
  { name: 'code', direction: 'up', before: [INIT], migrations: [CODE, ENUM] },
  { name: 'backfill', direction: 'up', before: [INIT, LINES], migrations: [BACKFILL] },
  { name: 'settings', direction: 'up', before: [INIT], migrations: [SETTINGS] },
];
