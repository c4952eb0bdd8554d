import { migrate, type StatementEvent } from '../../lambda/migrate/executor';
import { startLockWatch } from '../../lambda/migrate/watch/lock-watch';
import { ConnectionLost, type Database } from '../../lambda/ports/database';
import { ONCE, ROWS, useBackfillWallet } from '../support/backfill-wallet';
import { clock, failureOf } from '../support/wallet-executor';

const { count, up, visits, wallet } = useBackfillWallet();

/** The executor's connections break at its n-th query and stay broken, as if its process had died there. */
function breakingAt(
  database: Database,
  point: number,
  reaches: 'server' | 'nobody',
): Database & { readonly queries: number } {
  let queries = 0;
  const lost = () => new ConnectionLost(database.address, 'the cable was cut');
  return {
    address: database.address,
    get queries() {
      return queries;
    },
    connectionString: () => database.connectionString(),
    connect: async (options) => {
      const session = await database.connect(options);
      if (!options.applicationName.startsWith('godwit migrate')) return session;
      return {
        backendPid: session.backendPid,
        close: () => session.close(),
        query: async <Row>(sql: string, values?: readonly unknown[]) => {
          queries += 1;
          if (queries > point) throw lost();
          if (queries < point) return session.query<Row>(sql, values);
          if (reaches === 'server') await session.query(sql, values);
          await session.close();
          throw lost();
        },
      };
    },
  };
}

describe('a backfill that is interrupted goes on behind its cursor', () => {
  test('after a row that could not be written', async () => {
    await wallet.run('ALTER TABLE wallet ADD CHECK (id <> 3000 OR visits = 0)');
    const failed = failureOf(await up(`${ONCE}\n  WHERE 'ä😀' = 'ä😀'`));
    expect(failed).toMatchObject({ sqlState: '23514', line: 2, statementsDone: 0, atomic: false });
    expect(failed.message).toMatch(/\b[1-9]\d* rows are written and stay so/);
    await wallet.run('ALTER TABLE wallet DROP CONSTRAINT wallet_check');
    expect(await up(`${ONCE}\n  WHERE 'ä😀' = 'ä😀'`)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
  });

  test('and names the place of a failure in the text as it was written', async () => {
    const sql = `${ONCE}\n  WHERE 'ä😀' = 'ä😀'\n  AND length(\n  nonsense) > 0`;
    expect(failureOf(await up(sql))).toMatchObject({ line: 5, sqlState: '42703' });
  });

  test('after an abort', async () => {
    const abort = new AbortController();
    const onEvent = ({ status }: StatementEvent): void => {
      if (status === 'progress') abort.abort();
    };
    expect(await up(ONCE, { signal: abort.signal, onEvent })).toMatchObject({
      outcome: 'aborted',
      statementsDone: 0,
    });
    const written = await count('wallet WHERE visits = 1');
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(ROWS);
    expect(await up(ONCE)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
  });

  test('but not where its table was a temporary one, whose name is now that of another', async () => {
    const sql = `CREATE TEMP TABLE wallet (id int PRIMARY KEY, visits int DEFAULT 0);
      INSERT INTO wallet SELECT n FROM generate_series(1, 3000) n;\n${ONCE}`;
    const abort = new AbortController();
    const onEvent = ({ status }: StatementEvent): void => {
      if (status === 'progress') abort.abort();
    };
    expect(await up(sql, { signal: abort.signal, onEvent })).toMatchObject({ outcome: 'aborted' });
    expect(failureOf(await up(sql)).message).toContain('gone with its session');
    expect(await visits()).toEqual([{ visits: 0, rows: ROWS }]);
  });

  test('after each of many deadlines', async () => {
    const outcomes: string[] = [];
    do {
      // An hour passes with the first batch.
      let hour = 0;
      const later = { now: () => new Date(clock.now().getTime() + hour), sleep: clock.sleep.bind(clock) };
      const onEvent = ({ status }: StatementEvent): void => {
        if (status === 'progress') hour = 3_600_000;
      };
      const deadline = new Date(clock.now().getTime() + 1_800_000);
      outcomes.push((await up(ONCE, { clock: later, deadline, onEvent })).outcome);
    } while (outcomes.at(-1) === 'waiting' && outcomes.length < 50);
    expect(outcomes.at(-1)).toBe('applied');
    expect(outcomes.length).toBeGreaterThan(2);
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
  });

  test.each(['server', 'nobody'] as const)(
    'after a connection that broke in whichever query, which reached %s',
    async (reaches) => {
      const counting = breakingAt(wallet.database, Infinity, reaches);
      expect(await migrate(wallet.request(ONCE, { database: counting }))).toMatchObject({
        outcome: 'applied',
      });
      const points = Array.from({ length: 7 }, () => 1 + Math.floor(Math.random() * counting.queries));
      for (const [index, point] of points.entries()) {
        await wallet.run('DELETE FROM _prisma_migrations');
        const database = breakingAt(wallet.database, point, reaches);
        await migrate(wallet.request(ONCE, { database })).catch(() => undefined);
        const again = await up(ONCE);
        expect({ point, outcome: again.outcome }).toEqual({ point, outcome: 'applied' });
        expect({ point, visits: await visits() }).toEqual({
          point,
          visits: [{ visits: index + 2, rows: ROWS }],
        });
      }
    },
  );

  test('after others held its rows for too long, whom it names', async () => {
    const app = await wallet.connect('an app');
    await app.query('BEGIN; UPDATE wallet SET address = address WHERE id = 3000');
    const failed = failureOf(await up(ONCE, { giveUpAfterMs: 400 }));
    expect(failed.message).toContain(`session ${app.backendPid} (user`);
    expect(failed.message).toContain('Gave up after');
    expect(await count('wallet WHERE visits = 1')).toBeGreaterThanOrEqual(500);
    await app.query('COMMIT');
    expect(await up(ONCE)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
  });
});

describe('those who hold its rows, or want them', () => {
  test('are waited for, stepping back: what they wrote is kept', async () => {
    const app = await wallet.connect();
    await app.query("BEGIN; UPDATE wallet SET visits = 100, address = 'app' WHERE id IN (900, 3000)");
    const running = up(ONCE, { giveUpAfterMs: 10_000 });
    await clock.sleep(400);
    await app.query('COMMIT');
    const outcome = await running;
    expect(outcome).toMatchObject({ outcome: 'applied' });
    expect(outcome.statements[0]?.attempts).toBeGreaterThan(1);
    expect(await visits()).toEqual([
      { visits: 1, rows: ROWS - 2 },
      { visits: 101, rows: 2 },
    ]);
  });

  test('wait for one batch, not for the whole', async () => {
    const app = await wallet.connect();
    const running = up(`${ONCE} WHERE pg_sleep(0.0005) IS NOT NULL`, { maxBlockingMs: 200 });
    let isOver = false;
    void running.then(() => {
      isOver = true;
    });
    const waits: number[] = [];
    for (let id = 3; !isOver; id = (id % (ROWS * 3)) + 300) {
      const startedAt = performance.now();
      await app.query('UPDATE wallet SET address = address WHERE id = $1', [id]);
      waits.push(performance.now() - startedAt);
    }
    expect(await running).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
    // The whole takes more than 750 ms.
    expect(Math.max(...waits)).toBeLessThan(500);
  });

  test('are not alone: a replica that falls behind is waited for, and it says so', async () => {
    const watch = await startLockWatch({ database: wallet.database });
    const messages: string[] = [];
    // Hours pass with each message, so that the server is asked for its WAL and dead rows, too.
    const later = {
      now: () => new Date(clock.now().getTime() + messages.length * 3_600_000),
      sleep: clock.sleep.bind(clock),
    };
    const lagging = {
      ...VITALS,
      get replicaLagMs() {
        return messages.length === 1 ? 9_000 : 0;
      },
    };
    try {
      const outcome = await up(ONCE, {
        clock: later,
        watch: {
          worstBlockingMs: () => watch.worstBlockingMs(),
          takeBlockers: () => watch.takeBlockers(),
          takeBreach: () => watch.takeBreach(),
          attention: (level) => watch.attention(level),
          follow: (pid) => watch.follow(pid),
          stop: () => watch.stop(),
          vitals: () => lagging,
        },
        onEvent: ({ status, message }) => {
          if (status === 'progress') messages.push(message ?? '');
        },
      });
      expect(outcome).toMatchObject({ outcome: 'applied' });
    } finally {
      await watch.stop();
    }
    expect(messages[1]).toBe('slowed down: a replica is 9 s and 0 MB behind');
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
  });
});

const VITALS = {
  at: '2026-11-22T12:00:00.000Z',
  roundTripMs: 1,
  waiting: 0,
  longestWaitMs: 0,
  connections: 20,
  active: 5,
  maxConnections: 100,
  walBytes: 0,
  replicaLagBytes: undefined,
  databaseBytes: undefined,
  build: undefined,
};
