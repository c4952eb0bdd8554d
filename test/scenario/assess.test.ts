/** What Migrate left in a real database, and what Assess says and does about it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
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
  migrates: Step = migrateStep,
): Promise<PhaseRecords['Assess'] | undefined> {
  const store = new FileObjectStore(root);
  const migration = { name: NAME, sql, downSql: undefined, checksum: checksumOf(sql) };
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
    expect(await migratedAndAssessed(sql, cameTooLate)).toMatchObject({ rung: 'nothing-to-undo' });
    expect(await wallet.ledger()).toMatchObject([{ rolledBackAt: undefined }]);
  });
});
