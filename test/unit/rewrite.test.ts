import { rewriteMigration } from '../../lambda/sql/rewrite/rewrite';
import { catalogAfter, corpusBase, migrationOf, rewritten } from '../support/rewrite-corpus';

const sqlOf = async (sql: string, before: readonly string[] = []): Promise<readonly string[]> =>
  (await rewritten(sql, before)).migrations.map((migration) => migration.sql);

const refusalOf = async (sql: string, before: readonly string[] = []): Promise<string | undefined> => {
  const { refused, migrations } = await rewritten(sql, before);
  expect(migrations.map((migration) => migration.sql)).toEqual([sql]);
  return refused[0]?.reason;
};

describe('what needs no change stays as written', () => {
  test.each([
    [
      'a table of its own',
      `-- new\nCREATE TABLE "A" ("id" INT PRIMARY KEY, "b" INT);\nCREATE INDEX "A_b_idx" ON "A"("b");\nALTER TABLE "A" ALTER COLUMN "b" SET NOT NULL;\n`,
    ],
    [
      'a nullable column',
      `ALTER TABLE "TokenBalance" ADD COLUMN "a" TEXT, ADD COLUMN "b" INT NOT NULL DEFAULT 1;\n`,
    ],
    ['a type that only widens', `ALTER TABLE "TokenBalance" ALTER COLUMN "source" TYPE VARCHAR(100);\n`],
    ['a drop in a migration of its own', `DROP TABLE "Note";\n`],
    ['one row', `UPDATE "TokenBalance" SET "memo" = 'x' WHERE "id" = 'a';\n`],
    ['rows that are written out', `DELETE FROM "TokenBalance" WHERE "id" IN ('a', 'b');\n`],
    ['what is concurrent already', `CREATE INDEX CONCURRENTLY "x" ON "TokenBalance"("rank");\n`],
    [
      'what a person allows',
      `-- godwit:allow index-blocks-writes because nobody writes at night\nCREATE INDEX "x" ON "TokenBalance"("rank");\n`,
    ],
  ])('%s', async (_, sql) => {
    expect(await rewritten(sql)).toEqual({
      migrations: [expect.objectContaining({ name: '20251201090000_change', sql })],
      changes: [],
      refused: [],
    });
  });

  test('a requirement that a CHECK proves', async () => {
    const before = `ALTER TABLE "TokenBalance" ADD CONSTRAINT "memo_there" CHECK ("memo" IS NOT NULL);`;
    const sql = `ALTER TABLE "TokenBalance" ALTER COLUMN "memo" SET NOT NULL;\n`;
    expect(await sqlOf(sql, [before])).toEqual([sql]);
  });
});

test('comments and statements around what is rewritten stay as they are', async () => {
  const sql = `-- Why: /* faster */ lists.\nCREATE TABLE "A" ("id" INT); -- small\n\n/* The index\n   of 'names'; */\nCREATE INDEX "x" ON "TokenBalance"("rank"); -- done\n`;
  expect(await sqlOf(sql)).toEqual([
    `-- godwit:stepwise because the lock of each statement must be released before the next one is asked for\n${sql.replace('INDEX "x"', 'INDEX CONCURRENTLY "x"')}`,
  ]);
});

test('each change names the line of the original, the rule and the reason', async () => {
  const { changes } = await rewritten(`\n\nCREATE INDEX "x" ON "TokenBalance"("rank");\n`);
  expect(changes).toEqual([
    { line: 3, rule: 'index-blocks-writes', reason: expect.stringContaining('"TokenBalance"') },
  ]);
});

test('names that are hostile come out as they went in', async () => {
  const before = `CREATE TABLE "a""; DROP TABLE x; --" ("id" INT PRIMARY KEY, "c""'$$" INT);`;
  const [expand = '', contract = ''] = await sqlOf(
    `ALTER TABLE "a""; DROP TABLE x; --" RENAME COLUMN "c""'$$" TO "d""";\n`,
    [before],
  );
  expect(expand).toContain(`SET "d""" = "c""'$$"`);
  // What stands in dollar quotes must not end them.
  expect(expand).not.toContain('AS $$');
  const again = await rewriteMigration(
    migrationOf('20251201090001_contract', contract),
    await catalogAfter([corpusBase, { sql: before }, { sql: expand }]),
  );
  expect(again.migrations.map(({ sql }) => sql)).toEqual([contract]);
});

test('what is parted follows a second later each, over the end of a year', async () => {
  const { migrations } = await rewriteMigration(
    migrationOf('20251231235959_narrow', `ALTER TABLE "TokenBalance" ALTER COLUMN "block" TYPE BIGINT;\n`),
    await catalogAfter([corpusBase]),
  );
  expect(migrations.map(({ name, phase }) => [name, phase])).toEqual([
    ['20251231235959_narrow', 'expand'],
    ['20260101000000_narrow_switch', 'contract'],
    ['20260101000001_narrow_contract', 'contract'],
  ]);
});

describe('refused, with the reason', () => {
  test.each([
    [
      'a column that is dropped and made again',
      `ALTER TABLE "TokenBalance" DROP COLUMN "rank", ADD COLUMN "rank" TEXT;`,
      'every value of it is lost',
    ],
    [
      'an enum value of another name',
      `ALTER TYPE "BalanceKind" RENAME VALUE 'SPOT' TO 'CASH';`,
      'a release that knows both',
    ],
    [
      'an exclusion constraint',
      `ALTER TABLE "TokenBalance" ADD CONSTRAINT "e" EXCLUDE USING gist ("rank" WITH =);`,
      'no other way',
    ],
    [
      'a stored generated column',
      `ALTER TABLE "TokenBalance" ADD COLUMN "g" INT GENERATED ALWAYS AS ("rank" * 2) STORED;`,
      'VIRTUAL',
    ],
    [
      'an identity',
      `ALTER TABLE "TokenBalance" ADD COLUMN "n" INT GENERATED ALWAYS AS IDENTITY;`,
      'AS IDENTITY',
    ],
    [
      'a change of type of a key',
      `ALTER TABLE "TokenBalance" ALTER COLUMN "id" TYPE VARCHAR(36);`,
      '"TokenBalance_pkey" stands on',
    ],
    [
      'a default that has to be converted',
      `ALTER TABLE "TokenBalance" ALTER COLUMN "rank" TYPE BIGINT;`,
      'has a default',
    ],
    [
      'a write that reads its own table',
      `UPDATE "TokenBalance" SET "rank" = (SELECT max("rank") FROM "TokenBalance");`,
      'a second time',
    ],
    [
      'rows that cannot be told apart',
      `UPDATE "Log" SET "a" = 1;`,
      'no unique key',
      `CREATE TABLE "Log" ("a" INT);`,
    ],
    [
      'a backfill that would run triggers',
      `ALTER TABLE "TokenBalance" ALTER COLUMN "block" TYPE BIGINT;`,
      'triggers',
      `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE UPDATE ON "TokenBalance" FOR EACH ROW EXECUTE FUNCTION f();`,
    ],
    [
      'an index of a partitioned table',
      `CREATE INDEX "x" ON "P"("a");`,
      'partitioned',
      `CREATE TABLE "P" ("a" INT) PARTITION BY RANGE ("a");`,
    ],
    [
      'a default of a column that may be NULL, under two names',
      `ALTER TABLE "TokenBalance" RENAME COLUMN "memo" TO "remark";`,
      'whether NULL was meant',
    ],
  ])('%s', async (_, sql, reason, before = '') => {
    expect(await refusalOf(sql, before === '' ? [] : [before])).toContain(reason);
  });
});

test('quotes that were lost are put back, and the corrected original is what the rest is compared with', async () => {
  const { meant, changes, migrations } = await rewritten(
    `ALTER TABLE TokenBalance ADD CONSTRAINT worth CHECK (usdValue >= 0 AND quantity > 0);\nCOMMENT ON TABLE TokenBalance IS 'usdValue';\n`,
  );
  expect(meant).toBe(
    `ALTER TABLE "TokenBalance" ADD CONSTRAINT worth CHECK ("usdValue" >= 0 AND quantity > 0);\nCOMMENT ON TABLE "TokenBalance" IS 'usdValue';\n`,
  );
  expect(
    changes.filter(({ rule }) => rule === 'lost-quotes').map(({ line, reason }) => [line, reason]),
  ).toEqual([
    [1, 'without quotes TokenBalance is read as tokenbalance, which does not exist; "TokenBalance" does'],
    [1, 'without quotes usdValue is read as usdvalue, which does not exist; "usdValue" does'],
    [2, expect.stringContaining('TokenBalance')],
  ]);
  expect(migrations[0]?.sql).toContain('CHECK ("usdValue" >= 0 AND quantity > 0) NOT VALID;');
});

test('a name that is known in small letters keeps its meaning', async () => {
  const before = `CREATE TABLE "pair" ("id" INT PRIMARY KEY, "side" INT, "Side" INT);`;
  const sql = `ALTER TABLE "pair" ADD COLUMN c INT;\nUPDATE "pair" SET Side = 1 WHERE "id" = 1;\n`;
  const { meant, changes } = await rewritten(sql, [before]);
  expect([meant, changes]).toEqual([undefined, []]);
});

test('a type or a function that is spelled like a column is none', async () => {
  const before = `CREATE TABLE "pair" ("id" INT PRIMARY KEY, "Text" INT, "Upper" INT);`;
  const { meant } = await rewritten(`ALTER TABLE "pair" ADD COLUMN c Text DEFAULT Upper('a');\n`, [before]);
  expect(meant).toBeUndefined();
});

test('the constraints of a new column are taken apart by what the parser says, not by how they are spelled', async () => {
  const [sql] = await sqlOf(
    `ALTER TABLE "TokenBalance" ADD COLUMN "check" TEXT COLLATE "C" DEFAULT upper('a, check(') CONSTRAINT "check constraint" CHECK ("check" <> ')' ) REFERENCES "Token" ("id") DEFERRABLE INITIALLY DEFERRED;\n`,
  );
  expect(sql?.split('\n').slice(1, -1)).toEqual([
    `ALTER TABLE "TokenBalance" ADD COLUMN "check" TEXT COLLATE "C" DEFAULT upper('a, check(');`,
    `ALTER TABLE "TokenBalance" ADD CONSTRAINT "check constraint" CHECK ("check" <> ')' ) NOT VALID;`,
    `ALTER TABLE "TokenBalance" VALIDATE CONSTRAINT "check constraint";`,
    `ALTER TABLE "TokenBalance" ADD CONSTRAINT "TokenBalance_check_fkey" FOREIGN KEY ("check") REFERENCES "Token" ("id") DEFERRABLE INITIALLY DEFERRED NOT VALID;`,
    `ALTER TABLE "TokenBalance" VALIDATE CONSTRAINT "TokenBalance_check_fkey";`,
  ]);
});

test('writes that follow one another stay in one transaction, in a migration of their own', async () => {
  const writes = `INSERT INTO "Token" SELECT 'a', 'A';\nDELETE FROM "Token" WHERE "id" = 'b';`;
  const { migrations } = await rewritten(`${writes}\nCREATE INDEX "x" ON "TokenBalance"("rank");\n`);
  expect(migrations.map(({ name, sql }) => [name, sql])).toEqual([
    ['20251201090000_change', `${writes}\n`],
    ['20251201090001_change_2', 'CREATE INDEX CONCURRENTLY "x" ON "TokenBalance"("rank");\n'],
  ]);
});

test('names that it makes are no longer than Postgres keeps, and no two of them are the same', async () => {
  const long = 'i'.repeat(62);
  const before = ['a', 'b']
    .map((end) => `CREATE INDEX "${long}${end}" ON "TokenBalance" ("block");`)
    .join('\n');
  const { migrations } = await rewritten(`ALTER TABLE "TokenBalance" ALTER COLUMN "block" TYPE BIGINT;\n`, [
    before,
  ]);
  const made = [...(migrations[0]?.sql ?? '').matchAll(/INDEX CONCURRENTLY "(i+[^"]*)"/g)].map(
    ([, name = '']) => name,
  );
  expect(made).toHaveLength(2);
  expect(new Set([...made, `${long}a`, `${long}b`]).size).toBe(4);
  for (const name of made) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
});
