import fc from 'fast-check';
import { backoffMs } from '../../lambda/migrate/retry';
import { describeBlockers, waitingFor } from '../../lambda/migrate/watch/lock-watch';

describe('backoffMs', () => {
  test('grows with every attempt and stays within bounds', () => {
    const anyRandom = fc.double({ min: 0, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 10, max: 5_000 }),
        anyRandom,
        (attempts, limit, random) => {
          const pause = backoffMs(attempts, limit, () => random);
          expect(pause).toBeGreaterThan(0);
          expect(pause).toBeLessThanOrEqual(1_000);
          expect(backoffMs(attempts + 1, limit, () => random)).toBeGreaterThanOrEqual(pause);
        },
      ),
    );
  });
});

describe('waitingFor', () => {
  const wait = (pid: number, ...blockedBy: number[]) => ({
    pid,
    blockedBy,
    waitedMs: pid,
    relation: 't',
    query: 'q',
  });

  test('counts those behind us, and those behind them', () => {
    const waits = [wait(1, 99), wait(2, 1), wait(4, 3), wait(3, 2), wait(5, 98)];
    expect(waitingFor(new Set([1]), waits).map(({ pid }) => pid)).toEqual([2, 4, 3]);
  });

  test('counts nobody where we only wait ourselves', () => {
    expect(waitingFor(new Set([1]), [wait(1, 99), wait(2, 99)])).toEqual([]);
  });
});

test('describeBlockers names what a person needs to act on', () => {
  const blocker = {
    pid: 7,
    user: 'app',
    applicationName: 'report',
    state: 'idle in transaction',
    query: 'SELECT\n  1',
    ageMs: 900,
  };
  expect(describeBlockers([blocker])).toBe(
    'Held by session 7 (user app, application "report", idle in transaction, transaction open for 900 ms: SELECT 1).',
  );
  expect(describeBlockers([])).toContain('could not be seen');
});
