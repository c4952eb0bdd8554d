/** What the stall benchmark measures with has to be right: an open loop, every request counted once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Load, nextRequest } from '../../bench/stall/load';
import { now, overlapping, scoreOf } from '../../bench/stall/score';
import { fill, INIT } from '../../bench/stall/tables';
import { Random } from '../../demo/application/random';
import { type Database, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';

const SIZES = { wallets: 100, balances: 1000 } as const;
const OPTIONS = { applicationName: 'test' } as const;

const server = useCluster({
  template: (database) =>
    withSession(database, OPTIONS, async (session) => {
      await session.query(INIT.sql);
      await fill(session, SIZES);
    }),
});

const startLoad = async (database: Database): Promise<Load> =>
  Load.start({ ...SIZES, url: await database.connectionString(), ratePerSecond: 200, poolSize: 4, seed: 1 });

const writesIn = (database: Database): Promise<number> =>
  withSession(database, OPTIONS, async (session) => {
    const { rows } = await session.query<{ writes: string }>(
      'SELECT sum("syncs") AS writes FROM "TokenBalance"',
    );
    return Number(rows[0]?.writes);
  });

test('requests go on falling due while all connections wait, and their waits count from when they were due', async () => {
  const database = await server.freshDatabase();
  const load = await startLoad(database);
  const blocker = await database.connect(OPTIONS);
  await sleep(200);
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE "TokenBalance" IN ACCESS EXCLUSIVE MODE');
  const from = now();
  await sleep(800);
  const waiting = scoreOf(overlapping(load.samples(), { from, to: now() }));
  const to = now();
  await blocker.query('COMMIT');
  await blocker.close();
  const samples = await load.stop();

  // Four connections would let four requests wait; the rest of a closed loop would never have been sent.
  expect(waiting.over100Ms).toBeGreaterThan(100);
  const during = samples.filter(({ dueAt }) => dueAt > from && dueAt <= to);
  expect(during.length).toBeGreaterThanOrEqual(Math.floor((to - from) / 5) - 1);
  expect(during.length).toBeLessThanOrEqual(Math.ceil((to - from) / 5) + 1);
  // Whoever fell due in the first fifth waited for the other four.
  const early = samples.filter(({ dueAt }) => dueAt > from && dueAt <= from + (to - from) / 5);
  expect(early.length).toBeGreaterThan(20);
  for (const { dueAt, endedAt } of early) expect(endedAt - dueAt).toBeGreaterThanOrEqual(to - dueAt);
  expect(scoreOf(samples).errors).toBe(0);
  expect(scoreOf(samples).worstMs).toBeGreaterThan(700);
  expect(await writesIn(database)).toBe(samples.filter(({ kind }) => kind === 'write').length);
});

test('what falls due while the load itself is held up is sent afterwards, and its wait counts from when it was due', async () => {
  const load = await startLoad(await server.freshDatabase());
  await sleep(100);
  const from = now();
  while (now() < from + 250);
  const to = now();
  await sleep(100);
  const due = (await load.stop()).filter(({ dueAt }) => dueAt > from && dueAt <= to);
  expect(due.length).toBeGreaterThanOrEqual(49);
  for (const { dueAt, endedAt } of due) expect(endedAt).toBeGreaterThanOrEqual(Math.max(to, dueAt));
  expect(scoreOf(due).worstMs).toBeGreaterThan(200);
});

test('it is the same requests in every run, in the promised shares', () => {
  const drawn = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 5000 }, () => nextRequest(random, SIZES));
  };
  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
  const share = (wanted: string) => drawn(7).filter(({ sql }) => sql.includes(wanted)).length / 5000;
  expect(share('sum(')).toBeCloseTo(0.6, 1);
  expect(share('ORDER BY')).toBeCloseTo(0.1, 1);
  expect(share('UPDATE')).toBeCloseTo(0.3, 1);
});

test('a request that fails is counted as an error, and one that hits no row as well', async () => {
  const database = await server.freshDatabase();
  await withSession(database, OPTIONS, (session) => session.query('DELETE FROM "TokenBalance"'));
  const load = await startLoad(database);
  await sleep(300);
  await withSession(database, OPTIONS, (session) => session.query('DROP TABLE "TokenBalance"'));
  await sleep(200);
  const samples = await load.stop();
  const errors = new Set(samples.map(({ error }) => error));
  expect(errors).toEqual(new Set([undefined, '0 rows updated', 'relation "TokenBalance" does not exist']));
});
