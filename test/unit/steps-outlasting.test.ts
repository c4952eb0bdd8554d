import { checksumOf, type Migration } from '../../lambda/domain/migration';
import type { StatementTiming } from '../../lambda/domain/run';
import { cutOffFinding, outlastingFindings } from '../../lambda/steps/outlasting';

const migration = (name: string, sql: string): Migration => ({
  name,
  sql,
  downSql: undefined,
  checksum: checksumOf(sql),
});
const timing = (of: string, statement: number, durationMs: number): StatementTiming => ({
  migration: of,
  statement,
  line: statement,
  sql: '',
  durationMs,
  attempts: 1,
  waitedMs: 0,
});

const QUICK = migration('1_quick', 'ALTER TABLE wallet ADD COLUMN a int');
const SLOW = migration(
  '2_slow',
  'ALTER TABLE wallet ADD COLUMN b int;\nCREATE INDEX CONCURRENTLY i ON wallet (b);',
);
const TIMINGS = [timing('1_quick', 1, 5), timing('2_slow', 1, 5), timing('2_slow', 2, 400_000)];
const LAMBDA = { stepTimeMs: 600_000, endsOverdueSteps: true };

describe('what would outlast a step', () => {
  it('is found in a rehearsal, named by file, line and estimate', async () => {
    expect(await outlastingFindings(LAMBDA, [QUICK, SLOW], TIMINGS)).toEqual([
      expect.objectContaining({
        id: 'statement-outlasts-step',
        severity: 'error',
        migration: '2_slow',
        statement: 2,
        line: 2,
        effect:
          'statement 2 is estimated at 13 min (twice what the clone took), and a step ends after 10 min',
      }),
    ]);
  });

  it('is found where a whole transaction does', async () => {
    const sql = 'ALTER TABLE wallet ADD COLUMN a int;\nUPDATE wallet SET a = 1;';
    const timings = [timing('1_x', 1, 200_000), timing('1_x', 2, 210_000)];
    expect(await outlastingFindings(LAMBDA, [migration('1_x', sql)], timings)).toMatchObject([
      { line: 2, effect: expect.stringContaining('its transaction is estimated at 14 min') },
    ]);
  });

  it('is no matter where nobody ends a step', async () => {
    expect(await outlastingFindings({ stepTimeMs: 600_000 }, [QUICK, SLOW], TIMINGS)).toEqual([]);
  });
});

describe('a rehearsal that ran out of time', () => {
  const event = { migration: '2_slow', statement: 2, of: 2, line: 2, sql: '', status: 'started' } as const;

  it('blames the statement that took most of it', () => {
    expect(cutOffFinding(LAMBDA, SLOW, { event, ranMs: 590_000 })).toMatchObject({
      id: 'statement-outlasts-step',
      statement: 2,
      line: 2,
      effect: 'statement 2 was stopped on the clone after 10 min: a step ends after 10 min',
    });
  });

  it.each([undefined, { event, ranMs: 100_000 }])('blames none that did not', (last) => {
    expect(cutOffFinding(LAMBDA, SLOW, last)).toMatchObject({
      id: 'rehearsal-outlasts-step',
      remedy: expect.stringContaining('--until'),
    });
  });
});
