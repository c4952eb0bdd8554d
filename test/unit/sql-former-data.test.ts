import { mayHarmFormerData } from '../../lambda/sql/former-data';
import { parseScript } from '../../lambda/sql/parse';
import { tablesWritten } from '../../lambda/sql/tables-written';

const statementsOf = async (sql: string) => (await parseScript(sql)).statements;
const mayHarm = async (up: string, down: string): Promise<boolean> =>
  mayHarmFormerData({ up: await statementsOf(up), down: await statementsOf(down) });

describe('what a down script takes away', () => {
  test.each([
    ['a column that was added', 'ALTER TABLE t ADD COLUMN c text', 'ALTER TABLE t DROP COLUMN c'],
    [
      'a column that was added where the schema is written once',
      'ALTER TABLE "public"."t" ADD COLUMN c text',
      'ALTER TABLE t DROP COLUMN c',
    ],
    ['a table that was made and filled', 'CREATE TABLE n (a int); INSERT INTO n VALUES (1)', 'DROP TABLE n'],
    ['a type that was made', "CREATE TYPE mood AS ENUM ('calm')", 'DROP TYPE mood'],
    [
      'an index, and a constraint',
      'CREATE INDEX i ON t (a)',
      'DROP INDEX i; ALTER TABLE t DROP CONSTRAINT c',
    ],
    [
      'a filled column that was added',
      "ALTER TABLE t ADD COLUMN c text; UPDATE t SET c = 'x' WHERE id > 1",
      'ALTER TABLE t DROP COLUMN c',
    ],
  ])('%s: nothing that was there before', async (_, up, down) => {
    expect(await mayHarm(up, down)).toBe(false);
  });

  test.each([
    ['a column that was there', 'ALTER TABLE t ADD COLUMN c text', 'ALTER TABLE t DROP COLUMN d'],
    [
      'a column of that name in another table',
      'ALTER TABLE t ADD COLUMN c text',
      'ALTER TABLE s DROP COLUMN c',
    ],
    ['a table that was there', 'CREATE TABLE IF NOT EXISTS n (a int)', 'DROP TABLE n'],
    ['what depends on it, too', 'CREATE TABLE n (a int)', 'DROP TABLE n CASCADE'],
    ['values', "UPDATE t SET a = a || '!' WHERE id > 0", 'UPDATE t SET a = left(a, -1)'],
    ['rows', 'INSERT INTO t VALUES (1)', 'DELETE FROM t WHERE id = 1'],
    ['rows by a CTE', 'SELECT 1', 'WITH d AS (DELETE FROM t RETURNING 1) SELECT count(*) FROM d'],
    ['what a DO block does', 'SELECT 1', 'DO $$ BEGIN DELETE FROM t; END $$'],
    ['a schema with all in it', 'CREATE SCHEMA s', 'DROP SCHEMA s CASCADE'],
    [
      'nothing, after the migration dropped a column',
      'ALTER TABLE t DROP COLUMN c',
      'ALTER TABLE t ADD COLUMN c text',
    ],
    [
      'what a narrower type cannot hold',
      'ALTER TABLE t ALTER c TYPE text',
      'ALTER TABLE t ALTER c TYPE varchar(9)',
    ],
    ['nothing, after the migration changed values', "UPDATE t SET a = 'x' WHERE id > 1", 'DROP INDEX i'],
    ['nothing, after a DO block', 'DO $$ BEGIN END $$', 'DROP INDEX i'],
    [
      'nothing, after an upsert',
      'INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1',
      'DROP INDEX i',
    ],
    ['all rows', 'CREATE INDEX i ON t (a)', 'TRUNCATE t'],
  ])('%s: harm to what was there before', async (_, up, down) => {
    expect(await mayHarm(up, down)).toBe(true);
  });
});

describe('a script writes itself', () => {
  test.each([
    ['to the table of an UPDATE, and to no other', 'UPDATE s.t SET a = 1; CREATE INDEX i ON u (a)', ['t']],
    ['to a table that it writes anew', 'ALTER TABLE t ALTER c TYPE bigint', ['t']],
    [
      'to a table with a new column that is computed',
      'ALTER TABLE t ADD c uuid DEFAULT gen_random_uuid()',
      ['t'],
    ],
    ['to none for a new column with a constant', "ALTER TABLE t ADD c text NOT NULL DEFAULT 'x'::text", []],
    ['to none for constraints', 'ALTER TABLE t ADD CHECK (a > 0) NOT VALID', []],
  ])('%s', async (_, sql, tables) => {
    expect(tablesWritten(await statementsOf(sql))).toEqual(new Set(tables));
  });

  test.each([
    'DO $$ BEGIN END $$',
    'SELECT f()',
    'WITH w AS (DELETE FROM a RETURNING 1) INSERT INTO b SELECT * FROM w',
  ])('maybe to any: %s', async (sql) => {
    expect(tablesWritten(await statementsOf(sql))).toBe('any');
  });
});
