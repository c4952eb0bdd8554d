import fc from 'fast-check';
import { BudgetGuard, verdictOf } from '../../lambda/migrate/watch/budget';
import { type OwnSession, type Wait, waitingFor } from '../../lambda/migrate/watch/waits';
import type { Session } from '../../lambda/ports/database';

const US = 1;

const wait = (
  pid: number,
  waitedMs: number,
  blockedBy: readonly number[],
  more: Partial<Wait> = {},
): Wait => ({
  pid,
  waitedMs,
  blockedBy,
  isClient: true,
  user: 'app',
  applicationName: 'shop',
  relation: 'wallet',
  query: 'SELECT 1',
  since: String(waitedMs),
  ...more,
});

const own = (more: Partial<OwnSession> = {}): OwnSession => ({
  pid: US,
  state: 'active',
  query: 'ALTER TABLE',
  isWaiting: false,
  transaction: 't1',
  statement: 's1',
  ...more,
});

const breachOf = (waits: readonly Wait[], session = own(), budgetMs = 100) =>
  verdictOf({ own: [session], waits }, budgetMs)?.breach;

describe('waitingFor', () => {
  test('counts the wait of one behind another only from when that one came to wait for us', () => {
    const waits = [wait(2, 30, [US]), wait(3, 5_000, [2]), wait(4, 10, [3])];
    expect(waitingFor(new Set([US]), waits).map(({ pid, waitedMs }) => [pid, waitedMs])).toEqual([
      [2, 30],
      [3, 30],
      [4, 10],
    ]);
  });

  test('takes the way on which one has waited for us the longest', () => {
    const waits = [wait(2, 30, [US]), wait(3, 200, [US]), wait(4, 1_000, [2, 3, 99])];
    expect(waitingFor(new Set([US]), waits).at(-1)?.waitedMs).toBe(200);
  });

  test('agrees with a search of all paths, whoever waits for whom', () => {
    const graph = fc.array(
      fc.record({
        waitedMs: fc.nat({ max: 50 }),
        blockedBy: fc.array(fc.nat({ max: 7 }), { maxLength: 3 }),
      }),
      { maxLength: 7 },
    );
    fc.assert(
      fc.property(graph, (nodes) => {
        const waits = nodes.map(({ waitedMs, blockedBy }, index) => wait(index + 1, waitedMs, blockedBy));
        const ours = new Set([US, 0]);
        const expected = waits.flatMap(({ pid }) => {
          const longest = ours.has(pid) ? -1 : longestPath(pid, waits, ours, new Set());
          return longest < 0 ? [] : [[pid, longest]];
        });
        expect(waitingFor(ours, waits).map(({ pid, waitedMs }) => [pid, waitedMs])).toEqual(expected);
      }),
    );
  });
});

describe('a breach', () => {
  test('is seen shortly before the budget, so that cancelling comes in time', () => {
    expect(breachOf([wait(2, 69, [US])])).toBeUndefined();
    expect(breachOf([wait(2, 70, [US])])).toMatchObject({ waiter: { pid: 2 }, waitedMs: 70, ourPid: US });
    expect(breachOf([wait(2, 969, [US])], own(), 1_000)).toBeUndefined();
    expect(breachOf([wait(2, 970, [US])], own(), 1_000)).toBeDefined();
  });

  test('is only one at the whole budget while we queue ourselves, as lock_timeout ends that', () => {
    const waiting = own({ isWaiting: true });
    expect(breachOf([wait(US, 99, [9]), wait(2, 99, [US])], waiting)).toBeUndefined();
    expect(breachOf([wait(US, 100, [9]), wait(2, 100, [US])], waiting)).toMatchObject({ waiter: { pid: 2 } });
  });

  test('is none where only the server itself waits, but a client behind it counts', () => {
    const autovacuum = wait(2, 500, [US], { isClient: false });
    expect(breachOf([autovacuum])).toBeUndefined();
    expect(breachOf([autovacuum, wait(3, 400, [2])])).toMatchObject({ waiter: { pid: 3 } });
  });

  test.each(['idle', 'idle in transaction (aborted)', ''])('is none while we are "%s"', (state) => {
    expect(breachOf([wait(2, 500, [US])], own({ state }))).toBeUndefined();
  });

  test('names the one who has waited longest', () => {
    expect(breachOf([wait(2, 80, [US]), wait(3, 90, [US]), wait(4, 85, [2])])?.waiter.pid).toBe(3);
  });
});

describe('the guard', () => {
  const cancelled: (readonly unknown[] | undefined)[] = [];
  const session: Session = {
    backendPid: 9,
    query: async (_sql, values) => {
      cancelled.push(values);
      return { rows: [], rowCount: 0 };
    },
    close: async () => undefined,
  };
  const waiting = [wait(2, 500, [US])];
  const look = async (guard: BudgetGuard, session_: OwnSession, waits = waiting) => {
    cancelled.length = 0;
    await guard.look(session, { own: [session_], waits });
    return [...cancelled];
  };

  test('cancels the statement, and again while it has not ended', async () => {
    const guard = new BudgetGuard(100);
    expect(await look(guard, own())).toEqual([[US, 's1']]);
    expect(await look(guard, own())).toEqual([[US, 's1']]);
    expect(guard.takeBreach()).toMatchObject({ waiter: { pid: 2 } });
    expect(guard.takeBreach()).toBeUndefined();
  });

  test('does not cancel the ROLLBACK that follows, nor tell of the same breach twice', async () => {
    const guard = new BudgetGuard(100);
    await look(guard, own());
    expect(await look(guard, own({ statement: 's2', query: 'ROLLBACK' }))).toEqual([]);
    expect(guard.takeBreach()).toBeDefined();
    expect(await look(guard, own({ statement: 's3', query: 'ROLLBACK TO SAVEPOINT a' }))).toEqual([]);
    expect(guard.takeBreach()).toBeUndefined();
  });

  test('cancels what was begun before the executor heard of the breach', async () => {
    const guard = new BudgetGuard(100);
    expect(await look(guard, own({ state: 'idle in transaction' }))).toEqual([]);
    expect(await look(guard, own({ statement: 's2' }))).toEqual([[US, 's2']]);
  });

  test('sees the next transaction afresh', async () => {
    const guard = new BudgetGuard(100);
    await look(guard, own());
    guard.takeBreach();
    expect(await look(guard, own({ transaction: 't2', statement: 's2' }))).toEqual([[US, 's2']]);
    expect(guard.takeBreach()).toBeDefined();
  });

  test('does nothing where nobody waits too long', async () => {
    const guard = new BudgetGuard(100);
    expect(await look(guard, own(), [wait(2, 20, [US])])).toEqual([]);
    expect(guard.takeBreach()).toBeUndefined();
  });
});

function longestPath(
  pid: number,
  waits: readonly Wait[],
  ours: ReadonlySet<number>,
  seen: ReadonlySet<number>,
): number {
  const node = waits.find((one) => one.pid === pid);
  if (node === undefined || seen.has(pid)) return -1;
  const through = node.blockedBy.map((blocker) =>
    ours.has(blocker) ? node.waitedMs : longestPath(blocker, waits, ours, new Set([...seen, pid])),
  );
  return Math.min(node.waitedMs, Math.max(-1, ...through));
}
