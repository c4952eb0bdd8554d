import fc from 'fast-check';
import { fallsShort, reportOf } from '../../bench/measure';
import type { EndState } from '../../bench/stall/end-state';
import type { Measurement } from '../../bench/stall/measure-run';
import { faultsOf, resultsOf } from '../../bench/stall/results';
import { isQuiet, overlapping, type Sample, type Score, scoreOf } from '../../bench/stall/score';
import { tableOf } from '../../bench/stall/table';

const sample = (dueAt: number, endedAt: number, kind: Sample['kind'] = 'read'): Sample => ({
  dueAt,
  endedAt,
  kind,
});

test('every request of which a part lies in the window counts, and no other', () => {
  const before = sample(0, 9);
  const into = sample(0, 10);
  const within = sample(12, 13);
  const across = sample(5, 50);
  const outOf = sample(20, 90);
  const after = sample(21, 22);
  const samples = [before, into, within, across, outOf, after];
  expect(overlapping(samples, { from: 10, to: 20 })).toEqual([into, within, across, outOf]);
});

test('a score is what a look at each sample says', () => {
  const samples = fc.array(
    fc.record({
      dueAt: fc.integer({ min: 0, max: 1e6 }),
      waited: fc.integer({ min: 0, max: 3000 }),
      kind: fc.constantFrom('read' as const, 'write' as const),
      fails: fc.boolean(),
    }),
    { minLength: 1, maxLength: 300 },
  );
  fc.assert(
    fc.property(samples, (drawn) => {
      const score = scoreOf(
        drawn.map(({ dueAt, waited, kind, fails }) => ({
          ...sample(dueAt, dueAt + waited, kind),
          ...(fails ? { error: 'failed' } : {}),
        })),
      );
      const waits = drawn.map(({ waited }) => waited);
      expect(score.worstMs).toBe(Math.max(...waits));
      expect(Math.max(score.worstReadMs, score.worstWriteMs)).toBe(score.worstMs);
      expect(score.over100Ms).toBe(waits.filter((waited) => waited > 100).length);
      expect(score.overSecond).toBe(waits.filter((waited) => waited > 1000).length);
      expect(score.errors).toBe(drawn.filter(({ fails }) => fails).length);
      expect(waits.filter((waited) => waited > score.p99Ms).length).toBeLessThanOrEqual(drawn.length / 100);
      expect(waits.filter((waited) => waited >= score.p99Ms).length).toBeGreaterThan(drawn.length / 100 - 1);
    }),
  );
});

const score = (worstMs: number, rest: Partial<Score> = {}): Score => ({
  requests: 500,
  errors: 0,
  worstMs,
  worstReadMs: worstMs,
  worstWriteMs: worstMs,
  p99Ms: 5,
  over100Ms: 0,
  overSecond: 0,
  ...rest,
});

test('a machine with one wait of 60 ms is not quiet, nor is one where many wait', () => {
  expect(isQuiet(score(20))).toBe(true);
  expect(isQuiet(score(60))).toBe(false);
  expect(isQuiet(score(20, { p99Ms: 16 }))).toBe(false);
});

const STATE: EndState = { schema: ['relation a', 'relation b'], rows: '500000 1', writes: 7 };

const measured = (
  one: Pick<Measurement, 'case' | 'runner' | 'rep'> &
    Partial<Measurement> & { stallMs: number; seconds: number },
): Measurement => ({
  ran: { from: 0, to: one.seconds * 1000, outcome: 'applied', message: '' },
  before: score(10),
  during: score(one.stallMs),
  errors: [],
  contaminated: false,
  walBytes: 1e6,
  endState: STATE,
  holders: [],
  writes: 7,
  ...one,
});

const BACKFILLS: readonly Measurement[] = [
  measured({ case: 'backfill', runner: 'prisma', rep: 1, stallMs: 9000, seconds: 10 }),
  measured({ case: 'backfill', runner: 'dbmate', rep: 1, stallMs: 8000, seconds: 8 }),
  measured({ case: 'backfill', runner: 'godwit', rep: 1, stallMs: 90, seconds: 5 }),
  measured({ case: 'backfill', runner: 'prisma', rep: 2, stallMs: 8000, seconds: 10 }),
  measured({ case: 'backfill', runner: 'godwit', rep: 2, stallMs: 40, seconds: 20 }),
];

const facts = (measurements: readonly Measurement[]) => ({
  measurements,
  idle: [],
  untouched: STATE,
  backfilledRows: 100_000,
});

const resultFor = (measurements: readonly Measurement[], metric: string) =>
  resultsOf(facts(measurements)).find((one) => one.runner === 'godwit' && one.metric === metric);

test('waits are the worst of all rounds, and ratios are taken within a round', () => {
  expect(resultFor(BACKFILLS, 'worst stall')).toMatchObject({ value: 90, limit: 100 });
  expect(resultFor(BACKFILLS, "prisma's worst stall to ours")).toMatchObject({
    value: 100,
    limitIs: 'least',
  });
  expect(resultFor(BACKFILLS, "dbmate's worst stall to ours")?.value).toBeCloseTo(8000 / 90);
  const [first, second] = [20_000 / ((10_000 + 12_500) / 2), 0.5];
  expect(resultFor(BACKFILLS, 'rows a second to those of one UPDATE')?.value).toBeCloseTo(
    (first + second) / 2,
  );
});

test('the others are measured against no limit', () => {
  const limited = resultsOf(facts(BACKFILLS)).filter(({ limit }) => limit !== undefined);
  expect(new Set(limited.map(({ runner }) => runner))).toEqual(new Set(['godwit']));
});

test('a limit may be a least, and what could not be measured did not pass', () => {
  const result = { case: 'c', runner: 'r', metric: 'm', unit: 'x', limit: 20 } as const;
  expect(fallsShort({ ...result, value: 20 })).toBe(false);
  expect(fallsShort({ ...result, value: 20.1 })).toBe(true);
  expect(fallsShort({ ...result, value: 20.1, limitIs: 'least' })).toBe(false);
  expect(fallsShort({ ...result, value: 19.9, limitIs: 'least' })).toBe(true);
  expect(fallsShort({ ...result, value: Number.NaN })).toBe(true);
  expect(fallsShort({ ...result, value: Number.NaN, limitIs: 'least' })).toBe(true);
  expect(reportOf('b', [{ ...result, value: 20.125 }]).fallsShort).toEqual(['c, r, m: 20.13 x, limit 20 x']);
});

test('whoever does less than the others, loses a write or fails is a fault', () => {
  const [prisma, dbmate] = BACKFILLS;
  if (prisma === undefined || dbmate === undefined) throw new Error('two are there');
  expect(faultsOf([prisma, dbmate])).toEqual([]);
  const fault = (changed: Partial<Measurement>) => faultsOf([prisma, { ...dbmate, ...changed }]);
  expect(fault({ endState: { ...STATE, rows: '499999 1' } })[0]).toMatch(/rows: 500000 1 and 499999 1/);
  expect(fault({ endState: { ...STATE, schema: ['relation a'] } })[0]).toMatch(/schema: relation b/);
  expect(fault({ endState: { ...STATE, schema: [...STATE.schema, 'index c'] } })[0]).toMatch(/index c/);
  expect(fault({ writes: 9 })[0]).toMatch(/2 of 9 writes/);
  expect(fault({ errors: ['gone', 'gone'] })[0]).toMatch(/2 errors, the first: gone/);
  expect(fault({ ran: { from: 0, to: 1, outcome: 'refused', message: 'Why.' } })[0]).toMatch(
    /refused\. Why\./,
  );
});

test('a refusal has to change nothing, and to name both holders and a budget', () => {
  const refused = (message: string, endState = STATE) =>
    measured({
      case: 'rotating-100',
      runner: 'godwit',
      rep: 1,
      stallMs: 20,
      seconds: 5,
      ran: { from: 0, to: 5000, outcome: 'refused', message },
      holders: [4711, 4712],
      endState,
    });
  const shortOf = (one: Measurement) =>
    resultsOf(facts([one]))
      .filter(fallsShort)
      .map(({ metric }) => metric);
  expect(shortOf(refused('process 4711, process 4712; --max-blocking 180 would do'))).toEqual([]);
  expect(shortOf(refused('process 4711; --max-blocking 180'))).toEqual(['holders named, of two']);
  expect(shortOf(refused('4711 4712'))).toEqual(['budget named that would do']);
  expect(shortOf(refused('4711 4712 --max-blocking 120'))).toEqual(['budget named that would do']);
  const changed = { ...STATE, schema: [...STATE.schema, 'column note'] };
  expect(shortOf(refused('4711 4712 --max-blocking 180', changed))).toEqual(['changes left behind']);
});

test('the table shows a range over the rounds, and says where the machine was not quiet', () => {
  const noisy = BACKFILLS.map((one) => ({ ...one, contaminated: one.runner === 'dbmate' }));
  const lines = tableOf(noisy, resultsOf(facts(noisy)));
  expect(lines.find((line) => line.includes('prisma '))).toMatch(/backfill +prisma +10 +8000–9000 /);
  expect(lines.filter((line) => line.includes('contaminated'))).toHaveLength(1);
});
