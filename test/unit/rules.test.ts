import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RULES, ruleOf } from '../../lambda/checks/rules';
import { rulePages } from '../../scripts/render-rules';
import { alarms, lintAfter, wordsOf } from '../support/linting';

test('every rule has a kebab-case id of its own', () => {
  const ids = RULES.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[a-z]+(-[a-z]+)*$/.test(id))).toEqual([]);
  expect(ids.map((id) => ruleOf(id)?.id)).toEqual(ids);
});

test.each(RULES)('$id says when, what happens and what to do, and has two examples', (rule) => {
  for (const text of [rule.title, rule.condition, rule.effect, rule.remedy, rule.bad.sql, rule.good.sql]) {
    expect(text.trim().length).toBeGreaterThan(5);
  }
  expect(rule.bad).not.toEqual(rule.good);
});

test.each(RULES)('$id is found in its bad example', async ({ id, bad }) => {
  const { findings } = await lintAfter(bad.before, bad.sql);
  expect(findings.map((finding) => finding.id)).toContain(id);
  for (const finding of findings) {
    expect([finding.subject, finding.effect, finding.remedy].map((text) => text === '')).toEqual([
      false,
      false,
      false,
    ]);
    expect(finding.line).toBeGreaterThan(0);
    expect(finding.column).toBeGreaterThan(0);
  }
});

test.each(RULES)('$id is not found in its good example, and nothing else is', async ({ id, good }) => {
  const result = await lintAfter(good.before, good.sql);
  expect(alarms(result)).toEqual([]);
  expect(result.findings.filter((finding) => finding.id === id).map(wordsOf)).toEqual([]);
});

test('the pages about the rules show them as they are', () => {
  const folder = join(__dirname, '..', '..', 'docs', 'rules');
  const pages = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  expect([...pages.keys()].sort()).toEqual([...rulePages().keys()].sort());
  expect([...rulePages()].filter(([name, text]) => pages.get(name) !== text).map(([name]) => name)).toEqual(
    [],
  );
});
