import { lint } from '../../lambda/checks/lint';
import type { DatabaseFacts } from '../../lambda/checks/rules';
import { statementsIn } from '../../lambda/checks/rules/hidden-code';
import { lintAfter, migration, wordsOf } from '../support/linting';

const WALLET = 'CREATE TABLE "Wallet" (id int PRIMARY KEY, label text);';

const told = async (sql: string, before?: string) => (await lintAfter(before, sql)).findings.map(wordsOf);

const facts = (size: { rows: number; bytes: number }, more: Partial<DatabaseFacts> = {}): DatabaseFacts => ({
  serverVersion: 180000,
  sizeOf: () => size,
  bytesPerSecond: 100 * 1024 * 1024,
  lastUse: () => undefined,
  ...more,
});

async function withFacts(sql: string, known: DatabaseFacts) {
  const { findings } = await lint({
    before: [migration('1', WALLET)],
    migrations: [migration('2', sql)],
    facts: known,
  });
  return findings.map(({ id, severity, effect }) => ({ id, severity, effect }));
}

describe('sizes', () => {
  const INDEX = 'CREATE INDEX i ON "Wallet" (label);';

  test('a large table is said to be large, and how long it is read at the least', async () => {
    const [finding] = await withFacts(INDEX, facts({ rows: 2_000_000, bytes: 300 * 1024 * 1024 }));
    expect(finding?.severity).toBe('error');
    expect(finding?.effect).toMatch(
      /It goes through 2,000,000 rows \(300 MB\) of "Wallet", at least 3\.0 s at this server's measured speed\.$/,
    );
  });

  test('work on a small table is information', async () => {
    const [finding] = await withFacts(INDEX, facts({ rows: 900, bytes: 1024 * 1024 }));
    expect(finding?.severity).toBe('info');
  });

  test('without a measured speed the number of rows decides', async () => {
    const unmeasured = { bytesPerSecond: undefined };
    const [small] = await withFacts(INDEX, facts({ rows: 1000, bytes: 1e9 }, unmeasured));
    const [large] = await withFacts(INDEX, facts({ rows: 1001, bytes: 1 }, unmeasured));
    expect([small?.severity, large?.severity]).toEqual(['info', 'error']);
  });

  test('a small table does not make what is not about work harmless', async () => {
    const found = await withFacts('ALTER TABLE "Wallet" RENAME label TO name;', facts({ rows: 1, bytes: 1 }));
    expect(found.map(({ severity }) => severity)).toEqual(['error']);
  });

  test('a column that a statement lately mentioned is not dropped without an error', async () => {
    const used = facts({ rows: 1, bytes: 1 }, { lastUse: () => 'SELECT label FROM "Wallet"' });
    const [finding] = await withFacts('ALTER TABLE "Wallet" DROP COLUMN label;', used);
    expect(finding).toEqual({
      id: 'drop-column',
      severity: 'error',
      effect: expect.stringContaining('SELECT label FROM "Wallet"'),
    });
  });
});

describe('scripts that cannot be read as a whole', () => {
  test('each statement that is none is told, and the others are judged in their places', async () => {
    const sql = 'SELEC 1;\nDROP INDEX a;\nALTER TABLE order ADD x int;\n  CREATE INDEX i ON t (a);';
    expect(await told(sql)).toEqual([
      'error syntax-error, line 1: SELEC',
      'error syntax-error, line 3: order',
      'error drop-index-blocks, line 2: a',
      'error index-blocks-writes, line 4: t',
    ]);
  });

  test.each([
    ["SELECT 'never ends;\nDROP TABLE t;", 'syntax-error'],
    ['DROP TABLE t;\0', 'syntax-error'],
    ['\uFEFFDROP TABLE t;', 'syntax-error'],
    ['-- godwit:stepwise\nDROP INDEX i;', 'directive-not-understood'],
    ['DROP INDEX i;\n-- godwit:nonsense', 'directive-not-understood'],
    ['-- nothing', 'empty-migration'],
    ['', 'empty-migration'],
    [')('.repeat(50), 'syntax-error'],
    ['x;'.repeat(100), 'syntax-error'],
  ])('%j is answered with a place', async (sql, id) => {
    const { findings } = await lintAfter(undefined, sql);
    expect(findings.length).toBeLessThan(30);
    expect(findings.map((finding) => finding.id)).toContain(id);
    for (const { line, column } of findings) {
      expect(line).toBeGreaterThan(0);
      expect(line).toBeLessThanOrEqual(sql.split('\n').length);
      expect(column).toBeGreaterThan(0);
    }
  });

  test('a history with a statement that is none leaves what the others made', async () => {
    expect(await told('ALTER TABLE "Wallet" RENAME label TO name;', `CREAT x;\n${WALLET}`)).toEqual([
      'error rename-column, line 1: "Wallet".label',
    ]);
  });
});

test('the caret stands at the name, in characters, whatever stands before it', async () => {
  const sql = '/* 🐦 ü */ ALTER TABLE "Balance" ADD CHECK (usdValue > 0) NOT VALID;';
  const { findings } = await lintAfter('CREATE TABLE "Balance" ("usdValue" int);', sql);
  const [finding] = findings.filter(({ id }) => id === 'lost-quotes');
  expect([...sql].slice((finding?.column ?? 0) - 1).join('')).toMatch(/^usdValue/);
});

describe('what is known', () => {
  test('of a table that the migration makes, nothing is said', async () => {
    expect(
      await told(
        'CREATE TABLE t (a int); CREATE INDEX i ON t (a); ALTER TABLE t ADD CHECK (a > 0), ALTER a SET NOT NULL; DROP TABLE t;',
      ),
    ).toEqual([]);
  });

  test('a table that nobody made is judged as one in use, and named where a history has made others', async () => {
    expect(await told('ALTER TABLE t ALTER a SET NOT NULL;')).toEqual([
      'error set-not-null-scans, line 1: t.a',
    ]);
    expect(await told('ALTER TABLE t ALTER a SET NOT NULL;', WALLET)).toEqual([
      'error set-not-null-scans, line 1: t.a',
      'warning unknown-name, line 1: t',
    ]);
  });

  test('what one migration makes is in use for the next one', async () => {
    const { findings } = await lint({
      before: [],
      migrations: [
        migration('1', `${WALLET} CREATE INDEX i ON "Wallet" (label);`),
        migration('2', 'DROP INDEX i;'),
      ],
    });
    expect(findings.map(({ migration: name, id }) => `${name} ${id}`)).toEqual(['2 drop-index-blocks']);
  });
});

describe('blocks and functions', () => {
  const BLOCK =
    "DO $$\nBEGIN\n  IF true THEN\n    CREATE INDEX i ON \"Wallet\" (label);\n  END IF;\n  EXECUTE 'DROP INDEX j';\n  EXECUTE 'DROP ' || 'INDEX k';\nEND $$;";

  test('are looked into, each finding in its place', async () => {
    expect(await told(BLOCK, WALLET)).toEqual([
      "warning dynamic-sql, line 1: 'DROP ' || 'INDEX k'",
      'error index-blocks-writes, line 4: "Wallet"',
      'error drop-index-blocks, line 6: j',
    ]);
  });

  test('name what a catalog has to be read for', async () => {
    const statements = await statementsIn([migration('1', BLOCK)]);
    expect(statements.map(({ kind, line }) => `${kind} ${line}`)).toEqual([
      'DoStmt 1',
      'IndexStmt 4',
      'DropStmt 6',
    ]);
  });
});

test('a lock is said with whom it keeps waiting, unless nobody was there', async () => {
  const { findings } = await lintAfter(WALLET, 'ALTER TABLE "Wallet" ALTER COLUMN label SET NOT NULL;');
  expect(findings.map(({ lock }) => lock)).toEqual([
    'AccessExclusiveLock on "Wallet": blocks reads and writes',
  ]);
});
