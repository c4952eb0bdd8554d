/** What a restored instance must hold before it takes the place of the other. */

import { pictureCatalog } from '../../lambda/checks/catalog';
import { readContents } from '../../lambda/checks/table-content';
import { DEFAULT_POLICY, type PhaseRecords } from '../../lambda/domain/run';
import { createRun, Journal } from '../../lambda/journal/journal';
import { type Database, withSession } from '../../lambda/ports/database';
import type { Recovery } from '../../lambda/ports/recovery';
import type { SchemaEngine } from '../../lambda/ports/schema-engine';
import { baseline } from '../../lambda/steps/baseline';
import { keepProof } from '../../lambda/steps/proof';
import { validateRestored } from '../../lambda/steps/validate';
import { PASSED, RUN, useSteps, WAITING } from '../support/steps';
import { useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const steps = useSteps();
const POINT = `before-${RUN}`;

const recovery = { openInstance: async () => wallet.database } as unknown as Recovery;
const engine = { diagnose: async () => ({ failed: [] }) } as unknown as SchemaEngine;

const read = <T>(work: Parameters<typeof withSession<T>>[2]): Promise<T> =>
  withSession(wallet.database, { applicationName: 'test', readOnly: true }, work);

/** The wallet's database stands for the restored instance. */
async function validated(): Promise<{ readonly verdict: string; readonly message: string | undefined }> {
  const record: PhaseRecords['Snapshot'] = { restorePoint: POINT, at: steps.now.toISOString() };
  await steps.enter('InspectSnapshot', async () => ({ verdict: 'passed', message: 'done', record }));
  const { verdict } = await validateRestored(steps.context({ recovery, engine }), { runId: RUN });
  const { message } = (await Journal.open(steps.store, RUN)).checkpoint('ValidateRestored') ?? {};
  return { verdict, message };
}

async function proveAsItIs(): Promise<void> {
  await wallet.run(`INSERT INTO wallet SELECT n, 'address ' || n FROM generate_series(1, 100) AS n`);
  const [catalog, contents] = [await read(pictureCatalog), await read(readContents)];
  await keepProof(steps.store, {
    restorePoint: POINT,
    asOf: steps.now.toISOString(),
    catalog,
    contents,
    readings: {},
  });
}

test('holding exactly what the restore point held, it passes', async () => {
  await proveAsItIs();
  expect(await validated()).toMatchObject({ verdict: 'passed' });
});

test.each([
  ['a changed value', `UPDATE wallet SET address = 'another' WHERE id = 7`],
  ['a lost row', 'DELETE FROM wallet WHERE id = 7'],
  ['one row more', `INSERT INTO wallet VALUES (101, 'new')`],
])('with %s it fails, and the table is named', async (_, harm) => {
  await proveAsItIs();
  await wallet.run(harm);
  const { verdict, message } = await validated();
  expect(verdict).toBe('failed');
  expect(message).toContain(
    'public.wallet: the rows on the restored instance are not those of the restore point',
  );
});

test('with another schema it fails', async () => {
  await proveAsItIs();
  await wallet.run('CREATE INDEX ON wallet (address)');
  expect(await validated()).toMatchObject({
    verdict: 'failed',
    message: expect.stringContaining('left index'),
  });
});

test('without a proof and without readings from before, nobody can tell', async () => {
  expect(await validated()).toMatchObject({ verdict: 'indeterminate' });
});

describe('without a proof, or where a snapshot had to do, it is an earlier state than the one read before the migration', () => {
  const LIVE = 'run-20260131-130000-ffff';
  const TABLES = `CREATE TABLE moved (wallet int, amount int, at timestamp);
    CREATE TABLE price (id int, at timestamp)`;
  /** The application writes all day; prices, which no column tells the time of their row's last change, are only added. */
  const invariants = [
    {
      file: 'totals.sql',
      sql: `-- invariant: Totals
-- key: wallet
-- written: at
SELECT wallet, sum(amount) AS amount, max(at) AS at FROM moved GROUP BY wallet`,
    },
    {
      file: 'prices.sql',
      sql: `-- invariant: Prices
-- key: kind
SELECT 'all' AS kind, count(*) AS prices FROM price
 WHERE at < current_setting('godwit.as_of')::timestamp - interval '1 minute'`,
    },
    {
      file: 'positive.sql',
      sql: `-- invariant: Nothing is negative
-- expect: none
-- key: wallet
SELECT wallet FROM moved WHERE amount < 0`,
    },
  ];
  let serving: Database;

  /** What the restored instance holds; the serving one has gone on for ten minutes. */
  beforeEach(async () => {
    serving = await wallet.server.freshDatabase();
    const atSnapshot = `INSERT INTO moved VALUES (1, 10, '2026-01-31 11:00'), (2, 20, '2026-01-31 11:30'), (4, 40, '2026-01-31 11:10');
      INSERT INTO price SELECT n, '2026-01-31 11:00' FROM generate_series(1, 5) n`;
    await wallet.run(`${TABLES}; ${atSnapshot}`);
    await onServing(`CREATE TABLE wallet (id int PRIMARY KEY, address text); ${TABLES}; ${atSnapshot}`);
  });

  const onServing = (sql: string) =>
    withSession(serving, { applicationName: 'application' }, (session) => session.query(sql));

  const APPLICATION = `INSERT INTO moved VALUES (1, 5, '2026-01-31 12:04'), (3, -30, '2026-01-31 12:05');
    INSERT INTO price SELECT n, '2026-01-31 12:05' FROM generate_series(6, 9) n`;

  /** Snapshot, ten minutes of the application, Baseline, and the restore of that very snapshot. */
  async function validatedLive(restored: Partial<PhaseRecords['Restore']> = {}) {
    const project = { schema: '', lockfile: undefined, migrations: [], invariants };
    const { now } = steps;
    await createRun(steps.store, {
      runId: LIVE,
      requestedAt: now.toISOString(),
      requestedBy: 'me',
      database: 'live',
      project,
      policy: DEFAULT_POLICY,
    });
    const input = { runId: LIVE };
    await steps.enter('BeginSnapshot', async () => WAITING, input);
    const snapshot = { restorePoint: POINT, at: now.toISOString() };
    await steps.enter('InspectSnapshot', async () => ({ ...PASSED, record: snapshot }), input);
    await onServing(APPLICATION);
    steps.pass(600_000);
    const context = steps.context({ recovery, engine, database: serving });
    expect(await baseline(context, input)).toMatchObject({ verdict: 'passed' });
    const record = { instance: 'restored', ...restored };
    await steps.enter('InspectRestore', async () => ({ ...PASSED, record }), input);
    const { verdict } = await validateRestored(context, input);
    const { message } = (await Journal.open(steps.store, LIVE)).checkpoint('ValidateRestored') ?? {};
    return { verdict, message };
  }

  const LOST = { from: '2026-01-31T12:00:00.000Z', to: '2026-01-31T12:09:00.000Z' };

  test('what the application wrote meanwhile is no difference', async () => {
    expect(await validatedLive()).toEqual({ verdict: 'passed', message: '3 invariants held' });
  });

  test('a proof of the restore point is no measure of the snapshot, which passes without it', async () => {
    await proveAsItIs();
    await wallet.run('DELETE FROM wallet');
    expect(await validatedLive({ lost: LOST })).toMatchObject({ verdict: 'passed' });
  });

  test.each([
    ['a changed amount', 'UPDATE moved SET amount = 11 WHERE wallet = 2', '2: amount 20 → 11'],
    [
      'an amount that is just as new',
      `UPDATE moved SET amount = 11, at = '2026-01-31 12:04' WHERE wallet = 1`,
      '1: amount 15 → 11',
    ],
    ['a lost wallet', 'DELETE FROM moved WHERE wallet = 4', '4: gone'],
    ['a lost price', 'DELETE FROM price WHERE id = 1', 'all: prices 5 → 4'],
    ['a wallet of nowhere', `INSERT INTO moved VALUES (7, 1, '2026-01-31 11:10')`, '7: new'],
    ['a rule that is broken', `UPDATE moved SET amount = -20 WHERE wallet = 2`, '2: amount 20 → -20'],
  ])('%s is one', async (_, harm, difference) => {
    await wallet.run(harm);
    const { verdict, message } = await validatedLive();
    expect(verdict).toBe('failed');
    expect(message).toContain(difference);
  });
});
