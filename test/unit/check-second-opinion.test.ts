import { withoutRepetition } from '../../cli/check/second-opinion';
import { weightOf } from '../../cli/check/squawk-weights';
import { type LintFinding, lint } from '../../lambda/checks/lint';
import type { RuleContext } from '../../lambda/checks/rules';
import { opinionsOf, type Remark } from '../../lambda/checks/second-opinion';

/** What a rule is given for the last statement of a migration. */
async function contextOf(sql: string, before: string): Promise<RuleContext> {
  let last: RuleContext | undefined;
  const migration = (text: string) => ({ name: '1_one', sql: text, downSql: undefined, checksum: '' });
  const find = (context: RuleContext) => {
    last = context;
    return [];
  };
  await lint({
    before: [migration(before)],
    migrations: [migration(sql)],
    opinions: [{ id: 'squawk-any', severity: 'info', effect: '', remedy: '', find }],
  });
  if (last === undefined) throw new Error('there is no statement');
  return last;
}

const TABLE = 'CREATE TABLE "T" ("id" int PRIMARY KEY, "v" varchar(10), "w" int NOT NULL);\n';

const remark = (rule: string, line = 2): Remark => ({
  rule,
  line,
  lastLine: line,
  message: 'm',
  help: undefined,
});

const weigh = async (rule: string, sql: string) => weightOf(remark(rule), await contextOf(sql, TABLE));

/** As above, where the same migration makes the table. */
const weighNew = async (rule: string, sql: string) =>
  weightOf(remark(rule), await contextOf(TABLE + sql, ''));

describe('a remark about long work under a lock', () => {
  test('is confirmed where a table that was there is read in full', async () => {
    expect(await weigh('require-concurrent-index-creation', 'CREATE INDEX ON "T" ("v")')).toBe('confirmed');
    expect(
      await weigh('constraint-missing-not-valid', 'ALTER TABLE "T" ADD CONSTRAINT c CHECK ("w" > 0)'),
    ).toBe('confirmed');
  });

  test('is refuted where the migration made the table itself', async () => {
    expect(await weighNew('require-concurrent-index-creation', 'CREATE INDEX ON "T" ("v")')).toBe('refuted');
  });

  test('is refuted where the type only widens', async () => {
    expect(await weigh('changing-column-type', 'ALTER TABLE "T" ALTER "v" TYPE varchar(20)')).toBe('refuted');
    expect(await weigh('changing-column-type', 'ALTER TABLE "T" ALTER "v" TYPE int USING 1')).toBe(
      'confirmed',
    );
  });

  test('stays open where the statement runs code that is not seen', async () => {
    expect(await weigh('changing-column-type', 'DO $$ BEGIN END $$')).toBe('open');
  });
});

test('a remark about what goes is confirmed for a table in use, and refuted for a new one', async () => {
  expect(await weigh('ban-drop-column', 'ALTER TABLE "T" DROP COLUMN "v"')).toBe('confirmed');
  expect(await weighNew('ban-drop-column', 'ALTER TABLE "T" DROP COLUMN "v"')).toBe('refuted');
});

test('a matter of taste stays an opinion', async () => {
  expect(await weigh('prefer-bigint-over-int', 'CREATE TABLE "U" ("id" int)')).toBe('open');
});

describe('opinions', () => {
  const find = async (remarks: readonly Remark[], weight: 'confirmed' | 'refuted' | 'open') => {
    const context = await contextOf(`${TABLE}CREATE TABLE\n"U" ("id" int)`, '');
    return opinionsOf(new Map([[context.sql, remarks]]), () => weight).flatMap((opinion) =>
      opinion.find(context).map((fault) => ({ id: opinion.id, ...fault })),
    );
  };

  test('are warnings once the facts confirm them, and info before', async () => {
    expect(await find([remark('a')], 'confirmed')).toMatchObject([{ id: 'squawk-a', severity: 'warning' }]);
    expect(await find([remark('a')], 'open')).toMatchObject([{ id: 'squawk-a', severity: 'info' }]);
    expect(await find([remark('a')], 'refuted')).toEqual([]);
  });

  test('are told for the statement within whose lines they lie, once a rule', async () => {
    const [only, ...more] = await find([remark('a', 2), remark('a', 3), remark('a', 1)], 'open');
    expect(only?.effect).toContain('once more');
    expect(more).toEqual([]);
  });
});

describe('of what is found in the end', () => {
  const finding = (fields: Partial<LintFinding>): LintFinding => ({
    id: 'own',
    severity: 'error',
    migration: 'm',
    statement: 1,
    line: 1,
    subject: 's',
    effect: 'E.',
    remedy: 'R.',
    ...fields,
  });

  test('a confirmed opinion is left out where a rule has said it', () => {
    const confirmed = finding({ id: 'squawk-x', severity: 'warning' });
    expect(withoutRepetition([finding({}), confirmed], [])).toEqual([finding({})]);
    expect(withoutRepetition([confirmed], [finding({})])).toEqual([]);
    expect(withoutRepetition([finding({ statement: 2 }), confirmed], [])).toContainEqual(confirmed);
  });

  test('an opinion on many statements is told once a migration, with the other lines', () => {
    const info = finding({ id: 'squawk-x', severity: 'info' });
    const all = [info, { ...info, statement: 2, line: 7 }, { ...info, migration: 'n' }];
    expect(withoutRepetition(all, []).map(({ migration, effect }) => [migration, effect])).toEqual([
      ['m', 'E. The same in line 7.'],
      ['n', 'E.'],
    ]);
  });
});
