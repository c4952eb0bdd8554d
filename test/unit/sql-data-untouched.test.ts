import { leavesDataAlone } from '../../lambda/sql/data-untouched';
import { parseScript } from '../../lambda/sql/parse';

const isAlone = async (sql: string): Promise<boolean> => leavesDataAlone((await parseScript(sql)).statements);

describe('a script that neither changes nor refuses data', () => {
  it.each([
    'DROP INDEX CONCURRENTLY IF EXISTS i',
    'CREATE INDEX i ON t (a)',
    'ALTER TABLE t DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (a > 0) NOT VALID',
    'ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT f',
    'ALTER TABLE t ALTER a DROP NOT NULL, ALTER a SET DEFAULT 1',
    'ALTER TABLE t RENAME a TO b; COMMENT ON TABLE t IS NULL; SET lock_timeout = 100',
  ])('is known: %s', async (sql) => {
    expect(await isAlone(sql)).toBe(true);
  });

  it.each([
    'ALTER TABLE t DROP COLUMN a',
    'ALTER TABLE t ADD COLUMN a int',
    'ALTER TABLE t ALTER a TYPE int',
    'ALTER TABLE t ALTER a SET NOT NULL',
    'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)',
    'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c',
    'CREATE UNIQUE INDEX i ON t (a)',
    'DROP VIEW v CASCADE',
    'DROP TABLE t',
    'DROP TYPE e',
    'UPDATE t SET a = 1',
    'DELETE FROM t',
    'TRUNCATE t',
    'SELECT f()',
    'DO $$ BEGIN END $$',
    'CREATE TABLE t AS SELECT 1',
  ])('is not taken for one: %s', async (sql) => {
    expect(await isAlone(`COMMENT ON TABLE t IS NULL; ${sql}`)).toBe(false);
  });
});
