import { githubFor } from '../../cli/check/github';
import { markdownFor } from '../../cli/check/markdown';
import { type CheckReport, exitCodeOf, totalsOf } from '../../cli/check/report';
import { sarifFor } from '../../cli/check/sarif';
import { linesFor } from '../../cli/check/tty';
import { textOf } from '../../cli/terminal/look';
import type { LintFinding } from '../../lambda/checks/lint';
import { RULES } from '../../lambda/checks/rules';

const [RULE] = RULES;
if (RULE === undefined) throw new Error('there is no rule');

const SQL = '-- CreateIndex\n\tCREATE INDEX "é漢" ON "Wallet" ("a");\r\nDROP TABLE "x";';

const WARNING: LintFinding = {
  id: 'some-rule',
  severity: 'warning',
  migration: '2_two',
  statement: 2,
  line: 3,
  column: 1,
  subject: '"x"',
  effect: 'It goes.',
  remedy: 'Keep it.',
};

const ERROR: LintFinding = {
  ...WARNING,
  id: RULE.id,
  severity: 'error',
  statement: 1,
  line: 2,
  column: 20,
  lock: 'ShareLock on "Wallet": blocks writes',
};

const reportWith = (findings: readonly LintFinding[], allowed: readonly LintFinding[] = []): CheckReport => ({
  findings,
  allowed,
  migrations: [
    { name: '1_one', file: 'prisma/migrations/1_one/migration.sql', sql: 'SELECT 1' },
    { name: '2_two', file: 'prisma/migrations/2_two/migration.sql', sql: SQL },
  ],
  statements: 3,
  scope: 'Checked 2 migrations.',
});

const report = reportWith([WARNING, ERROR], [{ ...WARNING, id: 'other', allowed: 'nobody uses it' }]);

const HOSTILE = 'a\u001b[31m<img>`|@all\r\n::error::x%0A\u202e';

test('the totals count by severity, and what was allowed', () => {
  expect(totalsOf(report)).toBe('1 error, 1 warning, 1 allowed in 2 migrations');
  expect(totalsOf(reportWith([]))).toBe('no findings in 2 migrations');
});

test('errors end in 3, warnings only where they are asked to, and SQL that cannot be parsed in 2', () => {
  expect(exitCodeOf(reportWith([ERROR]), 'error')).toBe(3);
  expect(exitCodeOf(reportWith([WARNING]), 'error')).toBe(0);
  expect(exitCodeOf(reportWith([WARNING]), 'warning')).toBe(3);
  expect(exitCodeOf(reportWith([{ ...WARNING, severity: 'info' }]), 'warning')).toBe(0);
  expect(exitCodeOf(reportWith([ERROR, { ...ERROR, id: 'syntax-error' }]), 'error')).toBe(2);
});

describe('for people', () => {
  const lines = linesFor(report).map(textOf);

  test('the caret stands under the character that the column names', () => {
    const source = lines.find((line) => line.includes('CREATE INDEX')) ?? '';
    const caret = lines[lines.indexOf(source) + 1] ?? '';
    // The ideograph takes two columns on the terminal.
    expect(source).toContain('CREATE INDEX "é漢" ON "Wallet" ("a");');
    expect(caret.indexOf('^')).toBe(source.indexOf(`ON "Wallet"`) + 1);
  });

  test('a long line is cut around its column', () => {
    const sql = `SELECT ${'1, '.repeat(200)}wrong, ${'2, '.repeat(200)}`;
    const long: CheckReport = {
      ...reportWith([{ ...ERROR, migration: '1_one', line: 1, column: sql.indexOf('wrong') + 1 }]),
      migrations: [{ name: '1_one', file: 'f', sql }],
    };
    const [source = '', caret = ''] = linesFor(long).map(textOf).slice(1);
    expect(source.length).toBeLessThan(110);
    expect(source.slice(caret.indexOf('^'))).toMatch(/^wrong, 2/);
  });

  test('findings come in the order of the file, with lock and way out, then what was allowed', () => {
    const heads = lines.filter((line) => /^(error|warning|allowed)/.test(line));
    expect(heads).toEqual([
      `error[${RULE.id}] prisma/migrations/2_two/migration.sql:2:20`,
      'warning[some-rule] prisma/migrations/2_two/migration.sql:3:1',
      'allowed other prisma/migrations/2_two/migration.sql:3:1: nobody uses it',
    ]);
    expect(lines).toContain('  Lock: ShareLock on "Wallet": blocks writes.');
    expect(lines).toContain('  Instead: Keep it.');
    expect(lines.at(-1)).toBe('Checked 2 migrations.');
  });
});

describe('SARIF', () => {
  const log = JSON.parse(sarifFor(report, '1.2.3'));
  const [run] = log.runs;

  test('names tool, rules, results and their places', () => {
    expect(log.version).toBe('2.1.0');
    expect(run.tool.driver).toMatchObject({ name: 'Godwit', version: '1.2.3' });
    expect(run.results).toHaveLength(3);
    const [error] = run.results;
    expect(run.tool.driver.rules[error.ruleIndex]).toMatchObject({
      id: RULE.id,
      shortDescription: { text: RULE.title },
    });
    expect(error).toMatchObject({ ruleId: RULE.id, level: 'error' });
    expect(error.locations[0].physicalLocation).toMatchObject({
      artifactLocation: { uri: 'prisma/migrations/2_two/migration.sql' },
      region: { startLine: 2, startColumn: 20 },
    });
  });

  test('shows what was allowed as suppressed in the source, with the reason', () => {
    expect(run.results[2].suppressions).toEqual([{ kind: 'inSource', justification: 'nobody uses it' }]);
    expect(run.results[0]).not.toHaveProperty('suppressions');
  });

  test('keeps the fingerprint of a finding that only moved to another line', () => {
    const moved = JSON.parse(sarifFor(reportWith([{ ...ERROR, line: 1 }]), '1'));
    expect(moved.runs[0].results[0].partialFingerprints).toEqual(run.results[0].partialFingerprints);
    expect(run.results[1].partialFingerprints).not.toEqual(run.results[0].partialFingerprints);
  });
});

describe('GitHub annotations', () => {
  test('come a line each, errors first, with file, line and column', () => {
    const [first, second, ...rest] = githubFor(report).split('\n');
    expect(first).toBe(
      `::error file=prisma/migrations/2_two/migration.sql,line=2,col=20,title=${RULE.id}%3A "x"` +
        '::It goes.%0ALock: ShareLock on "Wallet": blocks writes.%0AInstead: Keep it.',
    );
    expect(second).toMatch(/^::warning file=.*line=3,col=1,/);
    expect(rest).toEqual(['']);
  });

  test('cannot be broken out of by what the SQL says', () => {
    const hostile = { ...ERROR, subject: HOSTILE, effect: HOSTILE, remedy: HOSTILE };
    const lines = githubFor(reportWith([hostile]))
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('\r');
    expect(lines[0]?.match(/(?<!^)::/g)?.[0]).toBe('::');
    expect(lines[0]).toContain('x%250A');
  });
});

describe('Markdown', () => {
  test('has a section for each finding with its source line, lock and remedy', () => {
    const markdown = markdownFor(report);
    expect(markdown).toContain('## ❌ Migration check: 1 error, 1 warning, 1 allowed in 2 migrations');
    expect(markdown).toContain('    CREATE INDEX "é漢" ON "Wallet" ("a");');
    expect(markdown).toContain('**Lock:** ShareLock on "Wallet": blocks writes.');
    expect(markdown).toContain('nobody uses it');
  });

  test('takes no markup from what the SQL says', () => {
    const hostile = { ...ERROR, subject: HOSTILE, effect: HOSTILE, remedy: HOSTILE };
    const markdown = markdownFor(reportWith([hostile]));
    expect(markdown).not.toContain('<img>');
    expect(markdown).not.toContain('@all');
    expect(markdown).not.toContain('\u001b');
  });

  test('stays within what a comment may hold, and says what it left out', () => {
    const many = Array.from({ length: 2000 }, (_, index) => ({ ...ERROR, subject: `table ${index}` }));
    const markdown = markdownFor(reportWith(many));
    expect(markdown.length).toBeLessThan(65_000);
    expect(markdown).toMatch(/Too long for a comment: [\d,]+ findings more\./);
  });
});
