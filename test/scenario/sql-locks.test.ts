import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCatalog } from '../../lambda/migrate/catalog/read-catalog';
import type { Database, Session } from '../../lambda/ports/database';
import type { Catalog } from '../../lambda/sql/catalog';
import { effectsOf, KNOWN_ACTIONS, KNOWN_KINDS } from '../../lambda/sql/effects/effects';
import { parseScript } from '../../lambda/sql/parse';
import { projectRoot, useCluster } from '../support/cluster';
import { ALTER_TABLE_CASES } from '../support/lock-cases-alter-table';
import { CREATE_CASES, DROP_CASES } from '../support/lock-cases-create';
import { ALTER_CASES, REST_CASES } from '../support/lock-cases-other';
import { LockProbe, type Locks, nameOf, rankOf } from '../support/lock-probe';
import { LOCK_SCHEMA } from '../support/lock-schema';

const server = useCluster();
let database: Database;
let session: Session;
let probe: LockProbe;
/** Of all statements at once. */
let together: Catalog;

const ALL_CASES = [...ALTER_TABLE_CASES, ...ALTER_CASES, ...CREATE_CASES, ...DROP_CASES, ...REST_CASES];

beforeAll(async () => {
  database = await server.freshDatabase();
  session = await database.connect({ applicationName: 'test' });
  await session.query('SET allow_in_place_tablespaces = on');
  await session.query("CREATE TABLESPACE elsewhere LOCATION ''");
  await session.query("SET TimeZone = 'UTC'");
  await session.query(LOCK_SCHEMA);
  probe = await LockProbe.begin(session);
  const { statements } = await parseScript(ALL_CASES.join(';\n'));
  together = await readCatalog(session, statements);
});
afterAll(() => session.close());

/** Which rows they meet decides what else they look at: they may lock less than foretold, in modes that stand in nobody's way. */
const OF_ROWS: readonly string[] = [
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'CopyStmt',
];

/** What they read depends on a plan, or is a table that they have just emptied. */
const READING_AS_PLANNED: readonly string[] = [
  ...OF_ROWS,
  'CreateTableAsStmt',
  'DeclareCursorStmt',
  'ExplainStmt',
  'RefreshMatViewStmt',
  'TruncateStmt',
];

/** They run code that is not in their parse tree. Statements on rows may, too: functions and triggers. */
const OPAQUE: readonly string[] = [
  'DoStmt',
  'CallStmt',
  'CreateExtensionStmt',
  'AlterExtensionStmt',
  'CreatePLangStmt',
  'ReassignOwnedStmt',
  'DropOwnedStmt',
  'AlterTableMoveAllStmt',
];

/** Of these, "not known to be" is all that is said of running them again. */
const REPEAT_UNTOLD: readonly string[] = [
  ...OF_ROWS,
  'AlterSubscriptionStmt',
  'AlterFdwStmt',
  'DeallocateStmt',
];

const differences = (predicted: Locks, seen: Locks, kind: string): readonly string[] =>
  [...new Set([...predicted.keys(), ...seen.keys()])].flatMap((relation) => {
    const [foretold, taken] = [predicted.get(relation), seen.get(relation)];
    if (foretold === taken) return [];
    const isWeak = foretold !== undefined && rankOf(foretold) < rankOf('ShareUpdateExclusiveLock');
    const isLess = foretold !== undefined && (taken === undefined || rankOf(taken) < rankOf(foretold));
    if (OF_ROWS.includes(kind) && isWeak && isLess) return [];
    return [`${relation}: foretold ${foretold ?? 'none'}, taken ${taken ?? 'none'}`];
  });

async function check(sql: string): Promise<void> {
  await session.query('BEGIN');
  try {
    const { statement, effects } = await probe.predict(sql);
    expect([...(await probe.locksOf(session.backendPid))]).toEqual([]);
    expect(effectsOf(statement, together)).toEqual(effects);
    const seen = await probe.observe(sql);
    const predicted = probe.predictedLocks(effects);
    if (effects.opaque) {
      expect([...OPAQUE, ...OF_ROWS]).toContain(statement.kind);
      expect([...predicted.keys()].filter((relation) => !seen.locks.has(relation))).toEqual([]);
      return;
    }
    expect(differences(predicted, seen.locks, statement.kind)).toEqual([]);
    if (!READING_AS_PLANNED.includes(statement.kind)) {
      expect(seen.scans).toEqual(effects.scans.map(nameOf).sort());
    }
    expect(seen.rewrites).toEqual(effects.rewrites.map(nameOf).sort());
    if (!effects.idempotent && (REPEAT_UNTOLD.includes(statement.kind) || sql.includes('OPTIONS'))) return;
    expect({ sql, again: await probe.runsAgain(sql) }).toEqual({ sql, again: effects.idempotent });
  } finally {
    await session.query('ROLLBACK');
  }
}

describe('locks, scans, rewrites and repeatability are as foretold for', () => {
  test.each(ALTER_TABLE_CASES)('%s', check);
  test.each(ALTER_CASES)('%s', check);
  test.each(CREATE_CASES)('%s', check);
  test.each(DROP_CASES)('%s', check);
  test.each(REST_CASES)('%s', check);
});

describe('what cannot run in a transaction, observed while an older transaction holds it up, and foretold for', () => {
  // Whoever reads the parent is waited for between two transactions, with no lock at all.
  const READER = 'SELECT * FROM';
  test.each([
    ['CREATE INDEX CONCURRENTLY x ON lonely (a)', 'UPDATE lonely SET a = 1'],
    ['CREATE UNIQUE INDEX CONCURRENTLY y ON lonely (id)', 'UPDATE lonely SET a = 1'],
    ['DROP INDEX CONCURRENTLY child_fixed', `${READER} child`],
    ['REINDEX INDEX CONCURRENTLY child_at', 'UPDATE child SET maybe = 1'],
    ['REINDEX TABLE CONCURRENTLY orphan_indexed', 'INSERT INTO orphan_indexed VALUES (1)'],
    ['ALTER TABLE plain_parted DETACH PARTITION plain_parted_2 CONCURRENTLY', `${READER} plain_parted_2`],
    ['VACUUM lonely', 'LOCK TABLE lonely IN SHARE UPDATE EXCLUSIVE MODE'],
    ['VACUUM FULL orphan', `${READER} orphan`],
  ])('%s', async (sql, holdUp) => {
    const holder = await database.connect({ applicationName: 'holder' });
    const runner = await database.connect({ applicationName: 'runner' });
    await holder.query('CREATE TABLE IF NOT EXISTS orphan_indexed (id int PRIMARY KEY)');
    probe = await LockProbe.begin(session);
    await holder.query('BEGIN');
    await holder.query(holdUp);
    const { effects, statement } = await probe.predict(sql);
    const progress = { ended: false };
    const running = runner.query(sql).finally(() => {
      progress.ended = true;
    });
    while (!progress.ended && !(await isHeldUp(runner.backendPid))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const seen = await probe.locksOf(runner.backendPid);
    await holder.query('ROLLBACK');
    await running;
    await Promise.all([holder.close(), runner.close()]);
    expect(differences(probe.predictedLocks(effects), seen, statement.kind)).toEqual([]);
  });

  async function isHeldUp(pid: number): Promise<boolean> {
    const { rowCount } = await session.query(
      `SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'`,
      [pid],
    );
    return rowCount > 0;
  }
});

/** Nodes of the grammar that are called statements and are parts of one. */
const PARTS: readonly string[] = [
  'RawStmt',
  'SetOperationStmt',
  'ReturnStmt',
  'PLAssignStmt',
  'ReplicaIdentityStmt',
];

test('the effects of every statement that the parser knows are known', async () => {
  const types = await readFile(join(projectRoot, 'node_modules/@pgsql/types/types.d.ts'), 'utf8');
  const kinds = [...types.matchAll(/^export interface (\w+Stmt) /gm)].map(([, kind = '']) => kind);
  expect(kinds.length).toBeGreaterThan(100);
  expect(kinds.filter((kind) => !KNOWN_KINDS.includes(kind))).toEqual(PARTS);
});

/** They work on servers, files or other databases, or need what this server has not. */
const WITHOUT_CASE: readonly string[] = [
  ...['CreatedbStmt', 'DropdbStmt', 'CreateTableSpaceStmt', 'DropTableSpaceStmt', 'AlterSystemStmt'],
  ...['ImportForeignSchemaStmt', 'SecLabelStmt', 'TransactionStmt'],
  // They refer to what an earlier statement of the same session made.
  ...['ExecuteStmt', 'FetchStmt', 'ClosePortalStmt'],
];

const ACTIONS_WITHOUT_CASE: readonly string[] = [
  // It finishes a detachment that was interrupted.
  'AT_DetachPartitionFinalize',
  // CREATE OR REPLACE VIEW makes it by itself.
  'AT_ReplaceRelOptions',
];

test('every kind of statement and every action of ALTER TABLE of which the effects are known has a case', async () => {
  const { statements } = await parseScript([...ALL_CASES, 'VACUUM a'].join(';\n'));
  const kinds = new Set(statements.map(({ kind }) => kind));
  const actions = new Set(
    statements.flatMap(({ node }) =>
      'AlterTableStmt' in node
        ? (node.AlterTableStmt.cmds ?? []).flatMap((cmd) =>
            'AlterTableCmd' in cmd ? [cmd.AlterTableCmd.subtype ?? ''] : [],
          )
        : [],
    ),
  );
  expect(KNOWN_KINDS.filter((kind) => !kinds.has(kind)).sort()).toEqual([...WITHOUT_CASE].sort());
  expect(KNOWN_ACTIONS.filter((action) => !actions.has(action)).sort()).toEqual(
    [...ACTIONS_WITHOUT_CASE].sort(),
  );
});

test('a statement that mentions nothing which could exist before costs no round trip', async () => {
  const silent: Session = {
    backendPid: 0,
    query: () => Promise.reject(new Error('asked the database')),
    close: () => Promise.resolve(),
  };
  const { statements } = await parseScript(
    `CREATE TABLE x (id int PRIMARY KEY, at timestamptz DEFAULT now());
     CREATE TYPE y AS ENUM ('a'); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
     SET lock_timeout = 1; DO $$ BEGIN PERFORM 1; END $$; ALTER TYPE mood ADD VALUE 'fine'`,
  );
  const catalog = await readCatalog(silent, statements);
  expect(catalog.rows.relations).toEqual([]);
});

test.each([
  'DROP TABLE parted CASCADE',
  'DROP SCHEMA whole CASCADE',
  'TRUNCATE parent CASCADE',
  'ALTER TABLE child ALTER COLUMN name TYPE text',
  'UPDATE lonely SET a = hidden()',
])('the server does not find the reading for %s dear enough to compile it', async (sql) => {
  const costs: number[] = [];
  const query: Session['query'] = async (text, values) => {
    const { rows } = await session.query<{ 'QUERY PLAN': [{ Plan: { 'Total Cost': number } }] }>(
      `EXPLAIN (FORMAT JSON) ${text}`,
      values,
    );
    costs.push(...rows.map((row) => row['QUERY PLAN'][0].Plan['Total Cost']));
    return { rows: [], rowCount: 0 };
  };
  await readCatalog(
    { backendPid: 0, query, close: async () => undefined },
    (await parseScript(sql)).statements,
  );
  expect(costs).toHaveLength(1);
  // The default of `jit_above_cost`.
  expect(costs[0]).toBeLessThan(100_000);
});

test('names are found as search_path finds them, whatever is in them', async () => {
  await session.query('BEGIN');
  await session.query('CREATE SCHEMA nearer; CREATE TABLE nearer.lonely (id int)');
  await session.query('SET LOCAL search_path = nearer, public');
  const near = await probe.predict('ALTER TABLE lonely ADD COLUMN x int');
  const far = await probe.predict('ALTER TABLE public.lonely ADD COLUMN x int');
  await session.query('CREATE TEMP TABLE lonely (id int)');
  const temporary = await probe.predict('ALTER TABLE pg_temp.lonely ADD COLUMN x int');
  await session.query('ROLLBACK');
  expect(near.effects.locks.map(({ relation }) => nameOf(relation))).toEqual(['nearer.lonely']);
  expect(far.effects.locks.map(({ relation }) => nameOf(relation))).toEqual(['public.lonely']);
  expect(temporary.effects.locks.map(({ relation }) => relation.schema.startsWith('pg_temp'))).toEqual([
    true,
  ]);
});

test('what LOCK TABLE may not lock is told', async () => {
  const of = async (sql: string) =>
    (await probe.predict(sql)).effects.locks.map(({ relation, lockable }) => [relation.name, lockable]);
  expect(await of('DROP MATERIALIZED VIEW stored')).toEqual(
    expect.arrayContaining([
      ['stored', false],
      ['stored_id', false],
    ]),
  );
  expect(await of('ALTER VIEW lonely_view RENAME TO x')).toEqual([['lonely_view', true]]);
  await session.query('SET ROLE lock_reader');
  const asReader = await of('ALTER TABLE lonely ADD COLUMN x int');
  await session.query('RESET ROLE');
  expect(asReader).toEqual([['lonely', false]]);
});
