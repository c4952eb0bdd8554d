import { StatementLog } from '../../lambda/migrate/statement-log';
import type { Clock } from '../../lambda/ports/clock';
import { parseScript } from '../../lambda/sql/parse';

test('looking at statements is no part of what they take, nor of how long they hold their locks', async () => {
  let nowMs = 0;
  const clock: Clock = { now: () => new Date(nowMs), sleep: async () => undefined };
  const script = await parseScript('SELECT 1; SELECT 2');
  const log = new StatementLog({ migration: '1_x', script }, clock, () => undefined);
  const cost = { observedMs: 0, walBytes: 1, grownBytes: 2, databaseBytes: 3 };
  const locks = [{ relation: 'public.t', mode: 'ShareLock' }];
  const pass = (ms: number, { isLooking }: { isLooking: boolean }): void => {
    nowMs += ms;
    if (isLooking) log.looked(ms);
  };
  for (const index of [0, 1]) {
    log.started(index);
    pass(30, { isLooking: true });
    pass(100, { isLooking: false });
    pass(7, { isLooking: true });
    log.observed(index, { locks, rewrites: false, cost, unforeseen: [] });
    log.finished(index);
  }
  pass(5, { isLooking: false });
  log.committed();
  expect(log.timings.map(({ durationMs }) => durationMs)).toEqual([100, 100]);
  expect(log.timings.map(({ locks: held = [] }) => held[0]?.heldMs)).toEqual([205, 105]);
  expect(log.timings[0]).toMatchObject({ cost, unforeseen: [] });
});
