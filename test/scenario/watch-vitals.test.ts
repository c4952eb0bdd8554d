import { type LockWatch, startLockWatch } from '../../lambda/migrate/watch/lock-watch';
import type { Vitals } from '../../lambda/migrate/watch/vitals';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { connect, run } = wallet;

const RUN_ID = 'run-1';
let watch: LockWatch | undefined;
const start = async (): Promise<LockWatch> => {
  watch = await startLockWatch({ database: wallet.database, runId: RUN_ID });
  return watch;
};
afterEach(() => watch?.stop());

async function vitalsWhere(isSo: (vitals: Vitals) => boolean): Promise<Vitals> {
  for (;;) {
    const vitals = watch?.vitals();
    if (vitals !== undefined && isSo(vitals)) return vitals;
    await clock.sleep(20);
  }
}

test('the vitals are read soon, and again and again', async () => {
  await start();
  const first = await vitalsWhere(() => true);
  expect(first).toMatchObject({ waiting: 0, longestWaitMs: 0, walBytes: 0, build: undefined });
  expect(first.roundTripMs).toBeGreaterThan(0);
  expect(first.maxConnections).toBeGreaterThanOrEqual(first.connections);
  expect(first.databaseBytes).toBeGreaterThan(1_000_000);
  expect([first.replicaLagMs, first.replicaLagBytes]).toEqual([undefined, undefined]);
  await vitalsWhere(({ at }) => at > first.at);
});

test('they tell of connections, of those at work, of WAL and of those who wait for the migration', async () => {
  await start();
  const { connections } = await vitalsWhere(() => true);
  const executor = await connect(`godwit migrate ${RUN_ID}`);
  await executor.query('BEGIN; LOCK TABLE wallet');
  const reading = (await connect()).query('SELECT FROM wallet');
  await run("SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))");
  const vitals = await vitalsWhere(({ waiting }) => waiting > 0);
  expect(vitals.connections).toBeGreaterThanOrEqual(connections + 2);
  expect(vitals.active).toBeGreaterThanOrEqual(1);
  expect((await vitalsWhere(({ walBytes }) => walBytes > 100_000)).longestWaitMs).toBeGreaterThan(0);
  await executor.query('COMMIT');
  await reading;
  await vitalsWhere(({ waiting }) => waiting === 0);
  const outcome = await watch?.stop();
  const peaks = outcome?.series.map((sample) => sample.longestWaitMs) ?? [];
  expect(Math.max(...peaks)).toBe(outcome?.worstBlockingMs);
  expect(outcome?.series.at(-1)?.walBytes).toBeGreaterThan(100_000);
});

test('they tell how far an index build of the executor is, and of nobody else’s', async () => {
  const writer = await connect();
  await writer.query("BEGIN; INSERT INTO wallet VALUES (1, 'x')");
  const executor = await connect(`godwit migrate ${RUN_ID}`);
  const stranger = await connect('dba');
  await run('CREATE TABLE other (a int)');
  const others = await connect();
  await others.query('BEGIN; INSERT INTO other VALUES (1)');
  const strange = stranger.query('CREATE INDEX CONCURRENTLY ON other (a)');
  await start();
  await vitalsWhere(() => true);
  await clock.sleep(600);
  expect(watch?.vitals()?.build).toBeUndefined();
  const building = executor.query('CREATE INDEX CONCURRENTLY ON wallet (address)');
  const { build } = await vitalsWhere((vitals) => vitals.build !== undefined);
  expect(build).toEqual({ phase: 'waiting for writers before build', done: 0, total: 1, unit: 'sessions' });
  await writer.query('COMMIT');
  await others.query('COMMIT');
  await Promise.all([building, strange]);
});

test('a watch of moments has a sample, too, and may be stopped again', async () => {
  const short = await start();
  const outcome = await short.stop();
  expect(outcome.series.length).toBeGreaterThan(0);
  expect(await short.stop()).toEqual(outcome);
});
