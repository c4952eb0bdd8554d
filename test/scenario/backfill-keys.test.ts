import { migrate } from '../../lambda/migrate/executor';
import { newSchemaEngine, prismaMigrateDeploy, projectOf } from '../support/prisma-engine';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const ROWS = 1200;

/** `key`: the key's columns as CREATE TABLE takes them; `values`: theirs in row `n`. */
interface Case {
  readonly key: string;
  readonly names: string;
  readonly values: string;
  readonly before?: string;
  readonly settings?: string;
}

/** Mixed case, digits of various lengths, accents, quotes and backslashes: what collations disagree about. */
const TEXT = `(ARRAY['a', 'B', 'á', 'Z-', 'z ', '''"\\', 'ß', '😀', 'Ä', ''])[n % 10 + 1] || n`;

const CASES: Readonly<Record<string, Case>> = {
  'a uuid': { key: 'id uuid', names: 'id', values: 'md5(n::text)::uuid' },
  'a bigint beyond what JavaScript counts': { key: 'id int8', names: 'id', values: '9007199254740000 + n' },
  'text in the order of its bytes': { key: 'id text COLLATE "C"', names: 'id', values: TEXT },
  'text in the order of a language': { key: 'id text COLLATE "und-x-icu"', names: 'id', values: TEXT },
  'text whose case does not count': {
    before: `CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
    key: 'id text COLLATE blind',
    names: 'id',
    values: TEXT,
  },
  'a varchar and a char, with escapes in literals': {
    key: 'a varchar(40), b char(6)',
    names: 'a, b',
    values: `'it''s \\ ' || left(${TEXT}, 3), n::text`,
    settings: 'SET standard_conforming_strings = off',
  },
  // Before 18 Postgres wrote IST for India's time, and read it as Israel's.
  'a time in a style that does not read back': {
    key: 'id timestamptz',
    names: 'id',
    values: `'2024-01-02 03:04:05.000001+00'::timestamptz + n * interval '7 days 1.000001 s'`,
    settings: "SET datestyle = 'Postgres, DMY'; SET timezone = 'Asia/Kolkata'",
  },
  'a float that is shown rounded': {
    key: 'id float8',
    names: 'id',
    values: '1 + n * 1e-12::float8',
    settings: 'SET extra_float_digits = -10',
  },
  'an enum, in the order of its values': {
    before: `CREATE TYPE mood AS ENUM ('z', 'A', 'm m')`,
    key: 'm mood, id int2',
    names: 'm, id',
    values: `(ARRAY['z', 'A', 'm m']::mood[])[n % 3 + 1], n`,
  },
  'a domain, bytes, a boolean and an array': {
    before: 'CREATE DOMAIN positive AS numeric(12, 4) CHECK (VALUE > 0)',
    key: 'a positive, b bytea, c boolean, d text[]',
    names: 'a, b, c, d',
    values: `n % 7 + 0.5, decode(md5(n::text), 'hex'), n % 2 = 0, ARRAY[n::text, 'x,"y']`,
    settings: "SET bytea_output = 'escape'",
  },
  // Its index compares oids, and it is shown as the name of a table.
  'a name that stands for an oid': { key: 'id regclass', names: 'id', values: '1000 + n' },
  'a descending index': {
    before:
      'CREATE TABLE walked (id int NOT NULL, id2 int NOT NULL); CREATE UNIQUE INDEX ON walked (id DESC, id2 DESC)',
    key: 'id int, id2 int',
    names: 'id, id2',
    values: 'n % 11, n',
  },
  'a name that must be quoted': {
    key: '"the ""key"".id" int, "Ä $1" text',
    names: '"the ""key"".id", "Ä $1"',
    values: `n % 5, ${TEXT}`,
  },
};

describe('a backfill walks by', () => {
  test.each(Object.entries(CASES))('%s', async (_, { key, names, values, before, settings }) => {
    await wallet.run(`${before ?? ''};
      CREATE TABLE IF NOT EXISTS walked (${key}, PRIMARY KEY (${names}));
      ALTER TABLE walked ADD COLUMN "we""ird" int NOT NULL DEFAULT 0, ADD COLUMN n int;
      INSERT INTO walked (${names}, n) SELECT ${values}, n FROM generate_series(1, ${ROWS}) n`);
    const sql = `${settings ?? ''};
      -- godwit:backfill walked by ${names}
      UPDATE walked AS "T.""x" SET "we""ird" = "we""ird" + 1`;
    const abort = new AbortController();
    const onEvent = ({ status }: { status: string }): void => {
      if (status === 'progress') abort.abort();
    };
    // The cursor goes through the journal once, and through another session.
    expect(await migrate(wallet.request(sql, { signal: abort.signal, onEvent }))).toMatchObject({
      outcome: 'aborted',
    });
    expect(await migrate(wallet.request(sql))).toMatchObject({ outcome: 'applied' });
    const { rows } = await wallet.run(
      'SELECT "we""ird" AS times, count(*)::int AS rows FROM walked GROUP BY 1',
    );
    expect(rows).toEqual([{ times: 1, rows: ROWS }]);
    const { rows: batches } = await wallet.run('SELECT DISTINCT xmin::text FROM walked');
    expect(batches.length).toBeGreaterThan(2);
  });
});

describe('while an application inserts, updates and deletes', () => {
  test('every row that stays is written once, none that came is written twice, and no write of the application is lost', async () => {
    await wallet.run(`CREATE TABLE busy (a int, b text, n int NOT NULL DEFAULT 0, app int NOT NULL DEFAULT 0, late bool DEFAULT false, PRIMARY KEY (a, b));
      INSERT INTO busy SELECT k % 40, 'k' || k FROM generate_series(1, 8000) k`);
    const running = migrate(
      wallet.request('-- godwit:backfill\nUPDATE busy SET n = n + 1', { giveUpAfterMs: 30_000 }),
    );
    const state = { isOver: false, updates: 0 };
    const application = async (seed: number): Promise<void> => {
      const session = await wallet.connect(`app ${seed}`);
      for (let i = seed; !state.isOver; i += 7) {
        const [a, b] = [i % 40, `k${(i * 7919) % 8000}`];
        const { rowCount } = await session.query('UPDATE busy SET app = app + 1 WHERE b = $1', [b]);
        state.updates += rowCount;
        await session.query('INSERT INTO busy VALUES ($1, $2, 0, 0, true)', [a, `late ${seed} ${i}`]);
        await session.query('DELETE FROM busy WHERE a = $1 AND b = $2 AND app = 0', [
          (i * 31) % 40,
          `k${(i * 31) % 8000}`,
        ]);
        await clock.sleep(2);
      }
    };
    const applications = [application(1), application(2), application(3)];
    const outcome = await running;
    state.isOver = true;
    await Promise.all(applications);
    expect(outcome).toMatchObject({ outcome: 'applied' });
    const { rows } = await wallet.run(`SELECT
      count(*) FILTER (WHERE NOT late AND n <> 1)::int AS wrong, count(*) FILTER (WHERE late AND n > 1)::int AS twice,
      sum(app)::int AS updates, count(*) FILTER (WHERE late)::int > 0 AS came FROM busy`);
    expect(rows).toEqual([{ wrong: 0, twice: 0, updates: state.updates, came: true }]);
  });
});

describe("Prisma's engine", () => {
  test('sees a migration with a backfill as applied, and applies it itself as one statement', async () => {
    const sql = `CREATE TABLE filled (id int PRIMARY KEY, n int);
      INSERT INTO filled SELECT n FROM generate_series(1, 600) n;
      -- godwit:backfill filled by id
      UPDATE filled SET n = id WHERE n IS NULL`;
    const request = wallet.request(sql);
    const project = {
      ...projectOf('datasource db {\n  provider = "postgresql"\n}\n', {}),
      migrations: request.migrations,
    };
    expect(await migrate(request)).toMatchObject({ outcome: 'applied' });
    const clean = { hasLedger: true, pending: [], edited: [], failed: [], missing: [] };
    expect(await newSchemaEngine().diagnose(wallet.database, project)).toEqual(clean);
    const other = await wallet.server.freshDatabase();
    expect(await prismaMigrateDeploy(other, project)).toEqual(['1_test']);
  });
});
