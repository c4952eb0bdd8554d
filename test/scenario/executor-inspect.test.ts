import { checksumOf, type Migration } from '../../lambda/domain/migration';
import { migrate, runDown } from '../../lambda/migrate/executor';
import { type Inspection, inspectMigration } from '../../lambda/migrate/inspect';
import { useExecutorProcesses } from '../support/executor-process';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const startProcess = useExecutorProcesses();

/** Each call of `gate` lasts as long as a test holds the advisory lock. */
const GATE = `
  CREATE FUNCTION gate(value int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    WHILE NOT pg_try_advisory_xact_lock_shared(7) LOOP PERFORM pg_sleep(0.02); END LOOP;
    RETURN value;
  END $$;
  INSERT INTO wallet VALUES (1)`;
const LONG = [
  '-- godwit:stepwise because one statement takes long',
  'INSERT INTO wallet VALUES (2);',
  'CREATE INDEX wallet_gate ON wallet (gate(id));',
  'INSERT INTO wallet VALUES (3);',
].join('\n');

const requestOf = (sql: string, downSql?: string) => {
  const migration: Migration = { name: '1_long', sql, downSql, checksum: checksumOf(sql) };
  return { ...wallet.request(sql, { runId: 'run-long' }), migrations: [migration] };
};

const inspect = (sql: string, runId?: string): Promise<Inspection> =>
  inspectMigration({
    database: wallet.database,
    migration: { name: '1_long', checksum: checksumOf(sql) },
    ...(runId === undefined ? {} : { runId }),
  });

async function inspectedUntil(sql: string, isIt: (inspection: Inspection) => boolean): Promise<Inspection> {
  for (;;) {
    const inspection = await inspect(sql);
    if (isIt(inspection)) return inspection;
    await clock.sleep(50);
  }
}

const closeGate = async () => {
  await wallet.run(GATE);
  const keeper = await wallet.connect('keeper');
  await keeper.query('SELECT pg_advisory_lock(7)');
  return { open: () => keeper.query('SELECT pg_advisory_unlock(7)') };
};

describe('a migration that another process applies', () => {
  test('is seen from outside at its long statement, with what the server tells of it, and until it is finished', async () => {
    const gate = await closeGate();
    expect(await inspect(LONG)).toEqual({ state: 'not-begun' });
    const { outcome } = await startProcess(requestOf(LONG));
    const running = await inspectedUntil(
      LONG,
      // Who holds the lock is asked first: between two statements then, and in the middle of one when the build is.
      (seen) => seen.state === 'running' && seen.build !== undefined && seen.activeSince !== undefined,
    );
    expect(running).toMatchObject({
      state: 'running',
      pid: expect.any(Number),
      since: expect.any(Date),
      activeSince: expect.any(Date),
      statementsDone: 1,
      statement: 2,
      build: { phase: expect.stringContaining('building index') },
    });
    expect(await inspect(LONG, 'run-long')).toMatchObject({ state: 'running' });
    // The lock is held, and not by this run.
    expect(await inspect(LONG, 'run-other')).toMatchObject({ state: 'interrupted', statement: 2 });
    await gate.open();
    expect(await outcome).toMatchObject({ outcome: 'applied', applied: ['1_long'] });
    expect(await inspect(LONG)).toEqual({ state: 'finished', at: expect.any(Date) });
  });

  test('counts as running after a kill for as long as its backend works, then as interrupted, and goes on', async () => {
    const gate = await closeGate();
    const { child, outcome } = await startProcess(requestOf(LONG));
    await inspectedUntil(LONG, (seen) => seen.state === 'running' && seen.statement === 2);
    child.kill('SIGKILL');
    expect(await outcome).toBeUndefined();
    const left = await inspectedUntil(LONG, (seen) => seen.state !== 'running');
    expect(left).toEqual({ state: 'interrupted', statementsDone: 1, statement: 2, reason: undefined });
    await gate.open();
    expect(await migrate(requestOf(LONG))).toMatchObject({ outcome: 'applied' });
    expect(await inspect(LONG)).toMatchObject({ state: 'finished' });
  });

  test('runs, of an atomic file, as long as the lock is held, and shows nothing of it before', async () => {
    const atomic = 'INSERT INTO wallet SELECT gate(2)';
    const gate = await closeGate();
    const { outcome } = await startProcess(requestOf(atomic));
    const running = await inspectedUntil(atomic, (seen) => seen.state === 'running');
    expect(running).toMatchObject({ statementsDone: 0, statement: undefined });
    await gate.open();
    expect(await outcome).toMatchObject({ outcome: 'applied' });
    expect(await inspect(atomic)).toMatchObject({ state: 'finished' });
  });
});

describe('a migration at which nobody works', () => {
  test('is rolled back, with the reason, where it failed as a whole', async () => {
    const failing = 'INSERT INTO wallet VALUES (1);\nSELECT 1 / 0';
    await migrate(requestOf(failing));
    expect(await inspect(failing)).toMatchObject({
      state: 'rolled-back',
      reason: expect.stringContaining('division by zero'),
    });
  });

  test('is interrupted, with the reason, where one of its statements failed', async () => {
    const failing = '-- godwit:stepwise because it fails\nINSERT INTO wallet VALUES (1);\nSELECT 1 / 0';
    await migrate(requestOf(failing));
    expect(await inspect(failing)).toMatchObject({
      state: 'interrupted',
      statementsDone: 1,
      statement: 2,
      reason: expect.stringContaining('division by zero'),
    });
  });

  test('is rolled back where its down script took it back', async () => {
    const { migrations, ...common } = requestOf('INSERT INTO wallet VALUES (1)', 'DELETE FROM wallet');
    await migrate({ ...common, migrations });
    for (const migration of migrations) await runDown({ ...common, migration });
    expect(await inspect('INSERT INTO wallet VALUES (1)')).toMatchObject({
      state: 'rolled-back',
      reason: undefined,
    });
  });

  test('has not begun on a database that knows neither ledger nor journal', async () => {
    expect(await inspect(LONG)).toEqual({ state: 'not-begun' });
  });
});
