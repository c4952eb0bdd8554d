import {
  DEFAULT_LIMITS,
  estimateFrom,
  estimateText,
  excessesOf,
  type Judged,
  type Measured,
  plainEstimate,
} from '../../lambda/domain/estimate';
import type { PlanChange } from '../../lambda/domain/rehearsal';
import type { StatementTiming } from '../../lambda/domain/run';

const timing = (more: Partial<StatementTiming> = {}): StatementTiming => ({
  migration: '1_x',
  statement: 1,
  line: 1,
  sql: '',
  durationMs: 4_000,
  attempts: 1,
  waitedMs: 0,
  ...more,
});
const locked = (mode: string): Partial<StatementTiming> => ({
  locks: [{ relation: 'public.wallet', mode, heldMs: 40 }],
});

const MEASURED: Measured = {
  statements: [
    timing(locked('AccessExclusiveLock')),
    timing(locked('ShareUpdateExclusiveLock')),
    timing({ waitedMs: 500 }),
  ],
  totalMs: 14_000,
  longestBlockingMs: 40,
  warmth: { state: 'warm', unread: [], readMs: 1_000 },
  disk: { walBytes: 30_000_000, grownBytes: -5, peakBytes: 20_000_000, temporaryBytes: 10_000_000 },
  lockGiveUpMs: 60_000,
};
const ESTIMATE = estimateFrom(MEASURED);

describe('the estimate', () => {
  test('reaches from what storage did not hold up to a busy server, and leaves waiting for locks out', () => {
    // Three statements of 4 s, 2 s around them, 500 ms of waiting, 1 s of reading.
    expect(ESTIMATE.duration).toEqual({ lowMs: 12_500, likelyMs: 13_500, highMs: 27_000 });
    expect(ESTIMATE.blocking).toEqual({ lowMs: 40, likelyMs: 40, highMs: 80 });
  });

  test('tells how long locks may be asked for, by statements with one that blocks the application', () => {
    expect(ESTIMATE.lockWait).toEqual({ statements: 1, giveUpMs: 60_000 });
    expect(estimateFrom({ ...MEASURED, statements: [timing()] })).toMatchObject({
      lockWait: { statements: 0 },
    });
  });

  test('is never below nothing, however much was read at once', () => {
    const warmth = { ...MEASURED.warmth, readMs: 99_000 };
    expect(estimateFrom({ ...MEASURED, warmth }).duration).toMatchObject({ lowMs: 0, likelyMs: 13_500 });
  });

  const twice = (statements: readonly StatementTiming[], totalMs: number) =>
    estimateFrom({
      ...MEASURED,
      statements: [timing(), timing({ migration: '2_y' })],
      warmth: { state: 'warm', unread: [] },
      again: { statements, totalMs },
    }).duration;

  test('of what ran twice begins at the faster run, and counts what was around the statements as nobody looked', () => {
    const again = [timing({ durationMs: 1_000 }), timing({ migration: '2_y', durationMs: 2_000 })];
    expect(twice(again, 3_100)).toEqual({ lowMs: 3_100, likelyMs: 8_100, highMs: 16_200 });
    const slower = again.map((one) => ({ ...one, durationMs: 5_000 }));
    expect(twice(slower, 10_100)).toEqual({ lowMs: 8_100, likelyMs: 8_100, highMs: 20_200 });
  });

  test('of what ran twice only in part adds the rest as it was', () => {
    const again = [timing({ migration: '2_y', durationMs: 1_000 })];
    expect(twice(again, 1_100)).toEqual({ lowMs: 5_100, likelyMs: 8_100, highMs: 16_200 });
  });

  test.each([
    [{ state: 'warm', unread: [] }, 'The tables had been read before'],
    [{ state: 'partly', unread: ['public.token'] }, 'perhaps slower than in production: public.token.'],
    [{ state: 'cold', unread: ['public.token'] }, 'production may be faster'],
  ] as const)('says how warm the storage was: %j', (warmth, words) => {
    expect(estimateFrom({ ...MEASURED, warmth }).basis.join(' ')).toContain(words);
  });

  test('is told to each in their words', () => {
    expect(estimateText(ESTIMATE)).toBe(
      'Foretold for production: 14 s (13 s to 27 s), and one statement may wait up to 60 s for its locks; ' +
        'a lock that blocks held for 40 ms (at most 80 ms); 30 MB of WAL, 30 MB of disk at the peak.',
    );
    expect(plainEstimate(ESTIMATE)).toBe(
      'It takes about 14 s, at most 27 s on a busy day. Nobody should notice it.',
    );
    expect(
      plainEstimate(estimateFrom({ ...MEASURED, statements: [], totalMs: 900, longestBlockingMs: 700 })),
    ).toBe('It takes a few seconds. Some requests may wait for up to 1 s.');
  });
});

const JUDGED: Judged = {
  estimate: ESTIMATE,
  plans: [],
  limits: DEFAULT_LIMITS,
  maxBlockingMs: 100,
  freeBytes: 1_000_000_000,
};
const limitsBeyond = (more: Partial<Judged>): readonly string[] =>
  excessesOf({ ...JUDGED, ...more }).map(({ limit }) => limit);

describe('policy', () => {
  test('has nothing to say of what keeps within it', () => {
    expect(limitsBeyond({})).toEqual([]);
    expect(limitsBeyond({ freeBytes: undefined })).toEqual([]);
  });

  test.each([
    ['blocking', { maxBlockingMs: 39 }, { maxBlockingMs: 40 }],
    [
      'duration',
      { limits: { ...DEFAULT_LIMITS, durationMs: 26_999 } },
      { limits: { ...DEFAULT_LIMITS, durationMs: 27_000 } },
    ],
    // 60 MB are needed: the peak, temporary files and WAL.
    ['disk', { freeBytes: 74_000_000 }, { freeBytes: 76_000_000 }],
  ])('finds what goes beyond its limit of %s, and nothing at the limit', (limit, beyond, within) => {
    expect(limitsBeyond(beyond)).toEqual([limit]);
    expect(limitsBeyond(within)).toEqual([]);
  });

  const change = (verdict: PlanChange['verdict']): PlanChange => ({
    file: 'watched/a.sql',
    verdict,
    costBefore: 10,
    costAfter: 95,
    reason: 'Seq Scan on wallet (cost 95)',
    tables: ['"public"."wallet"'],
  });

  test.each(['same', 'better', 'unclear'] as const)('lets a plan pass that is %s', (verdict) => {
    expect(limitsBeyond({ plans: [change(verdict)] })).toEqual([]);
  });

  test('names the node of a plan that is worse, and what mends it', () => {
    const plans = [change('worse'), change('worse-until-analyze'), change('fails')];
    expect(excessesOf({ ...JUDGED, plans })).toMatchObject([
      { effect: 'its plan is estimated at 9.5 times what it cost before: Seq Scan on wallet (cost 95)' },
      { remedy: 'End the migration with ANALYZE "public"."wallet"; it blocks nobody.' },
      { subject: 'watched/a.sql', effect: expect.stringContaining('the query fails') },
    ]);
  });
});
