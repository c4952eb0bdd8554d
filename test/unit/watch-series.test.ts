import fc from 'fast-check';
import {
  type Blocking,
  joinWatches,
  longestOf,
  MOST_BLOCKINGS,
  MOST_SAMPLES,
  type WatchSample,
  WatchSeries,
} from '../../lambda/domain/watch';

const count = fc.nat({ max: 1_000_000 });

/** Samples in order of time, from some milliseconds to days apart. */
const samples: fc.Arbitrary<readonly WatchSample[]> = fc
  .array(
    fc.record(
      {
        afterMs: fc.oneof(fc.nat({ max: 600 }), fc.nat({ max: 200_000_000 })),
        longestWaitMs: count,
        waiting: count,
        walBytes: count,
        buildShare: fc.double({ min: 0, max: 1, noNaN: true }),
      },
      { requiredKeys: ['afterMs', 'longestWaitMs', 'waiting'] },
    ),
    { maxLength: 700 },
  )
  .map((all) => all.toSorted((one, other) => one.afterMs - other.afterMs));

const seriesOf = (all: readonly WatchSample[]): WatchSeries => {
  const series = new WatchSeries();
  for (const sample of all) series.add(sample);
  return series;
};

const peak = (all: readonly WatchSample[], value: keyof WatchSample): number =>
  Math.max(-1, ...all.map((sample) => sample[value] ?? -1));

test('however long it goes on, a series stays short and keeps every peak', () => {
  fc.assert(
    fc.property(samples, (all) => {
      const kept = seriesOf(all).samples;
      expect(kept.length).toBeLessThanOrEqual(MOST_SAMPLES);
      for (const value of ['longestWaitMs', 'waiting', 'walBytes', 'buildShare'] as const) {
        expect(peak(kept, value)).toBe(peak(all, value));
      }
    }),
  );
});

test('a series is in order of time, and every peak stands in the stretch in which it was', () => {
  fc.assert(
    fc.property(samples, (all) => {
      const kept = seriesOf(all).samples;
      const times = kept.map(({ afterMs }) => afterMs);
      expect(times).toEqual([...new Set(times)].toSorted((one, other) => one - other));
      for (const [index, { afterMs, longestWaitMs }] of kept.entries()) {
        const until = times[index + 1] ?? Number.POSITIVE_INFINITY;
        const within = all.filter((one) => one.afterMs >= afterMs && one.afterMs < until);
        expect(longestWaitMs).toBe(peak(within, 'longestWaitMs'));
      }
    }),
  );
});

test('a day of samples becomes at most 120, and no fewer than half of that', () => {
  const all = Array.from({ length: 20_000 }, (_, index) => ({
    afterMs: index * 4_320,
    longestWaitMs: index === 12_345 ? 99 : 0,
    waiting: 0,
  }));
  const kept = seriesOf(all).samples;
  expect(kept.length).toBeLessThanOrEqual(MOST_SAMPLES);
  expect(kept.length).toBeGreaterThanOrEqual(MOST_SAMPLES / 2);
  expect(peak(kept, 'longestWaitMs')).toBe(99);
});

test('half a minute keeps its resolution of half a second', () => {
  const all = Array.from({ length: 60 }, (_, index) => ({
    afterMs: index * 500 + 7,
    longestWaitMs: index,
    waiting: 0,
  }));
  expect(seriesOf(all).samples).toHaveLength(60);
});

test('several watches become one, on one clock, with all the WAL', () => {
  const part = (startMs: number, waitedMs: number) => ({
    startMs,
    watch: {
      blockings: [blocking(waitedMs)],
      series: [
        { afterMs: 0, longestWaitMs: 0, waiting: 0, walBytes: 10 },
        { afterMs: 1_000, longestWaitMs: waitedMs, waiting: 1, walBytes: 100 },
      ],
    },
  });
  const { blockings, series } = joinWatches([part(5_000, 7), part(60_000, 9)]);
  expect(blockings.map(({ waitedMs }) => waitedMs)).toEqual([9, 7]);
  expect(series).toEqual([
    { afterMs: 0, longestWaitMs: 0, waiting: 0, walBytes: 10 },
    { afterMs: 1_000, longestWaitMs: 7, waiting: 1, walBytes: 100 },
    { afterMs: 55_000, longestWaitMs: 0, waiting: 0, walBytes: 110 },
    { afterMs: 56_000, longestWaitMs: 9, waiting: 1, walBytes: 200 },
  ]);
});

test('of many waits the longest are kept', () => {
  fc.assert(
    fc.property(fc.array(count), (waits) => {
      const expected = waits.toSorted((one, other) => other - one).slice(0, MOST_BLOCKINGS);
      expect(longestOf(waits.map(blocking)).map(({ waitedMs }) => waitedMs)).toEqual(expected);
    }),
  );
});

function blocking(waitedMs: number): Blocking {
  return { pid: 1, user: 'u', applicationName: 'a', relation: 't', statement: 's', waitedMs };
}
