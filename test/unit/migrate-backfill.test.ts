import fc from 'fast-check';
import { keyCondition } from '../../lambda/migrate/backfill/backfill-key';
import {
  afterBatch,
  afterLockFailure,
  afterTimeout,
  firstPace,
} from '../../lambda/migrate/backfill/backfill-pace';
import { BackfillProgress } from '../../lambda/migrate/backfill/backfill-progress';
import {
  firstWalk,
  nextPass,
  type Walk,
  walkFromJson,
  walkToJson,
  writtenInAll,
} from '../../lambda/migrate/backfill/backfill-walk';
import type { JsonObject } from '../../lambda/migrate/statement-journal';

describe('the size of batches', () => {
  test('comes close to the target time for whatever the rows cost, and stays there', () => {
    fc.assert(
      fc.property(
        fc.float({ min: Math.fround(0.005), max: 5, noNaN: true }),
        fc.integer({ min: 10, max: 1000 }),
        (msPerRow, budget) => {
          let pace = firstPace(budget);
          const sizes: number[] = [];
          for (let batch = 0; batch < 40; batch += 1) {
            pace = afterBatch(pace, {
              walked: pace.rows,
              written: pace.rows,
              elapsedMs: pace.rows * msPerRow,
            });
            sizes.push(pace.rows);
          }
          const ideal = Math.min(10_000, Math.max(1, pace.targetMs / msPerRow));
          expect(pace.targetMs).toBeLessThanOrEqual(Math.min(25, budget * 0.25));
          for (const size of sizes.slice(-5)) {
            expect(size).toBeLessThanOrEqual(ideal * 1.5 + 1);
            expect(size).toBeGreaterThanOrEqual(Math.floor(ideal / 2));
          }
        },
      ),
    );
  });

  test('shrinks with every failure, down to one row', () => {
    const pace = firstPace(100);
    expect(afterLockFailure(pace).rows).toBe(pace.rows / 2);
    expect(afterTimeout(pace).rows).toBeLessThan(pace.rows / 2);
    expect(afterTimeout({ ...pace, rows: 1 }).rows).toBe(1);
    expect(afterLockFailure({ ...pace, rows: 1 }).rows).toBe(1);
  });

  test('is not enlarged by a last batch that had fewer rows to walk', () => {
    const pace = firstPace(100);
    expect(afterBatch(pace, { walked: 3, written: 3, elapsedMs: 0.1 })).toEqual(pace);
  });
});

describe('a walk', () => {
  const values = fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 2 });
  const walk: fc.Arbitrary<Walk> = fc.record({
    key: fc.constant(['a', 'B"c']),
    pass: fc.integer({ min: 1, max: 9 }),
    cursor: fc.option(values, { nil: undefined }),
    upTo: fc.option(values, { nil: undefined }),
    walked: fc.nat(),
    written: fc.nat(),
    writtenBefore: fc.array(fc.nat()),
  });

  test('comes back from its journal row as it was', () => {
    fc.assert(
      fc.property(walk, (one) => {
        const json = JSON.parse(JSON.stringify(walkToJson(one))) as JsonObject;
        expect(walkFromJson(json, ['a', 'B"c'])).toEqual(one);
      }),
    );
  });

  test.each<[string, JsonObject]>([
    ['another key', { ...walkToJson(firstWalk(['b'])) }],
    ['more columns', { ...walkToJson(firstWalk(['a', 'b'])) }],
    ['a cursor of another length', { ...walkToJson(firstWalk(['a'])), cursor: ['1', '2'] }],
    ['a cursor of numbers', { ...walkToJson(firstWalk(['a'])), cursor: [1] }],
    ['nothing', {}],
  ])('is not taken from %s', (_, json) => {
    expect(walkFromJson(json, ['a'])).toBeUndefined();
  });

  test('ends after one pass where a second would write rows again', () => {
    expect(nextPass({ ...firstWalk(['a']), written: 5 }, false)).toBeUndefined();
  });

  test('ends after whatever its passes find, and has counted it all', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e6), { minLength: 20, maxLength: 20 }), (found) => {
        let current: Walk | undefined = firstWalk(['a']);
        let last = current;
        for (const written of found) {
          if (current === undefined) break;
          last = { ...current, written };
          current = nextPass(last, true);
        }
        expect(current).toBeUndefined();
        expect(last.pass).toBeLessThanOrEqual(10);
        expect(writtenInAll(last)).toBe(found.slice(0, last.pass).reduce((sum, rows) => sum + rows, 0));
        // The last pass found nothing, or no fewer rows than the one before it.
        const isSettled = last.written === 0 || last.written >= (last.writtenBefore.at(-1) ?? 0);
        expect(isSettled || last.pass === 10).toBe(true);
      }),
    );
  });
});

describe('the condition on the key', () => {
  const column = (name: string) => ({ name, type: '"pg_catalog"."int4"', operatorSchema: 'my "schema' });

  test('compares rows by the operators of the index, whatever the search path', () => {
    const compare = { reference: '"T"', operator: '>' as const, values: ['$1', '$2'] };
    expect(keyCondition({ columns: [column('a"b')] }, compare)).toBe(
      '"T"."a""b" OPERATOR("my ""schema".>) $1::"pg_catalog"."int4"',
    );
    expect(keyCondition({ columns: [column('a'), column('b')] }, compare)).toBe(
      'ROW("T"."a", "T"."b") OPERATOR("my ""schema".>) ROW($1::"pg_catalog"."int4", $2::"pg_catalog"."int4")',
    );
  });
});

describe('progress', () => {
  test('tells at most four times a second, with the rate of the last seconds', () => {
    const progress = new BackfillProgress(0, 0, 100_000);
    let told = 0;
    for (let now = 0; now <= 10_000; now += 10) {
      progress.advanced(now, now < 5_000 ? 10 : 20);
      if (progress.due(now) !== undefined) told += 1;
    }
    expect(told).toBeLessThanOrEqual(41);
    const { rowsPerSecond, remainingMs, done, total } = progress.now(10_000);
    expect(rowsPerSecond).toBeGreaterThan(1_850);
    expect(rowsPerSecond).toBeLessThan(2_050);
    expect({ done, total }).toEqual({ done: 15_020, total: 100_000 });
    expect(remainingMs).toBeGreaterThan(41_000);
  });

  test('of an estimate that was too low has nothing left', () => {
    const progress = new BackfillProgress(0, 500, 1_000);
    progress.advanced(1_000, 700);
    expect(progress.now(1_000)).toMatchObject({
      done: 1_200,
      total: 1_200,
      remainingMs: 0,
      rowsPerSecond: 700,
    });
  });

  test('without an estimate promises nothing', () => {
    const progress = new BackfillProgress(0, 0, undefined);
    progress.advanced(1_000, 10);
    expect(progress.now(1_000)).toEqual({ done: 10, unit: 'rows', rowsPerSecond: 10 });
  });
});
