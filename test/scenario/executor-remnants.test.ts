import { SystemClock } from '../../lambda/adapters/system-clock';
import { checksumOf } from '../../lambda/domain/migration';
import { migrate, type StatementEvent } from '../../lambda/migrate/executor';
import {
  ensureJournal,
  readDetail,
  readJournal,
  recordProgress,
  recordStarted,
} from '../../lambda/migrate/statement-journal';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';

/** Postgres cuts names at 63 bytes, and characters are not cut. */
const LONG = `Ünïqué "name" with a dot. ${'é'.repeat(40)}`;

const server = useCluster({
  template: async (database) => {
    const session = await database.connect({ applicationName: 'test' });
    await session.query('CREATE SCHEMA "my.Shop"');
    await session.query(
      'CREATE TABLE "my.Shop"."Wallet ""1""" (id int PRIMARY KEY, address text, note text)',
    );
    await session.query(
      `INSERT INTO "my.Shop"."Wallet ""1""" SELECT n, 'address ' || n FROM generate_series(1, 100) n`,
    );
    await session.query('CREATE INDEX old ON "my.Shop"."Wallet ""1""" (address)');
    await session.query('CREATE TABLE day (d date, v int) PARTITION BY RANGE (d)');
    await session.query(
      "CREATE TABLE day_1 PARTITION OF day FOR VALUES FROM ('2025-01-01') TO ('2025-01-02')",
    );
    await session.query(
      "CREATE TABLE day_2 PARTITION OF day FOR VALUES FROM ('2025-01-02') TO ('2025-01-03')",
    );
    await session.query('CREATE INDEX day_v ON day (v)');
    await session.close();
  },
});
const clock = new SystemClock();
const WALLET = '"my.Shop"."Wallet ""1"""';

/** Each keeps a CONCURRENTLY waiting in another of its phases. */
const OLD_TRANSACTIONS = {
  writer: (table: string) => ['BEGIN', `LOCK TABLE ${table} IN ROW EXCLUSIVE MODE`],
  reader: (table: string) => ['BEGIN', `LOCK TABLE ${table} IN ACCESS SHARE MODE`],
  snapshot: () => ['BEGIN ISOLATION LEVEL REPEATABLE READ', 'SELECT 1'],
} as const;

let database: Database;
beforeEach(async () => {
  database = await server.freshDatabase();
});

const rows = async <Row>(sql: string): Promise<readonly Row[]> =>
  (await withSession(database, { applicationName: 'test' }, (session) => session.query<Row>(sql))).rows;

const INVALID = `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid ORDER BY 1`;
const namesOf = async (sql: string): Promise<string[]> =>
  (await rows<{ name: string }>(sql)).map(({ name }) => name);

async function apply(sql: string, on: Database = database) {
  const events: StatementEvent[] = [];
  const outcome = await migrate({
    database: on,
    runId: 'run-1',
    migrations: [{ name: '1_test', sql, downSql: undefined, checksum: checksumOf(sql) }],
    maxBlockingMs: 200,
    giveUpAfterMs: 20_000,
    clock,
    onEvent: (event) => events.push(event),
  });
  return { outcome, events };
}

/** Before the statement there is nobody to wait for: somebody comes just when it is sent. */
const meeting = (matches: (sql: string) => boolean, meet: () => Promise<unknown>): Database => ({
  address: database.address,
  connectionString: () => database.connectionString(),
  connect: async (options) => {
    const session = await database.connect(options);
    return {
      backendPid: session.backendPid,
      close: () => session.close(),
      query: async <Row>(sql: string, values?: readonly unknown[]) => {
        if (matches(sql)) await meet();
        return session.query<Row>(sql, values);
      },
    };
  },
});

const WAITING = `SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE NOT l.granted AND a.application_name LIKE 'godwit migrate%' AND a.datname = current_database()`;

/** Ends the executor's session while the statement waits for an old transaction, and answers what it left. */
async function interrupt(sql: string, held: { by: keyof typeof OLD_TRANSACTIONS; on: string }) {
  const old: Session = await database.connect({ applicationName: 'app' });
  const migrating = apply(
    sql,
    meeting(
      (sent) => sql.endsWith(sent) && sent.includes('CONCURRENTLY'),
      async () => {
        for (const statement of OLD_TRANSACTIONS[held.by](held.on)) await old.query(statement);
      },
    ),
  );
  const deadline = Date.now() + 20_000;
  let waiting: readonly { pid: number }[] = [];
  while (waiting.length === 0 && Date.now() < deadline) {
    await clock.sleep(20);
    waiting = await rows<{ pid: number }>(WAITING);
  }
  await rows(`SELECT pg_terminate_backend(${waiting[0]?.pid ?? 0})`);
  const { outcome } = await migrating;
  expect(outcome).toMatchObject({ outcome: 'failed', failed: { sqlState: '57P01' } });
  await old.close();
  return namesOf(INVALID);
}

async function again(sql: string): Promise<readonly string[]> {
  const { outcome, events } = await apply(sql);
  expect(outcome).toMatchObject({ outcome: 'applied' });
  return events.map(({ status }) => status);
}

const REPEATED = ['started', 'finished'];

describe('an interrupted CREATE INDEX CONCURRENTLY', () => {
  test.each(['writer', 'snapshot'] as const)(
    'leaves an invalid index of whatever name, which is built anew (held by a %s)',
    async (by) => {
      const sql = `CREATE INDEX CONCURRENTLY "${LONG.replaceAll('"', '""')}" ON ${WALLET} (address)`;
      const left = await interrupt(sql, { by, on: WALLET });
      expect(left).toHaveLength(1);
      expect(LONG.startsWith(left[0] ?? '?')).toBe(true);
      expect(await again(sql)).toEqual(REPEATED);
      expect(await namesOf(INVALID)).toEqual([]);
    },
  );

  test('is recognized without a name, beside others of the table', async () => {
    const sql = 'CREATE INDEX CONCURRENTLY ON "my.Shop"."Wallet ""1""" (lower(address), id) WHERE id > 7';
    await rows(`CREATE INDEX before ON ${WALLET} (lower(address), id) WHERE id > 7`);
    await rows('UPDATE pg_index SET indisvalid = false WHERE indexrelid = \'"my.Shop".before\'::regclass');
    const left = await interrupt(sql, { by: 'writer', on: WALLET });
    expect(left).toEqual(['Wallet "1"_lower_id_idx', 'before']);
    await rows(`CREATE INDEX meanwhile ON ${WALLET} (lower(address))`);
    expect(await again(sql)).toEqual(REPEATED);
    expect(await namesOf(INVALID)).toEqual(['before']);
    expect(
      await namesOf("SELECT indexname AS name FROM pg_indexes WHERE tablename LIKE 'Wallet%' ORDER BY 1"),
    ).toEqual(['Wallet "1"_lower_id_idx', 'Wallet "1"_pkey', 'before', 'meanwhile', 'old']);
  });

  test('leaves nothing on a partitioned table, where Postgres refuses it', async () => {
    const { outcome } = await apply('CREATE INDEX CONCURRENTLY ON day (d)');
    expect(outcome).toMatchObject({
      failed: { sqlState: '0A000', message: expect.stringContaining('partitioned table "day" concurrently') },
    });
    expect(await rows('SELECT * FROM _godwit.statement WHERE ordinal > 0')).toEqual([]);
  });
});

describe('an interrupted REINDEX CONCURRENTLY', () => {
  const shown = (names: readonly string[]) => names.map((name) => name.replace(/\d{4,}/, 'N'));
  const NEW = ['Wallet "1"_pkey_ccnew', 'old_ccnew', 'pg_toast_N_index_ccnew'];
  const OLD = ['Wallet "1"_pkey_ccold', 'old_ccold', 'pg_toast_N_index_ccold'];

  test.each([`TABLE CONCURRENTLY ${WALLET}`, 'SCHEMA CONCURRENTLY "my.Shop"', '(CONCURRENTLY) DATABASE'])(
    'of a %s: its new indexes are dropped, one that was there before is not',
    async (what) => {
      const sql = `REINDEX ${what}`;
      await rows(`CREATE INDEX theirs_ccnew ON ${WALLET} (note)`);
      await rows(
        'UPDATE pg_index SET indisvalid = false WHERE indexrelid = \'"my.Shop".theirs_ccnew\'::regclass',
      );
      const left = await interrupt(sql, { by: 'writer', on: WALLET });
      expect(shown(left)).toEqual([...NEW, 'theirs_ccnew']);
      expect(await again(sql)).toEqual(REPEATED);
      expect(await namesOf(INVALID)).toEqual(['theirs_ccnew']);
    },
  );

  test('that had rebuilt everything: its old indexes are dropped, and nothing is built again', async () => {
    const sql = `REINDEX TABLE CONCURRENTLY ${WALLET}`;
    const left = await interrupt(sql, { by: 'reader', on: WALLET });
    expect(shown(left)).toEqual(OLD);
    const rebuilt = await rows('SELECT indexrelid FROM pg_index WHERE indisvalid ORDER BY 1');
    await again(sql);
    expect(await namesOf(INVALID)).toEqual([]);
    expect(await rows('SELECT indexrelid FROM pg_index WHERE indisvalid ORDER BY 1')).toEqual(rebuilt);
  });

  test.each(['writer', 'reader'] as const)(
    'of an invalid index, which it is to repair (held by a %s)',
    async (by) => {
      await rows('UPDATE pg_index SET indisvalid = false WHERE indexrelid = \'"my.Shop".old\'::regclass');
      const sql = 'REINDEX INDEX CONCURRENTLY "my.Shop".old';
      expect(await interrupt(sql, { by, on: WALLET })).toEqual(
        by === 'writer' ? ['old', 'old_ccnew'] : ['old_ccold'],
      );
      await again(sql);
      expect(await namesOf(INVALID)).toEqual([]);
    },
  );

  test('of an index with partitions: dropped in each of them', async () => {
    const sql = 'REINDEX INDEX CONCURRENTLY day_v';
    expect(await interrupt(sql, { by: 'writer', on: 'day_2' })).toEqual(['day_2_v_idx_ccnew']);
    expect(await again(sql)).toEqual(REPEATED);
    expect(await namesOf(INVALID)).toEqual([]);
  });

  test('by one who may not look into the TOAST schema: what is left there is left', async () => {
    await rows('CREATE ROLE remnant_owner');
    await rows('GRANT ALL ON SCHEMA "my.Shop" TO remnant_owner');
    await rows(`ALTER TABLE ${WALLET} OWNER TO remnant_owner`);
    const sql = `SET ROLE remnant_owner; REINDEX TABLE CONCURRENTLY ${WALLET}`;
    await interrupt(sql, { by: 'writer', on: WALLET });
    await again(sql);
    expect(shown(await namesOf(INVALID))).toEqual(['pg_toast_N_index_ccnew']);
  });
});

describe('an interrupted DROP INDEX CONCURRENTLY', () => {
  test('is done again, and never to another index of the same name', async () => {
    await rows(`CREATE INDEX old ON day_1 (v)`);
    const sql = 'SET search_path = "my.Shop", public; DROP INDEX CONCURRENTLY old';
    expect(await interrupt(sql, { by: 'reader', on: WALLET })).toEqual(['old']);
    await rows('DROP INDEX "my.Shop".old');
    await again(sql);
    expect(await namesOf("SELECT schemaname AS name FROM pg_indexes WHERE indexname = 'old'")).toEqual([
      'public',
    ]);
  });
});

describe('an interrupted DETACH PARTITION CONCURRENTLY', () => {
  test('is completed', async () => {
    const sql = 'ALTER TABLE day DETACH PARTITION day_1 CONCURRENTLY';
    await interrupt(sql, { by: 'reader', on: 'day' });
    expect(await rows('SELECT 1 FROM pg_inherits WHERE inhdetachpending')).toHaveLength(1);
    await again(sql);
    expect(await rows("SELECT 1 FROM pg_inherits WHERE inhrelid = 'day_1'::regclass")).toEqual([]);
  });
});

describe('the statement journal', () => {
  const key = { migration: '1_test', checksum: 'c', direction: 'up' } as const;
  const entry = { ordinal: 1, runId: 'run-1' };
  const inSession = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    withSession(database, { applicationName: 'test' }, work);

  test('of an earlier version gets what it lacks, and is left alone then', async () => {
    await inSession(ensureJournal);
    await rows('ALTER TABLE _godwit.statement DROP COLUMN detail');
    await inSession(ensureJournal);
    const table = "SELECT xmin, attnum FROM pg_attribute WHERE attrelid = '_godwit.statement'::regclass";
    const before = await rows(table);
    await inSession(ensureJournal);
    expect(await rows(table)).toEqual(before);
  });

  test('keeps what was noted first, what progress was made last, and neither of another content', async () => {
    await inSession(async (session) => {
      await ensureJournal(session);
      expect(await readDetail(session, key, 1)).toBeUndefined();
      await recordStarted(session, key, entry, { 'a "name"': [1, 'é\\', null] });
      await recordStarted(session, key, entry, { other: true });
      expect(await readDetail(session, key, 1)).toEqual({ 'a "name"': [1, 'é\\', null] });
      await recordProgress(session, key, entry, { cursor: ['9223372036854775807'] });
      await recordProgress(session, key, { ...entry, runId: 'run-2' }, { cursor: ['7'] });
      expect(await readDetail(session, key, 1)).toEqual({ cursor: ['7'] });
      expect(await readDetail(session, { ...key, checksum: 'd' }, 1)).toBeUndefined();
      expect(await readJournal(session, key)).toEqual(new Map([[1, 'started']]));
    });
  });
});
