import fc from 'fast-check';
import { parseScript, SqlDirectiveError, SqlSyntaxError } from '../../lambda/sql/parse';

const texts = async (sql: string) => (await parseScript(sql)).statements.map((statement) => statement.sql);

async function syntaxErrorOf(sql: string): Promise<SqlSyntaxError> {
  const error: unknown = await parseScript(sql).catch((thrown: unknown) => thrown);
  if (!(error instanceof SqlSyntaxError)) throw new Error(`expected a syntax error, not ${String(error)}`);
  return error;
}

describe('parseScript', () => {
  test('gives each statement without its semicolon and the comments around it', async () => {
    const { statements } = await parseScript('-- one\nSELECT 1 /* end */ ;\n\n/* two\n*/ SELECT 2 -- last');
    expect(statements.map(({ sql, line, kind }) => [sql, line, kind])).toEqual([
      ['SELECT 1', 2, 'SelectStmt'],
      ['SELECT 2', 5, 'SelectStmt'],
    ]);
  });

  test('keeps a comment within a statement', async () => {
    expect(await texts('SELECT 1, -- why\n 2;')).toEqual(['SELECT 1, -- why\n 2']);
  });

  test('skips empty statements', async () => {
    expect(await texts(';;SELECT 1;; ;SELECT 2;')).toEqual(['SELECT 1', 'SELECT 2']);
    expect(await texts('')).toEqual([]);
    expect(await texts(' -- nothing\n;')).toEqual([]);
  });

  test('counts offsets in characters although the parser counts bytes', async () => {
    const sql = "SELECT 'é😀';\n/* ü */ SELECT '𝄞' AS \"ß\";";
    const { statements } = await parseScript(sql);
    for (const { offset, sql: text } of statements)
      expect(sql.slice(offset, offset + text.length)).toBe(text);
    expect(statements.map(({ sql: text }) => text)).toEqual(["SELECT 'é😀'", 'SELECT \'𝄞\' AS "ß"']);
  });

  test('does not split within functions, DO blocks and SQL bodies', async () => {
    const script = [
      'CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END',
      "DO $x$ BEGIN PERFORM 1; PERFORM ';'; END $x$",
    ];
    expect(await texts(`${script.join(';\n')};`)).toEqual(script);
  });

  test('reads past control characters in comments and literals', async () => {
    expect(await texts("-- \u0001\u001f\nSELECT '\u0002;\u000b';\fSELECT 2")).toEqual([
      "SELECT '\u0002;\u000b'",
      'SELECT 2',
    ]);
  });

  test('places a syntax error by line and column, counted in characters', async () => {
    expect(await syntaxErrorOf("SELECT '😀';\n\n  SELECT '𝄞' FRM x y;")).toMatchObject({
      line: 3,
      column: 18,
    });
    expect((await syntaxErrorOf('SELEC 1')).message).toBe(
      'Line 1, column 1: syntax error at or near "SELEC"',
    );
  });

  test('refuses a NUL, behind which the parser would see nothing', async () => {
    expect(await syntaxErrorOf('SELECT 1;\n\0DROP TABLE x;')).toMatchObject({ line: 2, column: 1 });
  });

  test('says so when the file begins with a byte order mark', async () => {
    expect((await syntaxErrorOf('\uFEFFSELECT 1')).message).toContain('byte order mark');
  });

  test('reads a directive from a comment', async () => {
    const { directives } = await parseScript(
      'SELECT 1;\n  -- godwit:stepwise because it is long  \nSELECT 2',
    );
    expect(directives).toEqual([{ name: 'stepwise', reason: 'it is long', line: 2 }]);
  });

  test('takes no directive from literals, function bodies or other comments', async () => {
    const { directives } = await parseScript(
      "SELECT '\n-- godwit:stepwise because a\n', $$\n-- godwit:stepwise because b\n$$; /* godwit:stepwise because c */ -- about godwit:stepwise",
    );
    expect(directives).toEqual([]);
  });

  test('refuses a directive without a reason, and one that does not exist', async () => {
    const problems = [
      '-- godwit:stepwise',
      '-- godwit:stepwise because ',
      '-- godwit:stepwise: it is',
      '-- godwit:fast because x',
    ];
    for (const problem of problems) {
      await expect(parseScript(`SELECT 1;\n${problem}\n`)).rejects.toMatchObject({
        name: 'SqlDirectiveError',
        line: 2,
      });
    }
    await expect(parseScript('-- godwit:stepwise')).rejects.toThrow(SqlDirectiveError);
  });

  test('splits what was joined', async () => {
    // Postgres's newline and the characters around it matter to comments and quotes.
    const text = fc.string({
      unit: fc.constantFrom('a', 'é', '😀', "'", '"', '$', ';', '-', '/', '*', '\\', '\n', ' ', '\u0001'),
    });
    const literal = text.map((content) => `SELECT '${content.replaceAll("'", "''")}'`);
    const identifier = text.map((content) => `SELECT 1 AS "x${content.replaceAll('"', '""')}"`);
    const tagged = text.map((content) => `DO $tag$${content}$tag$`);
    const commented = text.map(
      (content) => `SELECT /*${content.replaceAll('*', '+').replaceAll('/', '|')}*/ 1`,
    );
    const statement = fc.oneof(
      literal,
      identifier,
      tagged,
      commented,
      fc.constantFrom(
        'CREATE INDEX CONCURRENTLY i ON t (a)',
        'ALTER TABLE "é" ADD COLUMN b int',
        'BEGIN',
        'VACUUM t',
      ),
    );
    const lineComment = text.map((content) => `--${content.replaceAll('\n', ' ')}\n`);
    const blockComment = text.map((content) => `/*${content.replaceAll('*', '+').replaceAll('/', '|')}*/`);
    const gap = fc.array(fc.oneof(lineComment, blockComment, fc.constantFrom(' ', '\n', '\t', '\r\n', ';')), {
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(gap, statement, gap), { maxLength: 6 }),
        gap,
        async (parts, tail) => {
          const script =
            parts.map(([before, sql, after]) => `${before.join('')}${sql}${after.join('')};`).join('') +
            tail.join('');
          const parsed = await parseScript(script);
          expect(parsed.statements.map(({ sql }) => sql)).toEqual(parts.map(([, sql]) => sql));
          for (const { sql, offset, line } of parsed.statements) {
            expect(script.startsWith(sql, offset)).toBe(true);
            expect(line).toBe(script.slice(0, offset).split('\n').length);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
