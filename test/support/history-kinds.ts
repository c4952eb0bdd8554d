/** Random histories of migrations that fail in production only: what each kind does, and how it is undone. */
import * as fc from 'fast-check';
import { checksumOf, type Migration } from '../../lambda/domain/migration';

/** Tables that migrations touch, and the application leaves alone; and those that it writes to. */
export const INIT = migrationOf('20260101000000_init', {
  up: `CREATE TABLE m1 (id int PRIMARY KEY, n int NOT NULL, t text NOT NULL);
CREATE TABLE m2 (id int PRIMARY KEY, n int NOT NULL, t text NOT NULL);
INSERT INTO m1 SELECT i, i, 'first ' || i FROM generate_series(1, 200) AS i;
INSERT INTO m2 SELECT i, -i, 'second ' || i FROM generate_series(1, 200) AS i;
CREATE TABLE w1 (id text PRIMARY KEY);
CREATE TABLE w2 (id text PRIMARY KEY REFERENCES w1);`,
});

export const INVARIANTS = [
  {
    file: 'totals.sql',
    sql: `-- invariant: Totals
-- expect: same
-- key: part
-- description: No migration changes a number.
SELECT 'm1' AS part, sum(n) AS total FROM m1 UNION ALL SELECT 'm2', sum(n) FROM m2
`,
  },
];

interface Kind {
  /** Statements, so that one that fails can be put between them; \`k\` makes names unique. */
  readonly up: (k: number) => readonly string[];
  /** Absent where nothing can bring back what is gone. */
  readonly down?: (k: number) => readonly string[];
}

const KINDS = {
  'adds a column': {
    up: (k) => [`ALTER TABLE m1 ADD COLUMN c${k} text`],
    down: (k) => [`ALTER TABLE m1 DROP COLUMN c${k}`],
  },
  'adds and fills a column': {
    up: (k) => [`ALTER TABLE m2 ADD COLUMN c${k} text`, `UPDATE m2 SET c${k} = 'x' || id`],
    down: (k) => [`ALTER TABLE m2 DROP COLUMN c${k}`],
  },
  'builds an index concurrently': {
    up: (k) => [`CREATE INDEX CONCURRENTLY i${k} ON m2 (n)`, `ALTER TABLE m1 ADD COLUMN d${k} int`],
    down: (k) => [`ALTER TABLE m1 DROP COLUMN d${k}`, `DROP INDEX CONCURRENTLY i${k}`],
  },
  'makes a table': {
    up: (k) => [`CREATE TABLE n${k} (id int PRIMARY KEY)`, `INSERT INTO n${k} VALUES (1), (2)`],
    down: (k) => [`DROP TABLE n${k}`],
  },
  'changes values': {
    up: () => [`UPDATE m2 SET t = t || '!'`, `UPDATE m1 SET t = t || '?'`],
    down: () => ['UPDATE m1 SET t = left(t, -1)', 'UPDATE m2 SET t = left(t, -1)'],
  },
  'adds a constraint': {
    up: (k) => [
      `ALTER TABLE m1 ADD CONSTRAINT k${k} CHECK (id > 0) NOT VALID`,
      `ALTER TABLE m1 VALIDATE CONSTRAINT k${k}`,
    ],
    down: (k) => [`ALTER TABLE m1 DROP CONSTRAINT k${k}`],
  },
  'overwrites values': {
    up: () => [`UPDATE m1 SET t = 'gone' WHERE id % 2 = 0`, `UPDATE m2 SET t = 'gone'`],
  },
  'drops a column': { up: () => ['ALTER TABLE m1 DROP COLUMN IF EXISTS t'] },
} as const satisfies Readonly<Record<string, Kind>>;

/** How the last migration fails: a statement, its session's end, or an invariant that no longer holds. */
const FAILURES = ['statement', 'session', 'invariant'] as const;

export interface History {
  readonly migrations: readonly { readonly kind: keyof typeof KINDS; readonly hasDown: boolean }[];
  readonly stepwise: boolean;
  readonly failure: (typeof FAILURES)[number];
  /** Before which statement of the last migration; beyond the last one, after all. */
  readonly failsAt: number;
  readonly rehearse: boolean;
  readonly writers: number;
  readonly writerPauseMs: number;
}

export const histories: fc.Arbitrary<History> = fc.record({
  migrations: fc.array(
    fc.record({
      kind: fc.constantFrom(...(Object.keys(KINDS) as (keyof typeof KINDS)[])),
      // Mostly there, so that both ways back are taken.
      hasDown: fc.integer({ min: 0, max: 3 }).map((die) => die > 0),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  stepwise: fc.boolean(),
  failure: fc.constantFrom(...FAILURES),
  failsAt: fc.nat({ max: 2 }),
  rehearse: fc.boolean(),
  writers: fc.integer({ min: 1, max: 2 }),
  writerPauseMs: fc.nat({ max: 10 }),
});

/** @param port of the production server: on a clone, and beside it, nothing fails. */
export function migrationsOf(history: History, port: number): readonly Migration[] {
  const here = `current_setting('port') = '${port}'`;
  return history.migrations.map(({ kind, hasDown }, index) => {
    const of: Kind = KINDS[kind];
    const isLast = index === history.migrations.length - 1;
    const up = isLast ? withFailure(of.up(index), history, here) : of.up(index);
    const downs = of.down?.(index);
    // What breaks the invariant is undone with the rest.
    const mends = isLast && history.failure === 'invariant' ? [`UPDATE m1 SET n = n - 1 WHERE ${here}`] : [];
    const head = history.stepwise && isLast ? '-- godwit:stepwise because of a test\n' : '';
    return migrationOf(`2026020${index + 1}000000_${kind.replaceAll(' ', '_')}`, {
      up: head + script(up),
      ...(hasDown && downs !== undefined ? { down: script([...mends, ...downs]) } : {}),
    });
  });
}

function withFailure(
  statements: readonly string[],
  { failure, failsAt }: History,
  here: string,
): readonly string[] {
  const fails = {
    statement: `SELECT 1 / (NOT ${here})::int`,
    session: `SELECT pg_terminate_backend(pg_backend_pid()) WHERE ${here}`,
    invariant: `UPDATE m1 SET n = n + 1 WHERE ${here}`,
  };
  return statements.toSpliced(Math.min(failsAt, statements.length), 0, fails[failure]);
}

const script = (statements: readonly string[]): string =>
  statements.map((statement) => `${statement};\n`).join('');

function migrationOf(name: string, { up, down }: { up: string; down?: string }): Migration {
  return { name, sql: up, downSql: down, checksum: checksumOf(up) };
}
