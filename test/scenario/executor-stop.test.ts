import { AbortRequested } from '../../lambda/domain/errors';
import { migrate, type StatementEvent } from '../../lambda/migrate/executor';
import { acquireExecutorLock } from '../../lambda/migrate/executor-lock';
import type { Session } from '../../lambda/ports/database';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { connect, run, ledger, indexes, request } = wallet;

const ATOMIC = 'CREATE TABLE first (a int);\nALTER TABLE wallet ADD COLUMN a int;';
const INDEX = 'CREATE INDEX CONCURRENTLY wallet_address ON wallet (address);';

async function readInTransaction(applicationName = 'slow report'): Promise<Session> {
  const session = await connect(applicationName);
  await session.query('BEGIN');
  await session.query('SELECT * FROM wallet /* long */');
  return session;
}

describe('a run that is told to stop', () => {
  const aborting = (sql: string, at: (event: StatementEvent) => boolean) => {
    const controller = new AbortController();
    const onEvent = (event: StatementEvent): void => {
      if (at(event)) setTimeout(() => controller.abort(new AbortRequested('test')), 100);
    };
    return migrate(request(sql, { signal: controller.signal, onEvent, giveUpAfterMs: 20_000 }));
  };
  const isSecond = ({ statement, status }: StatementEvent): boolean =>
    statement === 2 && status === 'started';

  test('cancels what runs and leaves nothing of an atomic file', async () => {
    const startedAt = Date.now();
    const outcome = await aborting('CREATE TABLE first (a int); SELECT pg_sleep(30);', isSecond);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    expect(outcome).toMatchObject({
      outcome: 'aborted',
      inMigration: '1_test',
      statementsDone: 0,
      applied: [],
    });
    expect(await ledger()).toEqual([]);
    await expect(run('TABLE first')).rejects.toMatchObject({ sqlState: '42P01' });
  });

  test('keeps the finished statements of a stepwise file, removes its half index, and can go on', async () => {
    const old = await connect();
    await old.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await old.query('SELECT 1');
    const sql = `CREATE TABLE first (a int);\n${INDEX}`;
    expect(await aborting(sql, isSecond)).toMatchObject({ outcome: 'aborted', statementsDone: 1 });
    expect(await indexes()).toEqual([]);
    await old.query('COMMIT');
    expect(await migrate(request(sql))).toMatchObject({ outcome: 'applied' });
  });

  test('stops between two statements of a stepwise file, and the next run goes on there', async () => {
    const controller = new AbortController();
    const onEvent = ({ statement, status }: StatementEvent): void => {
      if (statement === 1 && status === 'finished') controller.abort(new AbortRequested('test'));
    };
    const sql = `CREATE TABLE first (a int);\n${INDEX}`;
    const outcome = await migrate(request(sql, { signal: controller.signal, onEvent }));
    expect(outcome).toMatchObject({ outcome: 'aborted', inMigration: '1_test', statementsDone: 1 });
    expect(await indexes()).toEqual([]);
    expect((await run('TABLE first')).rowCount).toBe(0);
    const rerun = await migrate(request(sql));
    expect(rerun).toMatchObject({ outcome: 'applied', statements: [{ statement: 2 }] });
    expect(await indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
  });

  test('stops while it waits for a lock', async () => {
    await readInTransaction();
    const waits = ({ status }: StatementEvent): boolean => status === 'waiting' || status === 'retrying';
    expect(await aborting(ATOMIC, waits)).toMatchObject({ outcome: 'aborted', statementsDone: 0 });
  });

  test('stops while it waits for another executor', async () => {
    await acquireExecutorLock(await connect(), { database: wallet.database, clock, waitMs: 0 });
    const signal = AbortSignal.timeout(200);
    expect(await migrate(request(ATOMIC, { signal }))).toMatchObject({
      outcome: 'aborted',
      statementsDone: 0,
    });
  });
});

describe('a deadline', () => {
  test('stops a stepwise file between two statements, and the next call goes on', async () => {
    let late = 0;
    const slow = { now: () => new Date(Date.now() + late), sleep: clock.sleep };
    const onEvent = ({ status }: StatementEvent): void => {
      if (status === 'finished') late = 60_000;
    };
    const sql = `CREATE TABLE first (a int);\n${INDEX}`;
    const deadline = new Date(Date.now() + 30_000);
    const outcome = await migrate(request(sql, { clock: slow, deadline, onEvent }));
    expect(outcome).toMatchObject({ outcome: 'waiting', applied: [], statements: { length: 1 } });
    expect(await migrate(request(sql))).toMatchObject({ outcome: 'applied', statements: { length: 1 } });
  });

  test('begins no atomic file when it has passed', async () => {
    expect(await migrate(request(ATOMIC, { deadline: new Date(0) }))).toMatchObject({
      outcome: 'waiting',
      statements: [],
    });
    expect(await ledger()).toEqual([]);
  });
});
