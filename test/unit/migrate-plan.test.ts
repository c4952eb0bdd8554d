import fc from 'fast-check';
import type { StatementTiming } from '../../lambda/domain/run';
import { estimatesFrom, fitsBeforeDeadline, planExecution } from '../../lambda/migrate/execution-plan';
import { parseScript } from '../../lambda/sql/parse';

const timing = (migration: string, statement: number, durationMs: number): StatementTiming => ({
  migration,
  statement,
  line: statement,
  sql: '',
  durationMs,
  attempts: 1,
  waitedMs: 0,
});

const ATOMIC = 'ALTER TABLE wallet ADD COLUMN a int;\nUPDATE wallet SET a = 1;';
const STEPWISE = `ALTER TABLE wallet ADD COLUMN b int;
CREATE INDEX CONCURRENTLY i ON wallet (b);
-- godwit:backfill wallet by id
UPDATE wallet SET b = 1;`;

const planned = async (timings: readonly StatementTiming[], stepTimeMs = 600_000) =>
  planExecution(
    [
      { name: '1_atomic', script: await parseScript(ATOMIC) },
      { name: '2_stepwise', script: await parseScript(STEPWISE) },
    ],
    timings,
    { stepTimeMs },
  );

describe('the plan of an execution', () => {
  test('has one unit for an atomic file and one for each statement of another, at twice what was rehearsed', async () => {
    const units = await planned([
      timing('1_atomic', 1, 5),
      timing('1_atomic', 2, 100),
      timing('2_stepwise', 2, 7_000),
    ]);
    expect(units).toEqual([
      {
        migration: '1_atomic',
        statements: [1, 2],
        line: 2,
        estimateMs: 210,
        isDivisible: false,
        fitsStep: true,
      },
      {
        migration: '2_stepwise',
        statements: [1],
        line: 1,
        estimateMs: undefined,
        isDivisible: false,
        fitsStep: true,
      },
      {
        migration: '2_stepwise',
        statements: [2],
        line: 2,
        estimateMs: 14_000,
        isDivisible: false,
        fitsStep: true,
      },
      {
        migration: '2_stepwise',
        statements: [3],
        line: 4,
        estimateMs: undefined,
        isDivisible: true,
        fitsStep: true,
      },
    ]);
  });

  test('says which unit no step has the time for, but never that of a backfill', async () => {
    const units = await planned(
      [
        timing('1_atomic', 1, 40_000),
        timing('1_atomic', 2, 40_000),
        timing('2_stepwise', 2, 20_000),
        timing('2_stepwise', 3, 900_000),
      ],
      60_000,
    );
    expect(units.map(({ fitsStep }) => fitsStep)).toEqual([false, true, true, true]);
  });

  test('keeps apart what names could mix up', () => {
    const estimateOf = estimatesFrom([timing('1_a', 11, 1), timing('1_a1', 1, 2)]);
    expect([estimateOf('1_a', 11), estimateOf('1_a1', 1), estimateOf('1_a', 1)]).toEqual([2, 4, undefined]);
  });
});

describe('whether a unit is begun before the deadline', () => {
  const START = Date.parse('2026-01-31T12:00:00Z');
  const unit = { migration: '1_x', statements: [1] };
  const fitOf = (estimateMs: number | undefined, elapsedMs: number, stepTimeMs: number) =>
    fitsBeforeDeadline(
      {
        clock: { now: () => new Date(START + elapsedMs), sleep: async () => undefined },
        deadline: new Date(START + stepTimeMs),
        stepTimeMs,
        estimates: () => estimateMs,
      },
      unit,
    ).fits;

  test('is asked of what is left: now, when entered again, or never', () => {
    expect(fitOf(undefined, 59_999, 60_000)).toBe('now');
    expect(fitOf(30_000, 30_000, 60_000)).toBe('now');
    expect(fitOf(30_000, 30_001, 60_000)).toBe('later');
    expect(fitOf(54_001, 0, 60_000)).toBe('never');
  });

  test('is no question without a deadline, or of what was never rehearsed', () => {
    const clock = { now: () => new Date(START), sleep: async () => undefined };
    expect(fitsBeforeDeadline({ clock, estimates: () => 1e9 }, unit)).toEqual({ fits: 'now' });
    expect(fitsBeforeDeadline({ clock, deadline: new Date(START) }, unit)).toEqual({ fits: 'now' });
  });

  test('is never "later" for a step that has just been entered: nothing is put off for ever', () => {
    const ms = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(ms, ms, fc.double({ min: 0, max: 0.09, noNaN: true }), (estimateMs, stepTimeMs, share) => {
        expect(fitOf(estimateMs, Math.floor(stepTimeMs * share), stepTimeMs)).not.toBe('later');
      }),
    );
  });
});
