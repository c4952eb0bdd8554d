import fc from 'fast-check';
import { type Holding, QueueRule } from '../../lambda/migrate/locks/queue-rule';

const LOOK_MS = 10;

/** Transactions of one session, one after another: when each begins and how long it lasts. */
type Session = (atMs: number) => Holding | undefined;

const repeating =
  (session: number, lastsMs: number, offsetMs: number): Session =>
  (atMs) => {
    const since = atMs + offsetMs;
    return { session, transaction: `${session}/${Math.floor(since / lastsMs)}`, ageMs: since % lastsMs };
  };

const once =
  (session: number, beganMs: number, endsMs: number): Session =>
  (atMs) =>
    atMs >= beganMs && atMs < endsMs
      ? { session, transaction: `${session}/0`, ageMs: atMs - beganMs }
      : undefined;

const holdersAt = (sessions: readonly Session[], atMs: number): Holding[] =>
  sessions.flatMap((session) => session(atMs) ?? []);

/** Looks until the rule says to ask. Answers when, and for how long one would then wait. */
function firstAsk(
  sessions: readonly Session[],
  rule: QueueRule,
  { fromMs = 0, untilMs = 20_000 } = {},
): { atMs: number; waitMs: number } | undefined {
  for (let atMs = fromMs; atMs < untilMs; atMs += LOOK_MS) {
    if (rule.look(atMs, holdersAt(sessions, atMs)) === 'ask') return { atMs, waitMs: waitAt(sessions, atMs) };
  }
  return undefined;
}

/** Until all who hold at that moment are gone: who comes later queues behind. */
function waitAt(sessions: readonly Session[], atMs: number): number {
  const holding = new Set(holdersAt(sessions, atMs).map(({ transaction }) => transaction));
  let waitMs = 0;
  while (holdersAt(sessions, atMs + waitMs).some(({ transaction }) => holding.has(transaction))) waitMs += 1;
  return waitMs;
}

describe('whether to ask for a lock', () => {
  test('that nobody holds: at once', () => {
    expect(new QueueRule(70).look(0, [])).toBe('ask');
  });

  test('on a busy table whose transactions are short: at once', () => {
    expect(new QueueRule(70).look(0, [{ session: 1, transaction: 'a', ageMs: 2 }])).toBe('ask');
  });

  test('that one old transaction holds: when it is over, and not before', () => {
    const asked = firstAsk([once(1, -1_000, 3_000)], new QueueRule(70));
    expect(asked).toEqual({ atMs: 3_000, waitMs: 0 });
  });

  test('that one old transaction holds while others come and go: when the old one is over', () => {
    const sessions = [once(1, -500, 5_000), repeating(2, 40, 7), repeating(3, 90, 30)];
    const asked = firstAsk(sessions, new QueueRule(150));
    expect(asked?.atMs).toBeGreaterThanOrEqual(4_850);
    expect(asked?.waitMs).toBeLessThanOrEqual(150);
  });

  test('that two hold in turn, overlapping: at a moment when the wait is short enough', () => {
    const asked = firstAsk([repeating(2, 300, 0), repeating(3, 300, 150)], new QueueRule(200));
    expect(asked?.waitMs).toBeLessThanOrEqual(200);
    expect(asked?.atMs).toBeLessThan(3_000);
  });

  test('that two hold in turn for longer than asking may take: never; and it knows what would do', () => {
    const sessions = [repeating(2, 300, 0), repeating(3, 300, 150)];
    const rule = new QueueRule(70);
    expect(firstAsk(sessions, rule)).toBeUndefined();
    expect(rule.shortWaitMs()).toBeGreaterThanOrEqual(150);
    expect(rule.shortWaitMs()).toBeLessThanOrEqual(190);
  });

  test('where too little is known of how long they last: by a guess, and not at once', () => {
    const sessions = [once(1, -30, 250), once(2, 200, 560), once(3, 500, 900), once(4, 850, 1_300)];
    const asked = firstAsk(sessions, new QueueRule(250));
    expect(asked?.atMs).toBeGreaterThanOrEqual(1_000);
    expect(asked?.atMs).toBeLessThan(1_300);
  });

  test('waits for no longer than it may, however two sessions alternate, once it has seen them', () => {
    const lasting = fc.integer({ min: 40, max: 800 });
    fc.assert(
      fc.property(
        lasting,
        lasting,
        fc.nat(800),
        fc.integer({ min: 40, max: 400 }),
        (one, other, offset, queueMs) => {
          const sessions = [repeating(2, one, 0), repeating(3, other, offset)];
          const rule = new QueueRule(queueMs);
          for (let atMs = 0; atMs < 6_000; atMs += LOOK_MS) rule.look(atMs, holdersAt(sessions, atMs));
          const asked = firstAsk(sessions, rule, { fromMs: 6_000, untilMs: 12_000 });
          expect(asked?.waitMs ?? 0).toBeLessThanOrEqual(queueMs);
        },
      ),
      { numRuns: 60 },
    );
  });
});
