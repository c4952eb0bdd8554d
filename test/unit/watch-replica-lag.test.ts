import { ReplicaLag } from '../../lambda/migrate/watch/replica-lag';

test('a replica that stands still is behind for as long as what it has not replayed is old', () => {
  const lag = new ReplicaLag();
  expect(lag.lagMs(0, 100, 100)).toBe(0);
  expect(lag.lagMs(250, 200, 100)).toBe(0);
  expect(lag.lagMs(500, 300, 100)).toBe(250);
  expect(lag.lagMs(5_000, 300, 100)).toBe(4_750);
});

test('one that follows is behind by what it still lacks, and not at all once it has caught up', () => {
  const lag = new ReplicaLag();
  lag.lagMs(0, 100, 0);
  lag.lagMs(250, 200, 0);
  lag.lagMs(500, 300, 0);
  expect(lag.lagMs(750, 300, 150)).toBe(500);
  expect(lag.lagMs(1_000, 300, 300)).toBe(0);
  expect(lag.lagMs(9_000, 400, 300)).toBe(0);
});
