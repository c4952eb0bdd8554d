import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RULES } from '../../lambda/checks/rules';
import { alarms, lintAfter, wordsOf } from '../support/linting';

const corpus = join(__dirname, '..', 'corpus', 'check');
const MARK = '-- the migration:\n';

interface Case {
  readonly rule: string;
  readonly file: string;
  readonly before: string | undefined;
  readonly sql: string;
}

const cases = readdirSync(corpus).flatMap((rule) =>
  readdirSync(join(corpus, rule)).map((file): Case => {
    const text = readFileSync(join(corpus, rule, file), 'utf8');
    const [first = '', second] = text.split(MARK);
    return { rule, file, before: second === undefined ? undefined : first, sql: second ?? first };
  }),
);
const bad = cases.filter(({ file }) => file.startsWith('bad-'));
const good = cases.filter(({ file }) => file.startsWith('good-'));

test('each bad migration of the corpus has a good one beside it, and there are enough', () => {
  const names = (of: readonly Case[]) =>
    of.map(({ rule, file }) => `${rule}/${file.replace(/^(bad|good)-/, '')}`);
  expect(names(good)).toEqual(names(bad));
  expect(bad.length).toBeGreaterThanOrEqual(60);
  const ids = RULES.map(({ id }) => id);
  expect(bad.filter(({ rule }) => !ids.includes(rule))).toEqual([]);
});

test.each(bad)('$rule is found in $file', async ({ rule, before, sql }) => {
  const { findings } = await lintAfter(before, sql);
  expect(findings.map(({ id }) => id)).toContain(rule);
});

test.each(good)('nothing alarms in $file of $rule', async ({ rule, before, sql }) => {
  const result = await lintAfter(before, sql);
  expect(alarms(result)).toEqual([]);
  expect(result.findings.filter(({ id }) => id === rule).map(wordsOf)).toEqual([]);
});
