import { migrate } from '../../lambda/migrate/executor';
import { startLockWatch } from '../../lambda/migrate/watch/lock-watch';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { run, request } = wallet;

const VACUUMS_WALLET = `SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l USING (pid)
  WHERE a.backend_type = 'autovacuum worker' AND l.relation = 'wallet'::regclass AND l.mode = 'ShareUpdateExclusiveLock'`;

test('A worker of autovacuum on the table is made to leave without anybody having to wait', async () => {
  await run("ALTER SYSTEM SET autovacuum_naptime = '1s'");
  await run('SELECT pg_reload_conf()');
  // As slow as it gets, so that it is still at work when the migration comes.
  await run(
    `ALTER TABLE wallet SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
       autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)`,
  );
  await run("INSERT INTO wallet SELECT n, 'address ' || n FROM generate_series(1, 100000) n");
  await run('DELETE FROM wallet WHERE id % 3 = 0');
  while ((await run(VACUUMS_WALLET)).rowCount === 0) await clock.sleep(50);

  const watch = await startLockWatch({ database: wallet.database });
  let isDone = false;
  const application = (async () => {
    while (!isDone) {
      await run('SELECT count(*) FROM wallet WHERE id = 1');
      await clock.sleep(5);
    }
  })();
  const outcome = await migrate(request('ALTER TABLE wallet ADD COLUMN a int;', { giveUpAfterMs: 10_000 }));
  isDone = true;
  await application;
  expect(outcome).toMatchObject({ outcome: 'applied' });
  expect((await watch.stop()).worstBlockingMs).toBeLessThanOrEqual(100);
}, 60_000);
