import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import type { Finding } from '../../lambda/domain/finding';
import { DEFAULT_POLICY, type Policy } from '../../lambda/domain/run';
import { createRun, Journal } from '../../lambda/journal/journal';
import { migrate } from '../../lambda/migrate/executor';
import type { StepContext } from '../../lambda/steps/context';
import { preflight } from '../../lambda/steps/preflight';
import { newSchemaEngine, projectOf } from '../support/prisma-engine';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const clients: Client[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'godwit-preflight-'));
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
  await rm(folder, { recursive: true, force: true });
});

/** A session of an application that prepares its query once, and what each use of it ends in. */
async function application(): Promise<() => Promise<string>> {
  const client = new Client({ connectionString: await wallet.database.connectionString() });
  clients.push(client);
  await client.connect();
  return () =>
    client.query({ name: 'address', text: 'SELECT address FROM wallet WHERE id = $1', values: [1] }).then(
      () => 'answered',
      (error: unknown) => (error as { code: string }).code,
    );
}

/** What Preflight says of a database in which `before` is applied and `pending` is not. */
async function preflightOf(
  before: string,
  pending: Readonly<Record<string, string>>,
  policy: Partial<Policy> = {},
) {
  const applied = { '1_before': before };
  expect(await migrate(wallet.request('', { migrations: projectOf('', applied).migrations }))).toMatchObject({
    outcome: 'applied',
  });
  const store = new FileObjectStore(folder);
  await createRun(store, {
    runId: 'run-1',
    requestedAt: clock.now().toISOString(),
    requestedBy: 'me',
    database: 'test',
    project: projectOf('datasource db {\n  provider = "postgresql"\n}\n', { ...applied, ...pending }),
    policy: { ...DEFAULT_POLICY, rehearse: false, ...policy },
  });
  const none = new Proxy({}, { get: () => () => undefined }) as never;
  const context: StepContext = {
    database: wallet.database,
    recovery: undefined,
    endpoint: undefined,
    capacity: undefined,
    store,
    engine: newSchemaEngine(),
    notifier: none,
    metrics: none,
    clock,
    progress: { report: () => undefined },
    owner: 'me',
    isOwnerGone: () => false,
    signal: new AbortController().signal,
    stepTimeMs: 60_000,
  };
  await preflight(context, { runId: 'run-1' });
  const record = (await Journal.open(store, 'run-1')).record('Preflight');
  return { findings: record?.findings ?? [], pending: record?.pending ?? [] };
}

const warnings = (findings: readonly Finding[]) =>
  findings.filter(({ id }) => id === 'prepared-statements-fail-once');

const TABLE = 'CREATE TABLE asset (id int PRIMARY KEY, note varchar(10), "Amount ""€""" numeric(10, 2));';

test("a change of a column's type fails the prepared statements of sessions that are connected, and of no others", async () => {
  await wallet.run("INSERT INTO wallet VALUES (1, '0x')");
  const connected = await application();
  expect(await connected()).toBe('answered');
  await migrate(wallet.request('ALTER TABLE wallet ADD COLUMN note text'));
  expect(await connected()).toBe('answered');
  const wider = { ...wallet.request('ALTER TABLE wallet ALTER COLUMN address TYPE varchar') };
  const [migration] = wider.migrations;
  if (migration === undefined) throw new Error('no migration');
  await migrate({ ...wider, migrations: [{ ...migration, name: '2_type' }] });
  expect(await connected()).toBe('0A000');
  const later = await application();
  expect(await later()).toBe('answered');
});

test('Preflight warns of each column whose type a pending migration changes', async () => {
  const { findings } = await preflightOf(TABLE, {
    '2_add': 'ALTER TABLE asset ADD COLUMN x int;',
    '3_types':
      'SELECT 1;\nALTER TABLE asset ALTER COLUMN note TYPE varchar(20), ALTER COLUMN "Amount ""€""" TYPE numeric(12, 2);',
  });
  expect(warnings(findings)).toEqual([
    expect.objectContaining({
      severity: 'warning',
      migration: '3_types',
      statement: 2,
      line: 2,
      subject: 'public.asset.note',
    }),
    expect.objectContaining({ subject: 'public.asset."Amount ""€"""' }),
  ]);
});

test('Preflight warns of none where a type stays the same, or its table comes with the migrations', async () => {
  const { findings } = await preflightOf(TABLE, {
    '2_same': 'ALTER TABLE asset ALTER COLUMN note TYPE varchar(10);',
    '3_new': 'CREATE TABLE fresh (id int); ALTER TABLE fresh ALTER COLUMN id TYPE bigint;',
  });
  expect(warnings(findings)).toEqual([]);
});

test('the phase of a migration is judged by what is there before it', async () => {
  const pending = {
    '2_new': 'CREATE TABLE fresh (id int); ALTER TABLE fresh ADD CHECK (id > 0); DROP INDEX IF EXISTS x;',
    '3_refusing': 'ALTER TABLE asset ADD CHECK (id > 0);',
    '4_more': 'ALTER TABLE asset ADD COLUMN y int;',
  };
  expect((await preflightOf(TABLE, pending, { phase: 'expand' })).pending).toEqual(['2_new']);
});
