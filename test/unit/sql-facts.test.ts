import { factsOf, planOf, problemsOf, type StatementFacts } from '../../lambda/sql/facts';
import { parseScript } from '../../lambda/sql/parse';

async function facts(sql: string): Promise<StatementFacts> {
  const [statement] = (await parseScript(sql)).statements;
  if (statement === undefined) throw new Error('no statement');
  return factsOf(statement);
}

const plan = async (sql: string) => planOf(await parseScript(sql));

describe('factsOf', () => {
  test.each([
    'CREATE INDEX CONCURRENTLY i ON t (a)',
    'DROP INDEX CONCURRENTLY i',
    'REINDEX INDEX CONCURRENTLY i',
    'REINDEX (CONCURRENTLY) TABLE t',
    'REINDEX SCHEMA public',
    'VACUUM t',
    'CLUSTER',
    'CREATE DATABASE d',
    'DROP DATABASE d',
    'ALTER DATABASE d SET TABLESPACE s',
    'ALTER SYSTEM SET work_mem = 1',
    "CREATE TABLESPACE s LOCATION '/s'",
    'DROP TABLESPACE s',
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
    'DROP SUBSCRIPTION s',
    'ALTER SUBSCRIPTION s REFRESH PUBLICATION',
    'ALTER SUBSCRIPTION s SET PUBLICATION p',
    'ALTER TABLE t DETACH PARTITION p CONCURRENTLY',
  ])('knows that a transaction cannot hold %s', async (sql) => {
    expect((await facts(sql)).canRunInTransaction).toBe('no');
  });

  test.each([
    'CREATE INDEX i ON t (a)',
    'DROP INDEX i',
    'REINDEX TABLE t',
    'REINDEX (CONCURRENTLY false) TABLE t',
    'ANALYZE t',
    'CLUSTER t USING i',
    'ALTER DATABASE d SET work_mem = 1',
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (create_slot = false)",
    "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = off)",
    'ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)',
    'ALTER TABLE t DETACH PARTITION p',
    "ALTER TYPE e ADD VALUE 'x'",
    'REFRESH MATERIALIZED VIEW CONCURRENTLY m',
    'SET search_path = x',
  ])('knows that a transaction can hold %s', async (sql) => {
    expect((await facts(sql)).canRunInTransaction).toBe('yes');
  });

  test('leaves open what a block or a procedure does', async () => {
    expect((await facts('DO $$ BEGIN COMMIT; END $$')).canRunInTransaction).toBe('unknown');
    expect((await facts('CALL p()')).canRunInTransaction).toBe('unknown');
  });

  test('cuts short whatever blocks others, and not what others leave an invalid index behind for', async () => {
    expect((await facts('ALTER TABLE t ADD COLUMN a int')).mayBeCutShort).toBe(true);
    expect((await facts('ALTER TABLE t VALIDATE CONSTRAINT c, ADD COLUMN a int')).mayBeCutShort).toBe(true);
    expect((await facts('ALTER TABLE t VALIDATE CONSTRAINT c')).mayBeCutShort).toBe(false);
    expect((await facts('CREATE INDEX CONCURRENTLY i ON t (a)')).mayBeCutShort).toBe(false);
  });

  test.each([
    ['DROP TABLE "Wallet", b.c', 'all rows of "Wallet", b.c'],
    ['ALTER TABLE t DROP COLUMN a, DROP COLUMN "B"', 'the values of t.a; the values of t."B"'],
    ['TRUNCATE a CASCADE', 'all rows of a, and of every table that references it'],
    ['DELETE FROM a', 'all rows of a'],
    ['UPDATE a SET b = 1, c = 2', 'the former values of b, c in every row of a'],
    ['DROP SCHEMA s CASCADE', 'every table of the schema s with its rows'],
    ['ALTER TABLE t ALTER a TYPE int', 'whatever the new type of t.a cannot hold'],
    ['DROP MATERIALIZED VIEW m', 'the stored rows of m'],
  ])('tells what %s loses', async (sql, loss) => {
    expect((await facts(sql)).destructive).toBe(loss);
  });

  test.each([
    'DROP INDEX i',
    'DROP VIEW v',
    'ALTER TABLE t ADD COLUMN a int',
    'UPDATE a SET b = 1 WHERE c',
    'DROP SCHEMA s',
    'ALTER TABLE t DROP CONSTRAINT c',
  ])('knows that %s loses nothing', async (sql) => {
    expect((await facts(sql)).destructive).toBeUndefined();
  });

  test.each([
    [
      'ALTER TABLE "Wallet" ADD CONSTRAINT wallet_address_format CHECK (true) NOT VALID',
      'ALTER TABLE "Wallet" ADD CONSTRAINT wallet_address_format',
    ],
    [
      'alter table t add column a int, alter b set not null',
      'ALTER TABLE t ADD COLUMN a, ALTER COLUMN b SET NOT NULL',
    ],
    ['CREATE UNIQUE INDEX CONCURRENTLY "I" ON s."T" (a)', 'CREATE UNIQUE INDEX CONCURRENTLY "I" ON s."T"'],
    ['DROP TRIGGER tr ON s.t', 'DROP TRIGGER tr ON s.t'],
    ['ALTER TABLE t ENABLE ROW LEVEL SECURITY', 'ALTER TABLE t ENABLE ROW SECURITY'],
    ['ALTER TABLE t ADD PRIMARY KEY (a)', 'ALTER TABLE t ADD PRIMARY'],
    ['ALTER TABLE a\n  RENAME\tTO b', 'ALTER TABLE a RENAME TO b'],
  ])('summarizes %s', async (sql, summary) => {
    expect((await facts(sql)).summary).toBe(summary);
  });
});

describe('problemsOf', () => {
  const UNLOCKING = 'SELECT pg_advisory_unlock_all()';
  test.each(['BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'COPY t FROM STDIN', 'DISCARD ALL', UNLOCKING])(
    'refuses %s',
    async (sql) => {
      const problems = problemsOf(await parseScript(`SELECT 1;\n${sql};`));
      expect(problems).toMatchObject([{ statement: 2, line: 2 }]);
    },
  );

  test('lets settings and blocks pass', async () => {
    expect(
      problemsOf(await parseScript('SET LOCAL x.y = 1; SET search_path = a; DO $$ BEGIN END $$; RESET ALL')),
    ).toEqual([]);
  });

  test('refuses a file without a statement', async () => {
    expect(problemsOf(await parseScript('-- nothing'))).toMatchObject([{ statement: 0, line: 1 }]);
  });
});

describe('planOf', () => {
  test('is atomic wherever it can be', async () => {
    expect(await plan('CREATE TABLE t (a int); CREATE INDEX i ON t (a); DO $$ BEGIN END $$')).toMatchObject({
      mode: 'atomic',
    });
  });

  test('is stepwise as soon as one statement needs it, and names it', async () => {
    expect(await plan('SELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a)')).toEqual({
      mode: 'stepwise',
      reason: 'CREATE INDEX CONCURRENTLY i ON t (line 2) cannot run in a transaction',
    });
  });

  test('is stepwise where the file asks for it', async () => {
    expect(await plan('-- godwit:stepwise because of its size\nSELECT 1')).toEqual({
      mode: 'stepwise',
      reason: 'of its size',
    });
  });

  test('is stepwise where a new enum value is used in the file that adds it', async () => {
    expect(await plan("ALTER TYPE e ADD VALUE 'x'; SELECT 1")).toMatchObject({ mode: 'atomic' });
    expect(await plan("ALTER TYPE e ADD VALUE 'x';\nUPDATE t SET a = 'x'")).toMatchObject({
      mode: 'stepwise',
      reason: expect.stringContaining('line 2'),
    });
    expect(await plan("ALTER TYPE e ADD VALUE 'x'; DO $$ BEGIN UPDATE t SET a = 'x'; END $$")).toMatchObject({
      mode: 'stepwise',
    });
  });
});
