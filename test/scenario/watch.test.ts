import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { type LockWatch, type LockWatchOptions, startLockWatch } from '../../lambda/migrate/watch/lock-watch';
import type { Database, Session } from '../../lambda/ports/database';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { connect, run } = wallet;

const RUN_ID = 'run-watched';
const EXECUTOR = `godwit migrate ${RUN_ID}`;
const BUDGET_MS = 300;
/** What a waiter may at most have waited where the budget is held: it says that something ended the wait, not how fast. */
const BOUND_MS = 900;

const watches: LockWatch[] = [];

async function watching(options: Partial<LockWatchOptions> = {}): Promise<LockWatch> {
  const watch = await startLockWatch({
    database: wallet.database,
    runId: RUN_ID,
    budgetMs: BUDGET_MS,
    ...options,
  });
  watches.push(watch);
  return watch;
}

afterEach(async () => {
  await Promise.all(watches.splice(0).map((watch) => watch.stop()));
});

const beginIn = async (applicationName: string, sql: string): Promise<Session> => {
  const session = await connect(applicationName);
  await session.query('BEGIN');
  await session.query(sql);
  return session;
};

const LOCK = 'LOCK TABLE wallet IN ACCESS EXCLUSIVE MODE';
const CANCELLED = { sqlState: '57014' };

async function timed(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

/** In Postgres's eyes, so that a test goes on when there is something to see. */
async function untilWaits(session: Session): Promise<void> {
  const sql = `SELECT FROM pg_stat_activity WHERE pid = ${session.backendPid} AND wait_event_type = 'Lock'`;
  while ((await run(sql)).rowCount === 0) await clock.sleep(10);
}

describe('a statement that makes a client wait', () => {
  test('is cancelled before the budget is broken by much, and who waited is told', async () => {
    const watch = await watching();
    watch.attention('close');
    const executor = await beginIn(EXECUTOR, LOCK);
    const app = await connect('shop "web" 100 %');
    const working = executor.query('SELECT pg_sleep(5)');
    const reading = timed(app.query('SELECT count(*) FROM wallet'));
    await expect(working).rejects.toMatchObject(CANCELLED);
    const breach = watch.takeBreach();
    await executor.query('ROLLBACK');
    expect(await reading).toBeLessThan(BOUND_MS);
    expect(breach).toMatchObject({
      waiter: {
        pid: app.backendPid,
        applicationName: 'shop "web" 100 %',
        query: 'SELECT count(*) FROM wallet',
      },
      relation: 'wallet',
      ourPid: executor.backendPid,
      ourQuery: 'SELECT pg_sleep(5)',
    });
    expect(breach?.waitedMs).toBeGreaterThanOrEqual(BUDGET_MS * 0.7);
    expect(watch.takeBreach()).toBeUndefined();
    expect((await watch.stop()).blockings).toMatchObject([
      { pid: app.backendPid, applicationName: 'shop "web" 100 %', relation: 'wallet' },
    ]);
  });

  test('is cancelled for one who waits for a row, too', async () => {
    await run("INSERT INTO wallet VALUES (1, 'x')");
    const watch = await watching();
    const executor = await beginIn(EXECUTOR, "UPDATE wallet SET address = 'y'");
    const app = await connect();
    const updating = app.query("UPDATE wallet SET address = 'z' WHERE id = 1");
    await expect(executor.query('SELECT pg_sleep(5)')).rejects.toMatchObject(CANCELLED);
    expect(watch.takeBreach()).toMatchObject({ waiter: { pid: app.backendPid }, relation: 'wallet' });
    await executor.query('ROLLBACK');
    await updating;
  });

  test('is cancelled whatever the migration makes of its name, where its backend is followed', async () => {
    const watch = await watching();
    const executor = await beginIn(EXECUTOR, LOCK);
    await executor.query('SET application_name TO nobody');
    watch.follow(executor.backendPid);
    const reading = (await connect()).query('SELECT FROM wallet');
    await expect(executor.query('SELECT pg_sleep(5)')).rejects.toMatchObject(CANCELLED);
    await executor.query('ROLLBACK');
    await reading;
  });

  test('is not there to cancel between two statements: then the breach is only told', async () => {
    const watch = await watching();
    const executor = await beginIn(EXECUTOR, LOCK);
    const reading = (await connect()).query('SELECT FROM wallet');
    let breach = watch.takeBreach();
    for (; breach === undefined; breach = watch.takeBreach()) await clock.sleep(20);
    expect(breach).toMatchObject({ ourPid: executor.backendPid, ourQuery: LOCK });
    await executor.query('COMMIT');
    await reading;
  });

  test('is cancelled where it only queues itself and has no limit of its own', async () => {
    const watch = await watching();
    const holder = await beginIn('report', 'SELECT FROM wallet');
    const executor = await connect(EXECUTOR);
    const locking = executor.query('ALTER TABLE wallet ADD COLUMN a int');
    const isCancelled = expect(locking).rejects.toMatchObject(CANCELLED);
    await untilWaits(executor);
    const reading = timed((await connect()).query('SELECT FROM wallet'));
    await isCancelled;
    expect(await reading).toBeLessThan(BOUND_MS);
    expect(watch.takeBreach()).toMatchObject({ relation: 'wallet', ourPid: executor.backendPid });
    expect(watch.takeBlockers()).toMatchObject([{ pid: holder.backendPid, applicationName: 'report' }]);
  });

  test('is cancelled though the watch lost its session meanwhile', async () => {
    const watch = await watching();
    await run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'godwit watch'",
    );
    const executor = await beginIn(EXECUTOR, LOCK);
    const reading = (await connect()).query('SELECT FROM wallet');
    await expect(executor.query('SELECT pg_sleep(10)')).rejects.toMatchObject(CANCELLED);
    await executor.query('ROLLBACK');
    expect(watch.takeBreach()).toBeDefined();
    await reading;
  });

  test('is cancelled for other roles, too, whose sessions an ordinary role cannot look into', async () => {
    await run(
      `DROP ROLE IF EXISTS migrator; CREATE ROLE migrator LOGIN PASSWORD 'm'; ALTER TABLE wallet OWNER TO migrator`,
    );
    const database = as('migrator');
    const watch = await watching({ database });
    const executor = await database.connect({ applicationName: EXECUTOR });
    await executor.query(`BEGIN; ${LOCK}`);
    const app = await connect('shop');
    const reading = app.query('SELECT FROM wallet');
    await expect(executor.query('SELECT pg_sleep(5)')).rejects.toMatchObject(CANCELLED);
    await executor.close();
    await reading;
    expect(watch.takeBreach()).toMatchObject({
      waiter: { pid: app.backendPid, applicationName: 'shop' },
      relation: 'wallet',
    });
    expect(watch.vitals()).toMatchObject({ connections: expect.any(Number) });
    expect(watch.vitals()?.connections).toBeGreaterThanOrEqual(3);
  });

  test('takes the next statement with it where the executor has not asked yet, but not its ROLLBACK', async () => {
    const watch = await watching();
    const executor = await beginIn(EXECUTOR, LOCK);
    const reading = (await connect()).query('SELECT FROM wallet');
    await clock.sleep(BUDGET_MS + 200);
    await expect(executor.query('SELECT pg_sleep(5)')).rejects.toMatchObject(CANCELLED);
    await executor.query('ROLLBACK');
    expect(watch.takeBreach()).toMatchObject({ relation: 'wallet' });
    await reading;
  });
});

function as(user: string): Database {
  const { host, port, database } = wallet.database.address;
  return new PgDatabase({ host, port, database, user, password: 'm' });
}

describe('what runs for long is left alone', () => {
  test('where nobody waits for it', async () => {
    const watch = await watching({ budgetMs: 50 });
    const executor = await beginIn(EXECUTOR, LOCK);
    await executor.query('SELECT pg_sleep(0.6)');
    await executor.query('COMMIT');
    expect(watch.takeBreach()).toBeUndefined();
    expect(await watch.stop()).toMatchObject({ worstBlockingMs: 0, worst: undefined, blockings: [] });
  });

  test('where those who wait, wait for somebody else', async () => {
    await run('CREATE TABLE other (a int)');
    const watch = await watching({ budgetMs: 50 });
    const holder = await beginIn('report', LOCK);
    const executor = await beginIn(EXECUTOR, 'LOCK TABLE other IN ACCESS EXCLUSIVE MODE');
    const reading = (await connect()).query('SELECT FROM wallet');
    await executor.query('SELECT pg_sleep(0.6)');
    await executor.query('COMMIT');
    expect(watch.takeBreach()).toBeUndefined();
    expect((await watch.stop()).blockings).toEqual([]);
    await holder.query('COMMIT');
    await reading;
  });

  test('where somebody who had waited long for another came to wait for us but now', async () => {
    const watch = await watching({ budgetMs: 600 });
    const middle = await beginIn('app', 'LOCK TABLE wallet IN ROW EXCLUSIVE MODE');
    await run('CREATE TABLE other (a int)');
    const late = await beginIn('app', 'SELECT 1');
    const locking = late.query(LOCK);
    await untilWaits(late);
    await clock.sleep(1_000);
    const executor = await beginIn(EXECUTOR, 'LOCK TABLE other IN ACCESS EXCLUSIVE MODE');
    const blocked = middle.query('SELECT FROM other');
    await executor.query('SELECT pg_sleep(0.3)');
    await executor.query('COMMIT');
    await blocked;
    await middle.query('COMMIT');
    await locking;
    await late.query('COMMIT');
    expect(watch.takeBreach()).toBeUndefined();
    expect((await watch.stop()).worstBlockingMs).toBeLessThan(1_000);
  });

  test('where it must not be cut short', async () => {
    const watch = await watching({ budgetMs: 50 });
    watch.attention('observe');
    const executor = await beginIn(EXECUTOR, LOCK);
    const reading = (await connect()).query('SELECT FROM wallet');
    await executor.query('SELECT pg_sleep(0.5)');
    await executor.query('COMMIT');
    await reading;
    expect(watch.takeBreach()).toBeUndefined();
    expect((await watch.stop()).worstBlockingMs).toBeGreaterThan(200);
  });

  test('where it belongs to another run, or to the application', async () => {
    const watch = await watching({ budgetMs: 50 });
    const other = await beginIn(`${EXECUTOR}-2`, LOCK);
    const reading = (await connect()).query('SELECT FROM wallet');
    await other.query('SELECT pg_sleep(0.5)');
    await other.query('COMMIT');
    await reading;
    expect(watch.takeBreach()).toBeUndefined();
    expect((await watch.stop()).worstBlockingMs).toBe(0);
  });

  test('where only another executor waits for its turn', async () => {
    const watch = await watching({ budgetMs: 50 });
    const executor = await beginIn(EXECUTOR, 'SELECT pg_advisory_lock(72707369)');
    const prisma = await connect('prisma');
    const waiting = prisma.query('SELECT pg_advisory_lock(72707369)');
    await executor.query('SELECT pg_sleep(0.4)');
    await executor.query('COMMIT');
    await executor.query('SELECT pg_advisory_unlock_all()');
    await waiting;
    expect(watch.takeBreach()).toBeUndefined();
    expect((await watch.stop()).worstBlockingMs).toBe(0);
  });
});
