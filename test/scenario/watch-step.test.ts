/** The Migrate step on a real server: what its watch leaves in the journal, what it tells, and how it is stopped. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { checksumOf } from '../../lambda/domain/migration';
import { abortKey } from '../../lambda/domain/question';
import { DEFAULT_POLICY, type Policy } from '../../lambda/domain/run';
import type { ProgressEvent, StatementProgress } from '../../lambda/domain/step';
import { createRun, Journal } from '../../lambda/journal/journal';
import type { StepContext } from '../../lambda/steps/context';
import { migrateStep } from '../../lambda/steps/migrate';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { connect, run, indexes, ledger } = wallet;

const RUN_ID = 'run-20260131-120000-abcd';
const MIGRATION = '1_test';
const INDEX = 'CREATE INDEX CONCURRENTLY wallet_address ON wallet (address);';

let root: string;
let store: FileObjectStore;
let told: ProgressEvent[];
let atEvent: (event: StatementProgress) => void;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-watch-'));
  store = new FileObjectStore(root);
  told = [];
  atEvent = () => undefined;
});
afterEach(() => rm(root, { recursive: true, force: true }));

const unused = (port: string): never =>
  new Proxy(
    {},
    {
      get: () => {
        throw new Error(`${port} is not for this test`);
      },
    },
  ) as never;

const context = (): StepContext => ({
  database: wallet.database,
  recovery: undefined,
  endpoint: undefined,
  capacity: undefined,
  store,
  engine: unused('engine'),
  notifier: unused('notifier'),
  metrics: { record: () => undefined },
  clock,
  progress: {
    report: (event) => {
      told.push(event);
      if (event.type === 'statement') atEvent(event);
    },
  },
  owner: 'test',
  isOwnerGone: () => false,
  signal: new AbortController().signal,
  stepTimeMs: 600_000,
});

/** Answers the Migrate step's checkpoint, and its entry in the journal. */
async function migrated(sql: string, policy: Partial<Policy> = {}) {
  await createRun(store, {
    runId: RUN_ID,
    requestedAt: clock.now().toISOString(),
    requestedBy: 'me',
    database: 'db',
    project: {
      schema: '',
      lockfile: undefined,
      migrations: [{ name: MIGRATION, sql, downSql: undefined, checksum: checksumOf(sql) }],
      invariants: [],
    },
    policy: { ...DEFAULT_POLICY, lockGiveUpMs: 20_000, ...policy },
  });
  const journal = await Journal.open(store, RUN_ID);
  await journal.append({
    type: 'checkpoint',
    at: clock.now().toISOString(),
    step: 'Preflight',
    phase: 'Preflight',
    verdict: 'passed',
    route: 'passed',
    message: '',
    record: { pending: [MIGRATION], findings: [], checklist: [], databaseBytes: 0 },
  });
  await migrateStep(context(), { runId: RUN_ID });
  await journal.refresh();
  const part = journal.entries.find((entry) => entry.type === 'statements');
  return { checkpoint: journal.checkpoint('Migrate'), part, record: journal.record('Migrate') };
}

const abort = (): Promise<unknown> => store.putIfAbsent(abortKey(RUN_ID), '{}');

/** An old snapshot holds up the build in its last phase, and keeps nobody else from anything. */
async function snapshotThatHoldsUpBuilds() {
  const session = await connect('report');
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await session.query('SELECT 1');
  return session;
}

test('who waited, for what, at which statement, and a series are in the journal', async () => {
  const reader = await connect('it\'s "the shop"');
  let reading: Promise<unknown> | undefined;
  atEvent = ({ statement, status }) => {
    if (statement === 2 && status === 'started') reading ??= reader.query('SELECT FROM wallet');
  };
  const sql = "ALTER TABLE wallet ADD COLUMN a int;\nSELECT pg_sleep(0.5);\nCREATE ROLE x PASSWORD 'hidden';";
  const { checkpoint, part } = await migrated(sql, { maxBlockingMs: 5_000 });
  await reading;
  await run('DROP ROLE IF EXISTS x');
  expect(checkpoint).toMatchObject({ verdict: 'passed' });
  expect(part).toMatchObject({
    watch: { blockings: [{ relation: 'wallet', applicationName: 'it\'s "the shop"' }] },
  });
  expect(part?.watch?.blockings[0]?.statement).toContain(`${MIGRATION}, line `);
  expect(part?.watch?.series.length).toBeGreaterThan(0);
  expect(JSON.stringify(part)).not.toContain('hidden');
});

test('a statement that would break the budget is cancelled, and the application waits no longer', async () => {
  const reader = await connect('shop');
  let waitedMs: Promise<number> | undefined;
  atEvent = ({ statement, status }) => {
    if (statement !== 2 || status !== 'started' || waitedMs !== undefined) return;
    const askedAt = performance.now();
    waitedMs = reader.query('SELECT FROM wallet').then(() => performance.now() - askedAt);
  };
  const sql = 'ALTER TABLE wallet ADD COLUMN a int;\nSELECT pg_sleep(5);';
  const { checkpoint, part } = await migrated(sql, { maxBlockingMs: 300 });
  expect(await waitedMs).toBeLessThan(900);
  expect(checkpoint).toMatchObject({ verdict: 'failed' });
  expect(part?.worstBlockingMs).toBeGreaterThanOrEqual(200);
  expect(await ledger()).toMatchObject([{ finishedAt: undefined }]);
});

test('the progress of an index build is told while it lasts', async () => {
  const old = await snapshotThatHoldsUpBuilds();
  atEvent = ({ status }) => {
    if (status === 'progress') void old.query('COMMIT');
  };
  expect((await migrated(INDEX)).checkpoint).toMatchObject({ verdict: 'passed' });
  expect(told).toContainEqual({
    type: 'statement',
    step: 'Migrate',
    migration: MIGRATION,
    statement: 1,
    of: 1,
    line: 1,
    sql: INDEX.replace(';', ''),
    status: 'progress',
    message: 'waiting for old snapshots, 0 of 1 done',
    done: 0,
    total: 1,
    unit: 'sessions',
  });
});

describe('a run that is told to stop from outside', () => {
  test('in the middle of an atomic file leaves nothing of it, and says so', async () => {
    atEvent = ({ statement, status }) => {
      if (statement === 2 && status === 'started') void abort();
    };
    const { checkpoint, record } = await migrated('CREATE TABLE first (a int);\nSELECT pg_sleep(30);');
    expect(checkpoint).toMatchObject({
      verdict: 'failed',
      message: `stopped by a person after 0 of the migrations; nothing of ${MIGRATION} took effect`,
    });
    expect(record).toMatchObject({ aborted: true, failure: { atomic: true, statementsDone: 0 } });
    expect(await ledger()).toEqual([]);
    await expect(run('TABLE first')).rejects.toMatchObject({ sqlState: '42P01' });
  });

  test('during CREATE INDEX CONCURRENTLY leaves no invalid index', async () => {
    const old = await snapshotThatHoldsUpBuilds();
    atEvent = ({ statement, status }) => {
      if (statement === 2 && status === 'started') void abort();
    };
    const { checkpoint } = await migrated(`CREATE TABLE first (a int);\n${INDEX}`);
    expect(checkpoint?.message).toContain(`of ${MIGRATION} the first 1 of its statements took effect`);
    expect(await indexes()).toEqual([]);
    await old.query('COMMIT');
  });
});
