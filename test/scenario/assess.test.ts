/** What Migrate left in a real database, and what Assess says and does about it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { nextTransaction } from '../../lambda/checks/probes/write';
import { type WritesSought, writesSince } from '../../lambda/checks/writes-since';
import type { LostWrite } from '../../lambda/domain/lost-write';
import { checksumOf } from '../../lambda/domain/migration';
import { DEFAULT_POLICY, type PhaseRecords } from '../../lambda/domain/run';
import { createRun, Journal } from '../../lambda/journal/journal';
import { migrate } from '../../lambda/migrate/executor';
import { ensureLedger, startMigration } from '../../lambda/migrate/ledger';
import { withSession } from '../../lambda/ports/database';
import { assess } from '../../lambda/steps/assess';
import type { Step, StepContext } from '../../lambda/steps/context';
import { step } from '../../lambda/steps/enter';
import { migrateStep } from '../../lambda/steps/migrate';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const RUN = 'run-20260131-120000-abcd';
const NAME = '1_test';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-assess-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const notForThisTest = {} as never;

/** Migrate and Assess of one run with one migration; answers what Assess recorded. */
async function migratedAndAssessed(
  sql: string,
  { migrates = migrateStep, downSql }: { readonly migrates?: Step; readonly downSql?: string } = {},
): Promise<PhaseRecords['Assess'] | undefined> {
  const store = new FileObjectStore(root);
  const migration = { name: NAME, sql, downSql, checksum: checksumOf(sql) };
  await createRun(store, {
    runId: RUN,
    requestedAt: new Date().toISOString(),
    requestedBy: 'me',
    database: 'wallet',
    project: { schema: '', lockfile: undefined, migrations: [migration], invariants: [] },
    policy: { ...DEFAULT_POLICY, lockGiveUpMs: 600 },
  });
  const context: StepContext = {
    database: wallet.database,
    recovery: undefined,
    endpoint: undefined,
    capacity: undefined,
    store,
    engine: notForThisTest,
    notifier: notForThisTest,
    metrics: { record: () => undefined },
    clock,
    progress: { report: () => undefined },
    owner: 'me',
    isOwnerGone: () => false,
    signal: new AbortController().signal,
    stepTimeMs: 60_000,
  };
  const preflight = step('Preflight', async () => ({
    verdict: 'passed',
    message: 'done',
    record: { pending: [NAME] } as unknown as PhaseRecords['Preflight'],
  }));
  for (const each of [preflight, migrates, assess]) await each(context, { runId: RUN });
  return (await Journal.open(store, RUN)).record('Assess');
}

const ROWS = 1500;

describe('after a failed Migrate, Assess', () => {
  test('finds nothing to undo where nothing remained, and no row that Prisma would take for failed', async () => {
    const sql = '-- godwit:stepwise because of a test\nSELECT 1/0';
    expect(await migratedAndAssessed(sql)).toMatchObject({ rung: 'nothing-to-undo' });
    expect((await wallet.ledger()).filter(({ rolledBackAt }) => rolledBackAt === undefined)).toEqual([]);
  });

  test('does not call a backfill undone that wrote some of its rows, which a rerun then leaves as they are', async () => {
    await wallet.run(`ALTER TABLE wallet ADD visits int NOT NULL DEFAULT 0;
      INSERT INTO wallet SELECT n, 'a' FROM generate_series(1, ${ROWS}) n;
      ALTER TABLE wallet ADD CONSTRAINT late CHECK (visits = 0 OR id <> ${ROWS})`);
    const sql = '-- godwit:backfill\nUPDATE wallet SET visits = visits + 1';
    expect(await migratedAndAssessed(sql)).toMatchObject({ rung: 'hold' });
    await wallet.run('ALTER TABLE wallet DROP CONSTRAINT late');
    expect(await migrate(wallet.request(sql))).toMatchObject({ outcome: 'applied' });
    const { rows } = await wallet.run('SELECT visits, count(*)::int AS rows FROM wallet GROUP BY 1');
    expect(rows).toEqual([{ visits: 1, rows: ROWS }]);
  });

  test('leaves alone the row of another executor that is at work', async () => {
    const sql = 'CREATE TABLE made (id int)';
    const others = { name: NAME, checksum: checksumOf(sql) };
    const cameTooLate = step('Migrate', async (run) => {
      await withSession(run.database, { applicationName: 'prisma' }, async (session) =>
        startMigration(session, await ensureLedger(session), others, randomUUID()),
      );
      const record = { applied: [], statements: [], worstBlockingMs: 0, durationMs: 0 };
      return { verdict: 'failed', message: 'the database is being migrated by session 1', record };
    });
    expect(await migratedAndAssessed(sql, { migrates: cameTooLate })).toMatchObject({
      rung: 'nothing-to-undo',
    });
    expect(await wallet.ledger()).toMatchObject([{ rolledBackAt: undefined }]);
  });

  test('takes no down script that would undo in all rows what only half of the migration did', async () => {
    await wallet.run("CREATE TABLE other (name text); INSERT INTO other VALUES ('a')");
    const assessed = await migratedAndAssessed(
      `-- godwit:stepwise because of a test
       UPDATE wallet SET address = address || '!' WHERE id > 0; SELECT 1/0; UPDATE other SET name = name || '?' WHERE true`,
      { downSql: 'UPDATE other SET name = left(name, -1); UPDATE wallet SET address = left(address, -1)' },
    );
    expect(assessed).toMatchObject({ rung: 'hold' });
    expect(assessed?.plan).toContainEqual(
      expect.objectContaining({
        rung: 'down-script',
        reason: expect.stringContaining('took effect in part'),
      }),
    );
    expect((await wallet.run('SELECT name FROM other')).rows).toEqual([{ name: 'a' }]);
  });

  test('takes a down script after half of the migration where it only takes away what that made', async () => {
    const assessed = await migratedAndAssessed(
      '-- godwit:stepwise because of a test\nALTER TABLE wallet ADD remark text; CREATE INDEX ON wallet (nothing)',
      { downSql: 'ALTER TABLE wallet DROP remark' },
    );
    expect(assessed).toMatchObject({ rung: 'down-script', approval: 'not-needed' });
  });
});

describe('rows written since a migration', () => {
  const NOTES: LostWrite = { migration: NAME, table: '"noted"', column: 'note', how: 'dropped' };
  const sought: WritesSought = {
    lost: [NOTES],
    finished: undefined,
    begun: undefined,
    writtenByMigration: new Set(),
    absentIsEmpty: false,
  };
  const counted = (more: Partial<WritesSought>) =>
    withSession(wallet.database, { applicationName: 'test' }, async (session) =>
      (await writesSince(session, { ...sought, ...more })).map(({ rows }) => rows),
    );
  let begun: string;
  let finished: NonNullable<WritesSought['finished']>;

  beforeEach(async () => {
    await wallet.run(
      "CREATE TABLE noted (note text); CREATE TABLE rows_of (id text); INSERT INTO noted VALUES ('before')",
    );
    begun = await withSession(wallet.database, { applicationName: 'test' }, nextTransaction);
    await wallet.run("INSERT INTO noted VALUES ('meanwhile'), (NULL)");
    await wallet.run("INSERT INTO rows_of VALUES ('this')");
    finished = { ledger: 'rows_of', rowId: 'this' };
    await wallet.run("INSERT INTO noted VALUES ('after')");
  });

  test('are counted from its beginning where it took several transactions', async () => {
    expect(await counted({ begun, finished })).toEqual([2]);
    const whole = { migration: NAME, table: '"noted"', how: 'deleted' } as const;
    expect(await counted({ begun, lost: [NOTES, whole] })).toEqual([2, 3]);
  });

  test('are counted from its end where it wrote to the table itself, and are not known where it has none', async () => {
    const own = { begun, writtenByMigration: new Set(['noted']) };
    expect(await counted({ ...own, finished })).toEqual([1]);
    expect(await counted(own)).toEqual([undefined]);
    expect(await counted({ begun, writtenByMigration: 'any' })).toEqual([undefined]);
  });

  test('are none, or not known, in a place that is not there', async () => {
    const lost = [NOTES, { ...NOTES, column: 'nowhere' }, { ...NOTES, table: '"nothing"' }];
    expect(await counted({ begun, lost })).toEqual([2, undefined, undefined]);
    expect(await counted({ begun, lost, absentIsEmpty: true })).toEqual([2, 0, 0]);
  });
});
