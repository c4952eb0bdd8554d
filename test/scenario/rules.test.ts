import { type LintFinding, lint } from '../../lambda/checks/lint';
import { type Example, RULES } from '../../lambda/checks/rules';
import { EPHEMERAL } from '../../lambda/checks/rules/immutable';
import { readCatalog } from '../../lambda/migrate/catalog/read-catalog';
import { type Session, StatementFailed } from '../../lambda/ports/database';
import { factsOf } from '../../lambda/sql/facts';
import type { LockMode } from '../../lambda/sql/lock-modes';
import { parseScript, type SqlStatement } from '../../lambda/sql/parse';
import { useCluster } from '../support/cluster';
import { lintAfter, migration, wordsOf } from '../support/linting';
import { rankOf } from '../support/lock-probe';

const server = useCluster();
let session: Session;

beforeAll(async () => {
  session = await (await server.freshDatabase()).connect({ applicationName: 'test' });
  // Some examples set it, and the next one must not look there.
  await session.query('CREATE SCHEMA example');
});
afterAll(() => session.close());

/** `AccessExclusiveLock on "Wallet" and "Token": blocks reads and writes` */
function stated(lock: string) {
  const [mode = '', rest = ''] = lock.split(' on ');
  const tables = (rest.split(': blocks')[0] ?? '').split(/, | and /).map((name) => name.replaceAll('"', ''));
  return { mode: mode as LockMode, tables };
}

type Names = ReadonlyMap<number, string>;

/** As they are before a statement, which may drop or rename them. */
async function names(): Promise<Names> {
  const { rows } = await session.query<{ oid: number; name: string }>(
    `SELECT oid::int AS oid, relname AS name FROM pg_class WHERE relnamespace = 'example'::regnamespace`,
  );
  return new Map(rows.map(({ oid, name }) => [oid, name]));
}

async function heldModes(known: Names): Promise<ReadonlyMap<string, number>> {
  const { rows } = await session.query<{ oid: number; mode: LockMode }>(
    `SELECT relation::int AS oid, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'`,
  );
  const strongest = new Map<string, number>();
  for (const { oid, mode } of rows) {
    const name = known.get(oid) ?? '';
    strongest.set(name, Math.max(rankOf(mode), strongest.get(name) ?? 0));
  }
  return strongest;
}

/** Each statement that can be in a transaction is in one of its own, so that its locks are its own. */
async function run(statements: readonly SqlStatement[], findings: readonly LintFinding[]): Promise<void> {
  for (const [index, statement] of statements.entries()) {
    if (statement.kind === 'TransactionStmt') continue;
    if (factsOf(statement).canRunInTransaction === 'no') {
      await session.query(statement.sql);
      continue;
    }
    const known = await names();
    await session.query('BEGIN');
    await session.query(statement.sql);
    const held = await heldModes(known);
    for (const { lock, statement: number } of findings) {
      if (lock === undefined || number !== index + 1) continue;
      const { mode, tables } = stated(lock);
      expect(tables.length).toBeGreaterThan(0);
      expect(tables.map((table) => [table, held.get(table)])).toEqual(
        tables.map((table) => [table, rankOf(mode)]),
      );
    }
    await session.query('COMMIT');
  }
}

async function execute({ before, sql, fails }: Example): Promise<void> {
  const { findings } = await lintAfter(before, sql);
  await session.query(
    'DROP SCHEMA example CASCADE; CREATE SCHEMA example; RESET ALL; SET search_path = example',
  );
  if (before !== undefined) await session.query(before);
  const script = await parseScript(sql).catch(() => undefined);
  const start = await readCatalog(session, script?.statements ?? [], 'checks');
  const byDatabase = await lint({ before: [], migrations: [migration('judged', sql)], start });
  const said = byDatabase.findings.map((finding) => wordsOf(finding).replaceAll('example.', ''));
  expect(said).toEqual(findings.map(wordsOf));
  const outcome = (script === undefined ? session.query(sql) : run(script.statements, findings)).then(
    () => 'succeeds',
    async (error: unknown) => {
      await session.query('ROLLBACK');
      if (error instanceof StatementFailed) return error.sqlState;
      throw error;
    },
  );
  expect(await outcome).toBe(fails ?? 'succeeds');
}

describe('a server takes or refuses it as stated, and locks what is stated, in the bad example of', () => {
  test.each(RULES)('$id', ({ bad }) => execute(bad));
});

describe('a server takes it, and locks what is stated, in the good example of', () => {
  test.each(RULES)('$id', ({ good }) => execute(good));
});

test('no function that is held to change its answer is IMMUTABLE for all arguments', async () => {
  const { rows } = await session.query<{ proname: string }>(
    `SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY ($1)
       AND provolatile <> 'i' ORDER BY 1`,
    [EPHEMERAL],
  );
  const known = rows.map(({ proname }) => proname);
  expect(EPHEMERAL.filter((name) => !known.includes(name)).sort()).toEqual(['uuid_generate_v4']);
});
