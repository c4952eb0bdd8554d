import fc from 'fast-check';
import { Random } from '../../demo/application/random';
import {
  balanceAfter,
  type Catalog,
  nextRequest,
  SHARES,
  utcTimestamp,
} from '../../demo/application/requests';
import { Schedule } from '../../demo/application/schedule';
import { LatencyHistogram, Statistics } from '../../demo/application/statistics';

const NOW = new Date('2025-11-22T11:44:50.123Z');

const CATALOG: Catalog = {
  wallets: ['w1', 'w2'],
  tokens: [{ id: 't1', priceUsd: 0.000_001 }],
  balances: [{ id: 'b1', decimals: 18, quantity: 12.5, priceUsd: 3000 }],
  alerts: ['a1'],
};

test('requests fall due at the rate, however the loop is woken', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 50 }), (pauses) => {
      const schedule = new Schedule(1000, 200);
      let now = 1000;
      const due = pauses.flatMap((pause) => {
        now += pause;
        return schedule.takeDue(now);
      });
      const expected = pauses.length === 0 ? 0 : Math.floor((now - 1000) / 5) + 1;
      expect(due).toEqual(Array.from({ length: expected }, (_, index) => 1000 + index * 5));
    }),
  );
});

test('a rate that is no divisor of a second keeps its pace', () => {
  const schedule = new Schedule(0, 300);
  expect(schedule.takeDue(999.9)).toHaveLength(300);
  expect(schedule.takeDue(9999.9)).toHaveLength(2700);
});

test('a request that still waits counts as the worst already', () => {
  const statistics = new Statistics();
  statistics.scheduled(0);
  expect(statistics.snapshot(1500)).toMatchObject({ worstMs: 1500, requests: 0, inFlight: 1 });
});

test('latency is counted from when the request was due', () => {
  const statistics = new Statistics();
  const ticket = statistics.scheduled(100);
  statistics.answered(ticket, 130);
  expect(statistics.snapshot(200)).toMatchObject({ worstMs: 30, requests: 1, inFlight: 0 });
});

test('a mark forgets the worst wait so far, but not the one of a request that still waits', () => {
  const statistics = new Statistics();
  statistics.answered(statistics.scheduled(0), 800);
  const waiting = statistics.scheduled(900);
  statistics.mark();
  expect(statistics.snapshot(910).worstMsWindow).toBe(10);
  statistics.answered(waiting, 950);
  expect(statistics.snapshot(1000)).toMatchObject({ worstMs: 800, worstMsWindow: 50 });
});

test('errors are counted by kind, and a flood of kinds is cut off', () => {
  const statistics = new Statistics();
  for (let index = 0; index < 100; index += 1) {
    statistics.answered(statistics.scheduled(0), 1, index % 2 === 0 ? 'connection refused' : `kind ${index}`);
  }
  const { errors, errorSamples, requests } = statistics.snapshot(2);
  expect({ errors, requests }).toEqual({ errors: 100, requests: 100 });
  expect(errorSamples[0]).toEqual({ message: 'connection refused', count: 50 });
  expect(errorSamples.length).toBeLessThanOrEqual(5);
});

test('the rate is that of the last second', () => {
  const statistics = new Statistics();
  for (let at = 0; at < 2000; at += 10) statistics.answered(statistics.scheduled(at), at);
  expect(statistics.snapshot(2000).requestsPerSecond).toBe(99);
  expect(statistics.snapshot(9000).requestsPerSecond).toBe(0);
});

test('a percentile is right within two percent', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.02, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.5, 0.99, 1),
      (latencies, share) => {
        const histogram = new LatencyHistogram();
        for (const latency of latencies) histogram.add(latency);
        const sorted = latencies.toSorted((a, b) => a - b);
        const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
        expect(histogram.percentile(share)).toBeGreaterThanOrEqual(exact * 0.9999);
        expect(histogram.percentile(share)).toBeLessThanOrEqual(exact * 1.0201);
      },
    ),
  );
});

test('an empty histogram has no percentile, and no latency is too small for it', () => {
  const histogram = new LatencyHistogram();
  expect(histogram.percentile(0.99)).toBe(0);
  histogram.add(0);
  expect(histogram.percentile(0.99)).toBeCloseTo(0.01);
});

test('the same seed sends the same requests', () => {
  const kinds = (seed: number): string[] => {
    const random = new Random(seed);
    return Array.from({ length: 50 }, () => nextRequest(CATALOG, random, NOW)?.kind ?? 'none');
  };
  expect(kinds(7)).toEqual(kinds(7));
  expect(kinds(7)).not.toEqual(kinds(8));
});

test('the mix is the one that is promised', () => {
  expect(Object.values(SHARES).reduce((sum, share) => sum + share, 0)).toBe(100);
  const random = new Random(1);
  const counts: Record<string, number> = {};
  for (let index = 0; index < 10_000; index += 1) {
    const kind = nextRequest(CATALOG, random, NOW)?.kind ?? 'none';
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  for (const [kind, share] of Object.entries(SHARES)) {
    expect(Math.abs((counts[kind] ?? 0) / 100 - share)).toBeLessThan(1.5);
  }
});

test('what the database lacks is not asked for', () => {
  const empty: Catalog = { wallets: [], tokens: [], balances: [], alerts: [] };
  const random = new Random(3);
  const kinds = Array.from({ length: 200 }, () => nextRequest(empty, random, NOW)?.kind);
  expect(new Set(kinds)).toEqual(new Set([undefined, 'openAlerts']));
});

test('a balance stays consistent, and never becomes negative or too precise', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 0, max: 18 }),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      fc.double({ min: 1e-9, max: 1e5, noNaN: true }),
      (seed, decimals, quantity, priceUsd) => {
        const after = balanceAfter({ id: 'b', decimals, quantity, priceUsd }, new Random(seed));
        expect(after.raw).toMatch(/^\d+$/);
        expect(after.usdValue).toMatch(/^\d{1,18}\.\d{8}$/);
        expect(Number(after.raw) / 10 ** decimals).toBeCloseTo(Number(after.quantity), 3);
        expect(Math.abs(Number(after.quantity) - quantity)).toBeLessThanOrEqual(quantity * 0.031 + 1);
      },
    ),
  );
});

test('every write carries the time of writing in UTC, whatever zone this machine is in', () => {
  const random = new Random(1);
  const writes = Array.from({ length: 500 }, () => nextRequest(CATALOG, random, NOW)).filter((request) =>
    request?.sql.includes('"updatedAt"'),
  );
  expect(new Set(writes.map((write) => write?.kind))).toEqual(
    new Set(['updateBalance', 'recordTransaction', 'changeAlert']),
  );
  for (const write of writes) expect(write?.values).toContain('2025-11-22 11:44:50.123');
  expect(utcTimestamp(NOW)).toBe('2025-11-22 11:44:50.123');
});

test('prices are above zero however cheap a token is', () => {
  const random = new Random(1);
  const cheap: Catalog = { ...CATALOG, tokens: [{ id: 't', priceUsd: 1e-18 }] };
  const prices = Array.from({ length: 2000 }, () => nextRequest(cheap, random, NOW))
    .filter((request) => request?.kind === 'recordPrice')
    .map((request) => Number(request?.values[2]));
  expect(prices.length).toBeGreaterThan(50);
  expect(prices.every((price) => price > 0)).toBe(true);
});
