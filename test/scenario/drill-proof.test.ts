/** What a drill finds out, counts as proven, and keeps for the next one: its steps, on databases that stand for the recovered instance. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { verifyIndexes } from '../../lambda/checks/instance-structure';
import { DEFAULT_DRILL_TARGETS, type DrillRecord, judge } from '../../lambda/domain/drill';
import { type Database, withSession } from '../../lambda/ports/database';
import type { InstanceState, Recovery } from '../../lambda/ports/recovery';
import { drillSteps } from '../../lambda/steps/drill';
import { readRecord } from '../../lambda/steps/drill-book';
import { proveInstance } from '../../lambda/steps/drill-prove';
import type { DrillContext } from '../../lambda/steps/drill-step';
import { keepProof, readDrilled, readProof } from '../../lambda/steps/proof';
import { useCluster } from '../support/cluster';

const server = useCluster({
  template: (database) =>
    withSession(database, { applicationName: 'test' }, async (session) => {
      await session.query(`
        CREATE TABLE wallet (id serial PRIMARY KEY, code text UNIQUE);
        INSERT INTO wallet (code) SELECT 'code ' || n FROM generate_series(1, 20) n;
        CREATE SEQUENCE codes OWNED BY wallet.code;
        CREATE UNLOGGED TABLE cache (n int)`);
    }),
});
const POINT = { name: 'before-run', at: new Date().toISOString(), lsn: undefined };

let root: string;
let store: FileObjectStore;
let instance: Database;
let drills = 0;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-drill-'));
  store = new FileObjectStore(root);
  instance = await server.freshDatabase();
});
afterEach(() => rm(root, { recursive: true, force: true }));

const run = (sql: string) =>
  withSession(instance, { applicationName: 'test' }, (session) => session.query(sql));

async function drilled(recovered: InstanceState = { state: 'ready' }): Promise<DrillRecord> {
  const recovery: Partial<Recovery> = {
    restorableUntil: async () => new Date().toISOString(),
    listRestorePoints: async () => [POINT],
    beginInstance: async () => recovered,
    openInstance: async () => instance,
  };
  const context: DrillContext = {
    store,
    recovery: recovery as Recovery,
    clock: new SystemClock(),
    metrics: { record: () => undefined },
    notifier: { notify: async () => undefined },
    signal: new AbortController().signal,
    database: 'test',
    invariants: [],
    tell: () => undefined,
  };
  drills += 1;
  const input = { drillId: `drill-${drills}`, targets: DEFAULT_DRILL_TARGETS };
  await drillSteps.BeginDrill(context, input);
  await drillSteps.ProveDrill(context, input);
  return readRecord(store, input.drillId);
}

const checkOf = ({ checks }: DrillRecord, name: string) => checks.find((check) => check.name === name);

test('what a drill found itself is no record: the same bytes once more are repeatable, not proven', async () => {
  const first = await drilled();
  expect(judge(first)).toMatchObject({ outcome: 'not-proven', verified: false });
  expect(await readProof(store, POINT.name)).toBeUndefined();
  const second = await drilled();
  expect(checkOf(second, 'Rows as recorded')).toMatchObject({ verdict: 'held' });
  expect(second.comparedWith).toBe('drill');
  expect(judge(second)).toMatchObject({
    outcome: 'not-proven',
    verified: false,
    reasons: [expect.stringContaining('from an earlier drill alone')],
  });

  const found = await readDrilled(store, POINT.name);
  if (found === undefined) throw new Error('nothing was kept');
  await keepProof(store, { ...found, readFrom: 'instance' });
  expect(judge(await drilled())).toMatchObject({ outcome: 'passed', verified: true });
});

test('an instance that lacks commits is no measure of its restore point', async () => {
  const lost = { from: '2026-01-31T12:00:00.000Z', to: '2026-01-31T12:04:00.000Z' };
  expect(judge(await drilled({ state: 'ready', lost }))).toMatchObject({ verified: false });
  expect(await readDrilled(store, POINT.name)).toBeUndefined();
  expect(await readProof(store, POINT.name)).toBeUndefined();
});

describe('where it was recorded', () => {
  beforeEach(async () => {
    await drilled();
    const found = await readDrilled(store, POINT.name);
    if (found === undefined) throw new Error('nothing was kept');
    await keepProof(store, { ...found, readFrom: 'serving' });
  });

  test('rows that were not compared are a doubt, however large the database', async () => {
    const proof = await readProof(store, POINT.name);
    const { contents: _, ...without } = proof ?? {};
    await rm(join(root, 'proofs', `${POINT.name}.json`));
    await keepProof(store, without as NonNullable<typeof proof>);
    expect(judge(await drilled())).toMatchObject({
      outcome: 'not-proven',
      verified: false,
      reasons: [expect.stringContaining('Rows as recorded: not looked at: the database was too large')],
    });
  });

  test('unlogged tables are left out, and named', async () => {
    await run('INSERT INTO cache VALUES (1)');
    const record = await drilled();
    expect(judge(record)).toMatchObject({ verified: true });
    expect(checkOf(record, 'Rows as recorded')?.evidence).toContain(
      'not of unlogged ones, which come back empty: public.cache',
    );
  });

  test('a sequence that stands further back is found out, though all rows are there', async () => {
    await run(`SELECT setval('wallet_id_seq', 3)`);
    expect(checkOf(await drilled(), 'Sequences')).toMatchObject({
      verdict: 'broken',
      details: ['public.wallet_id_seq: hands out 4 next, instead of 21'],
    });
  });
});

test('an index that could not be checked is not called broken', async () => {
  await run(`
    CREATE FUNCTION part(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN n; END';
    CREATE INDEX parts ON wallet (part(id));
    CREATE OR REPLACE FUNCTION part(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN n / 0; END'`);
  const read = await withSession(instance, { applicationName: 'test' }, (session) =>
    verifyIndexes(session, { compareWithTables: true, signal: new AbortController().signal }),
  );
  expect(read).toMatchObject({ broken: [], unclear: ['public.parts: division by zero'] });
  expect(checkOf(await drilled(), 'Indexes')).toMatchObject({ verdict: 'indeterminate' });
});

describe('an instance', () => {
  let unsound: Database;

  beforeAll(async () => {
    unsound = await server.freshDatabase();
    await withSession(unsound, { applicationName: 'test' }, async (session) => {
      for (const statement of UNSOUND) await session.query(statement);
    });
  });

  test('is found out where it contradicts itself, object by object', async () => {
    const { checks } = await proveInstance({
      instance: unsound,
      restorePoint: 'none',
      proof: undefined,
      invariants: [],
      now: '2026-01-31T12:00:00.000Z',
      signal: new AbortController().signal,
      tell: () => undefined,
    });
    const found = Object.fromEntries(checks.map((check) => [check.name, check]));
    expect(found['Tables readable']).toMatchObject({
      verdict: 'broken',
      details: [expect.stringContaining('public.unreadable: invalid internal value for enum')],
    });
    expect(found.Constraints?.verdict).toBe('broken');
    expect(found.Constraints?.details).toEqual([
      expect.stringMatching(/^child_parent_fkey of public.child: .*violates foreign key/),
      expect.stringMatching(/^positive of public.parent: .*violated by some row/),
    ]);
    expect(found.Indexes?.details).toEqual([
      expect.stringMatching(/^public.lacking: .*lacks matching index tuple/),
    ]);
    expect(found.Sequences?.details).toEqual([
      'public.parent_id_seq: hands out 1 next, and public.parent.id is at 7 already',
    ]);
    expect(found['Rows as recorded']?.verdict).toBe('not-made');
  });

  test('is as it was after it was proven: constraints that were tried are gone', async () => {
    const left = await withSession(unsound, { applicationName: 'test' }, (session) =>
      session.query(
        `select conname from pg_constraint where conname = 'godwit drill'
         union all select extname from pg_extension where extname = 'amcheck'`,
      ),
    );
    expect(left.rows).toEqual([]);
  });
});

/** Each is broken as nobody can break it with plain SQL. */
const UNSOUND = [
  'create table parent (id serial primary key, amount int)',
  'insert into parent values (7, -1)',
  'alter table parent add constraint positive check (amount > 0) not valid',
  'create table child (parent int)',
  'insert into child values (8)',
  'alter table child add constraint child_parent_fkey foreign key (parent) references parent not valid',
  'set allow_system_table_mods = on',
  `update pg_constraint set convalidated = true where conname in ('positive', 'child_parent_fkey')`,
  `create type mood as enum ('calm')`,
  'create table unreadable (mood mood)',
  `insert into unreadable values ('calm')`,
  `delete from pg_enum where enumtypid = 'mood'::regtype`,
  'create table indexed (n int)',
  'create index lacking on indexed (n)',
  `update pg_index set indisready = false where indexrelid = 'lacking'::regclass`,
  'insert into indexed values (1)',
  `update pg_index set indisready = true where indexrelid = 'lacking'::regclass`,
] as const;
