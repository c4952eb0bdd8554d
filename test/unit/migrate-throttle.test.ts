import fc from 'fast-check';
import {
  type BackfillReadings,
  defaultLimits,
  NO_MEMORY,
  type ThrottleInput,
  throttle,
} from '../../lambda/migrate/backfill/throttle';
import type { Vitals } from '../../lambda/migrate/watch/vitals';

const MEGABYTE = 2 ** 20;

const LIMITS = defaultLimits({
  maxBlockingMs: 100,
  calmRoundTripMs: 1,
  maxWalBytes: 1024 * MEGABYTE,
  tableRows: 500_000,
  patienceMs: 60_000,
});

const CALM: Vitals = {
  at: '2026-11-22T12:00:00.000Z',
  roundTripMs: 1,
  waiting: 0,
  longestWaitMs: 0,
  connections: 20,
  active: 5,
  maxConnections: 100,
  walBytes: 0,
  replicaLagMs: undefined,
  replicaLagBytes: undefined,
  databaseBytes: undefined,
  build: undefined,
};

const READINGS: BackfillReadings = { deadTuples: 0, isVacuumed: true, unarchivedBytes: 16 * MEGABYTE };

const input = (more: Partial<ThrottleInput> = {}): ThrottleInput => ({
  nowMs: 0,
  lastBatchMs: 40,
  vitals: CALM,
  readings: READINGS,
  limits: LIMITS,
  memory: NO_MEMORY,
  ...more,
});

const vitals = (more: Partial<Vitals>): Partial<ThrottleInput> => ({ vitals: { ...CALM, ...more } });
const readings = (more: Partial<BackfillReadings>): Partial<ThrottleInput> => ({
  readings: { ...READINGS, ...more },
});

/** From rows that were dead before it began. */
const KNOWN = { ...NO_MEMORY, deadTuplesFrom: 0 };

describe('throttle', () => {
  test.each([
    ['nothing is wrong', {}],
    ['nothing can be seen', { vitals: undefined, readings: undefined }],
    ['a whole table of half a million rows is dead', { ...readings({ deadTuples: 500_000 }), memory: KNOWN }],
    ['as many rows were dead before it began', readings({ deadTuples: 90_000_000 })],
    ['the server is a little slower than before', vitals({ roundTripMs: 20 })],
    ['requests wait for less than half of the budget', vitals({ waiting: 3, longestWaitMs: 40 })],
    ['autovacuum would not come', { ...readings({ deadTuples: 9e7, isVacuumed: false }), memory: KNOWN }],
  ])('does nothing where %s', (_, more) => {
    expect(throttle(input(more))).toMatchObject({ pace: 'full', pauseMs: 0 });
  });

  test.each([
    ['a request waits', vitals({ waiting: 1, longestWaitMs: 70 }), 'slower', 'a request waited 70 ms'],
    ['the server is slow', vitals({ roundTripMs: 60 }), 'slower', '60 ms for the smallest query'],
    [
      'a replica is late',
      vitals({ replicaLagMs: 9_000, replicaLagBytes: 5 * MEGABYTE }),
      'halted',
      '9 s and 5 MB behind',
    ],
    ['a replica has much to read', vitals({ replicaLagBytes: 900 * MEGABYTE }), 'halted', '900 MB behind'],
    [
      'the archive is behind',
      readings({ unarchivedBytes: 2048 * MEGABYTE }),
      'halted',
      '2048 MB of WAL wait',
    ],
    [
      'vacuum is behind',
      { ...readings({ deadTuples: 3_000_000 }), memory: KNOWN },
      'halted',
      '3000000 dead rows',
    ],
  ])('gives way where %s, and says so', (_, more, pace, reason) => {
    const throttled = throttle(input(more));
    expect(throttled).toMatchObject({ pace, reason: expect.stringContaining(reason) });
    expect(throttled.pauseMs).toBeGreaterThan(0);
  });

  test('gives way to WAL that grows faster than checkpoints like it', () => {
    const first = throttle(input(vitals({ walBytes: 0 })));
    const at = (walBytes: number) =>
      throttle({ ...input(vitals({ walBytes })), nowMs: 2_000, memory: first.memory }).pace;
    expect(at(150 * MEGABYTE)).toBe('full');
    expect(at(400 * MEGABYTE)).toBe('slower');
  });

  test('leaves the more time to the application the slower the server is', () => {
    const pauseAt = (roundTripMs: number) => throttle(input(vitals({ roundTripMs }))).pauseMs;
    expect(pauseAt(100)).toBeGreaterThan(pauseAt(30));
  });

  test('waits for replicas until its patience ends, and from then on goes slowly; afterwards it is patient again', () => {
    const late = vitals({ replicaLagMs: 9_000 });
    let { memory } = throttle(input(late));
    const at = (nowMs: number, more: Partial<ThrottleInput>) => {
      const throttled = throttle({ ...input(more), nowMs, memory });
      memory = throttled.memory;
      return throttled.pace;
    };
    expect(at(59_000, late)).toBe('halted');
    expect(at(60_000, late)).toBe('slower');
    expect(at(90_000, {})).toBe('full');
    expect(at(91_000, late)).toBe('halted');
  });

  test('waits for vacuum again only after as many more rows, where vacuum did not help', () => {
    let memory = KNOWN;
    const at = (nowMs: number, deadTuples: number) => {
      const throttled = throttle({ ...input(readings({ deadTuples })), nowMs, memory });
      memory = { ...throttled.memory, deadTuplesFrom: throttled.memory.deadTuplesFrom ?? 0 };
      return throttled.pace;
    };
    expect(at(0, 3_000_000)).toBe('halted');
    expect(at(60_000, 3_000_000)).toBe('full');
    expect(at(61_000, 4_000_000)).toBe('full');
    expect(at(62_000, 5_100_000)).toBe('halted');
    expect(at(63_000, 100)).toBe('full');
    expect(at(64_000, 2_100_200)).toBe('halted');
  });

  test('whatever the server does, never halts for good and never pauses for more than a moment', () => {
    const reading = fc.record({
      stepMs: fc.integer({ min: 1, max: 20_000 }),
      roundTripMs: fc.float({ min: 0, max: 5_000, noNaN: true }),
      waiting: fc.nat(5),
      longestWaitMs: fc.nat(5_000),
      replicaLagMs: fc.option(fc.nat(1e7), { nil: undefined }),
      walBytes: fc.nat(2 ** 40),
      deadTuples: fc.option(fc.nat(1e9), { nil: undefined }),
      unarchivedBytes: fc.option(fc.nat(2 ** 36), { nil: undefined }),
      lastBatchMs: fc.float({ min: 0, max: 1e5, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(reading, { maxLength: 60 }), (series) => {
        let memory = NO_MEMORY;
        let nowMs = 0;
        let haltedSince: number | undefined;
        for (const { stepMs, deadTuples, unarchivedBytes, lastBatchMs, ...seen } of series) {
          nowMs += stepMs;
          const throttled = throttle(
            input({
              ...vitals(seen),
              ...readings({ deadTuples, unarchivedBytes }),
              nowMs,
              lastBatchMs,
              memory,
            }),
          );
          memory = throttled.memory;
          expect(throttled.pauseMs).toBeLessThanOrEqual(250);
          expect(throttled.pauseMs > 0).toBe(throttled.pace !== 'full');
          haltedSince = throttled.pace === 'halted' ? (haltedSince ?? nowMs) : undefined;
          // Of three causes that halt, each may begin when the one before ends.
          if (haltedSince !== undefined) expect(nowMs - haltedSince).toBeLessThan(series.length * 60_000);
        }
      }),
    );
  });
});
