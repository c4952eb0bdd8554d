import { type MigrateOutcome, migrate, type StatementEvent } from '../../lambda/migrate/executor';
import { startLockWatch } from '../../lambda/migrate/watch/lock-watch';
import { ConnectionLost, type Database } from '../../lambda/ports/database';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const ROWS = 1500;

const ONCE = '-- godwit:backfill\nUPDATE wallet SET visits = visits + 1';

beforeEach(async () => {
  await wallet.run('ALTER TABLE wallet ADD visits int NOT NULL DEFAULT 0');
  await wallet.run(`INSERT INTO wallet SELECT n * 3, 'address ' || n FROM generate_series(1, ${ROWS}) n`);
});

const up = (sql: string, more: Parameters<typeof wallet.request>[1] = {}): Promise<MigrateOutcome> =>
  migrate(wallet.request(sql, more));

const failureOf = (outcome: MigrateOutcome) => {
  if (outcome.outcome !== 'failed') throw new Error(`expected a failure, not ${JSON.stringify(outcome)}`);
  return outcome.failed;
};

async function count(from: string): Promise<number> {
  const { rows } = await wallet.run(`SELECT count(*)::int AS n FROM ${from}`);
  return (rows[0] as { n: number }).n;
}

/** Rows by how often they were written. */
async function visits(table = 'wallet'): Promise<unknown> {
  const { rows } = await wallet.run(
    `SELECT visits, count(*)::int AS rows FROM ${table} GROUP BY 1 ORDER BY 1`,
  );
  return rows;
}

const batches = (table = 'wallet') => count(`(SELECT DISTINCT xmin::text FROM ${table}) AS t`);

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

/** Runs in the very transaction that writes the row, so at a known place of the walk. */
const whenWritten = (id: number, command: 'UPDATE' | 'DELETE', sql: string): Promise<unknown> =>
  wallet.run(`
    CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${sql}; RETURN NULL; END $$;
    CREATE TRIGGER meddle AFTER ${command} ON wallet FOR EACH ROW WHEN (OLD.id = ${id}) EXECUTE FUNCTION meddle()`);

describe('a backfill', () => {
  test('writes every row once, in several transactions, and leaves no trace in the journal', async () => {
    const events: StatementEvent[] = [];
    const outcome = await up(ONCE, { onEvent: (event) => void events.push(event) });
    expect(outcome).toMatchObject({
      outcome: 'applied',
      statements: [{ statement: 1, line: 2, attempts: 1 }],
    });
    expect(await visits()).toEqual([{ visits: 1, rows: ROWS }]);
    expect(await batches()).toBeGreaterThan(1);
    expect(await count('_godwit.statement')).toBe(0);
    expect(await wallet.ledger()).toMatchObject([{ appliedSteps: 1 }]);
    expect(events.map(({ status }) => status)).toEqual(
      expect.arrayContaining(['started', 'progress', 'finished']),
    );
    expect(events.findLast(({ status }) => status === 'progress')).toMatchObject({
      done: ROWS,
      total: ROWS,
      unit: 'rows',
    });
  });

  test.each([
    ['an empty table', 'TRUNCATE wallet', ONCE, []],
    ['one row', 'DELETE FROM wallet WHERE id > 3', ONCE, [{ visits: 1, rows: 1 }]],
    [
      'a condition with OR',
      'SELECT 1',
      `${ONCE} WHERE id <= 300 OR id > 4200`,
      [
        { visits: 0, rows: 1300 },
        { visits: 1, rows: 200 },
      ],
    ],
    [
      'an alias and a WITH that reads',
      'CREATE TABLE bonus AS SELECT id FROM wallet WHERE id % 2 = 0',
      '-- godwit:backfill wallet by id\nWITH b AS (SELECT id AS x FROM bonus) UPDATE wallet AS w SET visits = w.visits + 1 FROM b WHERE b.x = w.id',
      [
        { visits: 0, rows: 750 },
        { visits: 1, rows: 750 },
      ],
    ],
  ])('of %s', async (_, before, sql, expected) => {
    await wallet.run(before);
    expect(await up(sql)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual(expected);
  });

  test('of a DELETE with USING removes what matches', async () => {
    await wallet.run('CREATE TABLE gone AS SELECT id AS "the id" FROM wallet WHERE id % 2 = 0');
    const sql = '-- godwit:backfill\nDELETE FROM public.wallet USING gone WHERE gone."the id" = wallet.id';
    expect(await up(sql)).toMatchObject({ outcome: 'applied' });
    expect(await count('wallet')).toBe(750);
    expect(await count('wallet WHERE id % 2 = 0')).toBe(0);
  });

  test('of a partitioned table walks all of its partitions by the common key', async () => {
    await wallet.run(`
      CREATE TABLE part (region text, id int, visits int DEFAULT 0, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
      CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu'); CREATE TABLE part_us PARTITION OF part FOR VALUES IN ('us');
      INSERT INTO part SELECT CASE WHEN n % 3 = 0 THEN 'eu' ELSE 'us' END, n FROM generate_series(1, 1400) n`);
    expect(await up('-- godwit:backfill\nUPDATE part SET visits = visits + 1')).toMatchObject({
      outcome: 'applied',
    });
    expect(await visits('part')).toEqual([{ visits: 1, rows: 1400 }]);
    expect(await batches('part')).toBeGreaterThan(1);
  });

  test('keeps its place among other statements, each done once', async () => {
    const sql = `UPDATE wallet SET visits = visits + 10;\n${ONCE};\nCREATE INDEX CONCURRENTLY wallet_v ON wallet (visits)`;
    expect(await up(sql)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual([{ visits: 11, rows: ROWS }]);
    expect(await wallet.indexes()).toEqual([{ name: 'wallet_v', valid: true }]);
  });

  test("runs as the file's role with the file's settings, and is journaled as ourselves", async () => {
    await wallet.run(`
      CREATE ROLE backfiller; GRANT SELECT, UPDATE ON wallet TO backfiller;
      CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO backfiller;
      CREATE FUNCTION evil.never(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false';
      CREATE OPERATOR evil.> (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.never);
      CREATE OPERATOR evil.<= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.never);
      ALTER TABLE wallet ADD who text`);
    const sql = `SET ROLE backfiller; SET search_path = evil, public, pg_catalog; SET standard_conforming_strings = off;
      ${ONCE.replace('visits + 1', 'visits + 1, who = current_user')}`;
    const outcome = await up(sql);
    expect(outcome).toMatchObject({ outcome: 'applied' });
    expect(await count("wallet WHERE visits = 1 AND who = 'backfiller'")).toBe(ROWS);
    await wallet.run('DROP OWNED BY backfiller; DROP ROLE backfiller');
  });
});

describe('rows that come or change meanwhile', () => {
  const FILL = '-- godwit:backfill\nUPDATE wallet SET visits = length(address) WHERE visits IS NULL';

  beforeEach(async () => {
    await wallet.run('ALTER TABLE wallet ALTER visits DROP NOT NULL, ALTER visits DROP DEFAULT');
    await wallet.run('UPDATE wallet SET visits = NULL');
  });

  test('are found by a second pass where the WHERE excludes the rows that are done', async () => {
    await whenWritten(
      3000,
      'UPDATE',
      "INSERT INTO wallet VALUES (-1, 'late'); UPDATE wallet SET visits = NULL, address = '' WHERE id = 3",
    );
    expect(await up(FILL)).toMatchObject({ outcome: 'applied' });
    expect(await count('wallet WHERE visits IS DISTINCT FROM length(address)')).toBe(0);
    expect(await count('wallet WHERE id = -1')).toBe(1);
  });

  test('and rows for which there is nothing to put are written once, not once a pass', async () => {
    await wallet.run(`
      UPDATE wallet SET address = NULL WHERE id % 2 = 0;
      CREATE TABLE written (id int);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO written VALUES (OLD.id); RETURN NEW; END $$;
      CREATE TRIGGER note BEFORE UPDATE ON wallet FOR EACH ROW EXECUTE FUNCTION note()`);
    await whenWritten(3000, 'UPDATE', "INSERT INTO wallet VALUES (-1, 'late')");
    expect(await up(FILL)).toMatchObject({ outcome: 'applied' });
    expect(await count('wallet WHERE visits IS NULL AND address IS NOT NULL')).toBe(0);
    expect(await count('written')).toBe(ROWS + 1);
  });

  test('do not keep it from ending where the application goes on making them', async () => {
    const messages: string[] = [];
    await wallet.run(`CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO wallet VALUES (-1 - (SELECT count(*) FROM wallet WHERE id < 0), 'late'); RETURN NULL; END $$;
      CREATE TRIGGER again AFTER UPDATE ON wallet FOR EACH ROW WHEN (OLD.id < 0 OR OLD.id = 3000) EXECUTE FUNCTION again()`);
    expect(await up(FILL, { onEvent: ({ message }) => void messages.push(message ?? '') })).toMatchObject({
      outcome: 'applied',
    });
    expect(messages.join()).toContain('the last of 3 passes found 1');
  });

  test('are left alone behind the cursor, and written once ahead of it, by a statement that cannot be repeated', async () => {
    await wallet.run('UPDATE wallet SET visits = 0');
    await whenWritten(
      300,
      'UPDATE',
      "INSERT INTO wallet VALUES (-1, 'late', 0), (4499, 'late', 0), (9999, 'late', 0)",
    );
    expect(await up(ONCE)).toMatchObject({ outcome: 'applied' });
    expect(await visits()).toEqual([
      { visits: 0, rows: 2 },
      { visits: 1, rows: ROWS + 1 },
    ]);
    expect(await count('wallet WHERE id = 4499 AND visits = 1')).toBe(1);
  });

  test('are not deleted by a DELETE that has passed them', async () => {
    await whenWritten(3000, 'DELETE', "INSERT INTO wallet VALUES (-1, 'late')");
    expect(await up('-- godwit:backfill\nDELETE FROM wallet')).toMatchObject({ outcome: 'applied' });
    expect((await wallet.run('SELECT id FROM wallet')).rows).toEqual([{ id: -1 }]);
  });
});

describe('what cannot be backfilled is refused, and nothing is changed', () => {
  test.each([
    ['no primary key', 'ALTER TABLE wallet DROP CONSTRAINT wallet_pkey', ONCE, 'no primary key'],
    ['no such key', 'SELECT 1', ONCE.replace('backfill', 'backfill by address'), 'no valid unique index'],
    [
      'a key with NULLs',
      'CREATE UNIQUE INDEX ON wallet (address)',
      ONCE.replace('backfill', 'backfill by address'),
      'may be NULL',
    ],
    [
      'a partial key',
      'ALTER TABLE wallet ALTER address SET NOT NULL; CREATE UNIQUE INDEX ON wallet (address) WHERE id > 9',
      ONCE.replace('backfill', 'backfill by address'),
      'no valid unique index',
    ],
    [
      'a key in another order',
      'ALTER TABLE wallet ALTER address SET NOT NULL; CREATE UNIQUE INDEX ON wallet (address text_pattern_ops)',
      ONCE.replace('backfill', 'backfill by address'),
      'ordered otherwise',
    ],
    ['an assigned key', 'SELECT 1', '-- godwit:backfill\nUPDATE wallet SET id = id + 10000', 'assigns id'],
    ['a view', 'CREATE VIEW v AS SELECT * FROM wallet', ONCE.replace('wallet', 'v'), 'not a table'],
    ['no table', 'SELECT 1', ONCE.replace('wallet', 'wallett'), 'no table wallett'],
    ['heirs', 'CREATE TABLE heir () INHERITS (wallet)', ONCE, 'inherit'],
  ])('%s', async (_, before, sql, message) => {
    await wallet.run(before);
    expect(failureOf(await up(sql)).message).toContain(message);
    expect(await visits()).toEqual([{ visits: 0, rows: ROWS }]);
  });

  test('and what the text tells is refused with its line', async () => {
    const failed = failureOf(await up(`SELECT 1;\n${ONCE} RETURNING id`));
    expect(failed).toMatchObject({ line: 3, statement: 2, statementsDone: 0, atomic: true });
    expect(failed.message).toContain('RETURNING');
  });
});

describe('a backfill that is interrupted goes on behind its cursor', () => {
  test('after a row that could not be written', async () => {
    await wallet.run('ALTER TABLE wallet ADD CHECK (id <> 3000 OR visits = 0)');
    const failed = failureOf(await up(`${ONCE}\n  WHERE 'ä😀' = 'ä😀'`));
    expect(failed).toMatchObject({ sqlState: '23514', line: 2, statementsDone: 0, atomic: false });
    expect(failed.message).toContain('500 rows are written and stay so');
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
