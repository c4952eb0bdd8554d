import { parseScript } from '../../lambda/sql/parse';
import { leavesSessionAlone, onlySetsSession } from '../../lambda/sql/settings';

const isSetting = async (sql: string): Promise<boolean> =>
  (await parseScript(sql)).statements.every(onlySetsSession);

describe('a statement only sets the session', () => {
  test.each([
    'SET search_path = a',
    'RESET ALL',
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "SELECT set_config('a.b', 'x', false), set_config('a.c', 'y', false) AS z",
  ])('%s', async (sql) => expect(await isSetting(sql)).toBe(true));

  test.each([
    'SELECT 1',
    "SELECT set_config('a.b', nextval('s')::text, false)",
    "SELECT set_config('a.b', 'x', false), setval('s', 1)",
    "SELECT set_config('a.b', 'x', false) FROM pay()",
    "SELECT set_config('a.b', 'x', false) UNION ALL SELECT pay()",
    "SELECT set_config('a.b', 'x', false) GROUP BY pay()",
    "SELECT set_config('a.b', 'x', false) ORDER BY pay()",
    "SELECT set_config('a.b', 'x', false) LIMIT pay()",
    "WITH w AS (INSERT INTO t VALUES (1) RETURNING 1) SELECT set_config('a.b', 'x', false)",
  ])('does more: %s', async (sql) => expect(await isSetting(sql)).toBe(false));
});

describe('a statement leaves its session alone', () => {
  const leavesAlone = async (sql: string): Promise<boolean> =>
    (await parseScript(sql)).statements.every(leavesSessionAlone);

  test.each([
    'CREATE TABLE t (id text DEFAULT gen_random_uuid())',
    'ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0',
    'CREATE INDEX ON t (a)',
    'DROP TABLE t',
    "COMMENT ON TABLE t IS 'x'",
  ])('%s', async (sql) => expect(await leavesAlone(sql)).toBe(true));

  test.each([
    'CREATE TEMP TABLE t (a int)',
    'ALTER TABLE t ADD COLUMN a int DEFAULT pay()',
    'CREATE INDEX ON t (pay(a))',
    'INSERT INTO t VALUES (1)',
    'SET search_path = a',
    'PREPARE p AS SELECT 1',
    'LISTEN l',
  ])('maybe not: %s', async (sql) => expect(await leavesAlone(sql)).toBe(false));
});
