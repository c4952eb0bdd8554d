/** Random and mutated files through parse, check and rewrite: `npm run test:fuzz` takes 10,000 of them. */
import fc from 'fast-check';
import { type LintFinding, lint } from '../../lambda/checks/lint';
import { checksumOf, type Migration } from '../../lambda/domain/migration';
import type { Catalog } from '../../lambda/sql/catalog';
import { parseScript, SqlDirectiveError, type SqlStatement, SqlSyntaxError } from '../../lambda/sql/parse';
import { ReplayedCatalog } from '../../lambda/sql/replay/replayed-catalog';
import { rewriteMigration } from '../../lambda/sql/rewrite/rewrite';
import { anyFile, HISTORY } from '../support/sql-fuzz';

const FILES = process.env.GODWIT_FUZZ === 'full' ? 10_000 : 250;
const LIMIT_MS = Math.max(60_000, FILES * 100);

const migrationOf = (sql: string): Migration => ({
  name: '20260101000000_fuzz',
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});

const linesOf = (sql: string): number => sql.split('\n').length;

function expectLocated(line: number | undefined, sql: string): void {
  expect(line).toBeGreaterThanOrEqual(1);
  expect(line).toBeLessThanOrEqual(linesOf(sql));
}

/** Undefined where the parser refuses it, and then says where. */
async function parsed(sql: string): Promise<readonly SqlStatement[] | undefined> {
  try {
    return (await parseScript(sql)).statements;
  } catch (error) {
    if (!(error instanceof SqlSyntaxError || error instanceof SqlDirectiveError)) throw error;
    expectLocated(error.line, sql);
    expect(error.problem).not.toBe('');
    return undefined;
  }
}

function expectWhole({ id, line, column, subject, effect, remedy }: LintFinding, sql: string): void {
  expectLocated(line, sql);
  const length = [...(sql.split('\n')[(line ?? 0) - 1] ?? '')].length;
  if (column !== undefined) {
    expect(column).toBeGreaterThanOrEqual(1);
    expect(column).toBeLessThanOrEqual(length + 1);
  }
  for (const text of [id, subject, effect, remedy]) expect(text).not.toBe('');
}

/** Something of everything, so that rules and rewriters have tables to judge. */
async function startingPoint(): Promise<Catalog> {
  const replay = ReplayedCatalog.from();
  for (const sql of HISTORY) for (const statement of (await parsed(sql)) ?? []) replay.apply(statement);
  return replay.catalog;
}

test(
  'any file is either refused with its place, or judged and rewritten without a crash',
  async () => {
    const start = await startingPoint();
    await fc.assert(
      fc.asyncProperty(anyFile, async (sql) => {
        const statements = await parsed(sql);
        for (const { sql: text, offset, line } of statements ?? []) {
          expect(sql.slice(offset, offset + text.length)).toBe(text);
          expect(line).toBe(linesOf(sql.slice(0, offset)));
        }
        const { findings, allowed } = await lint({ before: [], migrations: [migrationOf(sql)], start });
        for (const finding of [...findings, ...allowed]) expectWhole(finding, sql);
        if (statements === undefined) {
          expect(findings.some(({ severity }) => severity === 'error')).toBe(true);
          return;
        }
        const rewriting = await rewriteMigration(migrationOf(sql), ReplayedCatalog.from(start));
        for (const { line } of [...rewriting.changes, ...rewriting.refused]) expectLocated(line, sql);
        for (const written of rewriting.migrations) await parseScript(written.sql);
      }),
      { numRuns: FILES },
    );
  },
  LIMIT_MS,
);

test(
  'statements are the same whether or not a comment makes the scanner look for directives',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyFile, async (sql) => {
        const plain = await parsed(sql);
        if (plain === undefined) return;
        const scanned = await parsed(`${sql}\n/* godwit: */`);
        expect(scanned?.map(({ sql: text, offset, line }) => ({ text, offset, line }))).toEqual(
          plain.map(({ sql: text, offset, line }) => ({ text, offset, line })),
        );
      }),
      { numRuns: FILES },
    );
  },
  LIMIT_MS,
);

test('what is nested too deeply is refused, and leaves the parser as it was', async () => {
  const deep = `SELECT 1${'+1'.repeat(10_000)}`;
  for (let time = 0; time < 30; time += 1) {
    await expect(parseScript(`SELECT ${time};\n${deep}`)).rejects.toMatchObject({
      name: 'SqlSyntaxError',
      line: 2,
      problem: expect.stringContaining('nested too deeply'),
    });
  }
  expect((await parseScript('SELECT 2')).statements).toHaveLength(1);
});
