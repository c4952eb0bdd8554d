/** On a clone: what a down script loses of data written after its migration is found out by writing it. */
import { readTables } from '../../lambda/checks/probes/columns';
import { follow } from '../../lambda/checks/probes/losses';
import { nextTransaction, writeProbes } from '../../lambda/checks/probes/write';
import { withSession } from '../../lambda/ports/database';
import { execute } from '../support/prisma-engine';
import { idsIn, lossesIn, type Script, useRehearsals } from '../support/rehearsals';

/** Each case has a table of its own, called `t0`, `t1` and so on. */
const table = (name: string): string => `
CREATE TABLE ${name}_log (line varchar(9));
CREATE TABLE ${name} (
  id int PRIMARY KEY,
  full_name text NOT NULL,
  code varchar(5),
  balance numeric(10,2) NOT NULL DEFAULT 0,
  kind kind NOT NULL DEFAULT 'plain',
  opened timestamp(0) NOT NULL DEFAULT '2026-01-01 00:00:00'
);
INSERT INTO ${name} (id, full_name, code, balance)
  SELECT n * 100, 'First' || chr(96 + n) || ' Last' || chr(96 + n), 'c' || n, n FROM generate_series(1, 9) n;`;

interface Case extends Required<Script> {
  /** Column, or nothing for the table, and how. */
  readonly lost: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  'a new column goes with what was written into it': {
    up: 'ALTER TABLE t ADD COLUMN note text',
    down: 'ALTER TABLE t DROP COLUMN note',
    lost: ['.note dropped'],
  },
  'a new table goes with its rows, though it has none yet': {
    up: 'CREATE TABLE t_more (id int PRIMARY KEY)',
    down: 'DROP TABLE t_more',
    lost: ['_more dropped'],
  },
  'a column that is renamed and back keeps what was written': {
    up: 'ALTER TABLE t RENAME COLUMN full_name TO name; ALTER TABLE t ADD extra int',
    down: 'ALTER TABLE t DROP extra; ALTER TABLE t RENAME COLUMN name TO full_name',
    lost: ['.extra dropped'],
  },
  'a table that is renamed and back keeps what was written': {
    up: 'ALTER TABLE t RENAME TO t_other; ALTER TABLE t_other ADD extra int',
    down: 'ALTER TABLE t_other DROP extra; ALTER TABLE t_other RENAME TO t',
    lost: ['_other.extra dropped'],
  },
  'constraints and indexes that come and go lose nothing': {
    up: 'ALTER TABLE t ADD CONSTRAINT positive CHECK (balance >= 0); CREATE INDEX t_by_name ON t (full_name)',
    down: 'ALTER TABLE t DROP CONSTRAINT positive; DROP INDEX t_by_name',
    lost: [],
  },
  'a constant put back over what was written overwrites it': {
    up: "UPDATE t SET kind = 'gold'",
    down: "UPDATE t SET kind = 'plain'",
    lost: ['.kind overwritten'],
  },
  'rows that the migration made are deleted with what was changed in them': {
    up: "INSERT INTO t (id, full_name) SELECT n, 'house' FROM generate_series(450, 460) n",
    down: 'DELETE FROM t WHERE id BETWEEN 450 AND 460',
    lost: [' deleted'],
  },
  'a scale that is narrowed back rounds': {
    up: 'ALTER TABLE t ALTER balance TYPE numeric(36,18)',
    down: 'ALTER TABLE t ALTER balance TYPE numeric(10,2)',
    lost: ['.balance overwritten'],
  },
  'fractions of a second that are narrowed back are rounded': {
    up: 'ALTER TABLE t ALTER opened TYPE timestamp(3)',
    down: 'ALTER TABLE t ALTER opened TYPE timestamp(0)',
    lost: ['.opened overwritten'],
  },
  'a text that is cut back to its former length is cut': {
    up: 'ALTER TABLE t ALTER code TYPE text',
    down: 'ALTER TABLE t ALTER code TYPE varchar(5) USING left(code, 5)',
    lost: ['.code overwritten'],
  },
  'where nothing can be written, for want of a primary key, the statements tell': {
    up: 'ALTER TABLE t_log ALTER line TYPE text; ALTER TABLE t ADD extra int',
    down: 'ALTER TABLE t DROP extra; ALTER TABLE t_log ALTER line TYPE varchar(9) USING left(line, 9)',
    lost: ['.extra dropped', '_log.line overwritten'],
  },
  'a type that changes and back loses nothing where the conversion does not': {
    up: 'ALTER TABLE t ALTER balance DROP DEFAULT, ALTER balance TYPE bigint USING balance * 100',
    down: 'ALTER TABLE t ALTER balance TYPE numeric(10,2) USING balance / 100.0, ALTER balance SET DEFAULT 0',
    lost: [],
  },
  'a column that is split loses nothing where its parts are put together again': {
    up: `ALTER TABLE t ADD first text NOT NULL DEFAULT '', ADD last text NOT NULL DEFAULT '';
         UPDATE t SET first = split_part(full_name, ' ', 1), last = split_part(full_name, ' ', 2);
         ALTER TABLE t DROP full_name`,
    down: `ALTER TABLE t ADD full_name text;
           UPDATE t SET full_name = first || ' ' || last;
           ALTER TABLE t ALTER full_name SET NOT NULL, DROP first, DROP last`,
    lost: [],
  },
  'parts that may be NULL and are put together as empty come back as empty': {
    up: `ALTER TABLE t ADD first text;
         UPDATE t SET first = full_name;
         ALTER TABLE t DROP full_name`,
    down: `ALTER TABLE t ADD full_name text NOT NULL DEFAULT '';
           UPDATE t SET full_name = coalesce(first, '');
           ALTER TABLE t ALTER full_name DROP DEFAULT, DROP first`,
    lost: ['.first dropped'],
  },
  'a column that is split loses its parts where the former whole is taken out of a drawer': {
    up: `ALTER TABLE t RENAME full_name TO full_name_old;
         ALTER TABLE t ADD first text NOT NULL DEFAULT '', ADD last text NOT NULL DEFAULT '';
         UPDATE t SET first = split_part(full_name_old, ' ', 1), last = split_part(full_name_old, ' ', 2)`,
    down: 'ALTER TABLE t DROP first, DROP last; ALTER TABLE t RENAME full_name_old TO full_name',
    lost: ['.first dropped', '.last dropped'],
  },
  'what a DO block writes into a table that nothing names is seen': {
    up: 'COMMENT ON TABLE t IS NULL',
    down: `DO $$ BEGIN EXECUTE 'UPDATE ' || 't_' || 'unnamed SET amount = id'; END $$`,
    lost: ['_unnamed.amount overwritten'],
  },
};

const inTable = (sql: string, index: number): string =>
  sql.replace(/\bt(?=[_\s;]|$)/g, `t${index}`).replace(/'t_'/, `'t${index}_'`);

const cases = Object.entries(CASES);
const INIT = `
CREATE TYPE kind AS ENUM ('plain', 'gold');
${cases.map((_, index) => table(`t${index}`)).join('\n')}
CREATE TABLE t${cases.length - 1}_unnamed (id int PRIMARY KEY, amount int NOT NULL);
INSERT INTO t${cases.length - 1}_unnamed SELECT n, n FROM generate_series(1, 3) n;
`;

const rehearsals = useRehearsals(INIT);
const { rehearse } = rehearsals;

test('every down script is known by what it loses of what was written since, and by nothing else', async () => {
  const rehearsal = await rehearse(
    cases.map(([, { up, down }], index) => ({ up: inTable(up, index), down: inTable(down, index) })),
  );
  expect(rehearsal.downProven).toHaveLength(cases.length);
  const losses = lossesIn(rehearsal);
  const found = cases.map(([sentence], index) => {
    const prefix = `${index + 2}_test "public"."t${index}`;
    const own = losses.filter((loss) => loss.startsWith(prefix));
    return [sentence, own.map((loss) => loss.slice(prefix.length).replace('"', ''))];
  });
  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(cases.map(([sentence, { lost }]) => [sentence, lost])),
  );
  expect(losses).toHaveLength(cases.flatMap(([, { lost }]) => lost).length);
  const told = rehearsal.findings.filter(({ id }) => id === 'down-script-loses-writes');
  expect(told.map(({ severity }) => severity).sort()).toEqual([
    ...Array(6).fill('info'),
    ...Array(7).fill('warning'),
  ]);
});

test('a script that fails on values of the new ranges says so, and is tried with those of the former ones', async () => {
  const rehearsal = await rehearse([
    { up: 'ALTER TABLE t0 ADD note text', down: 'ALTER TABLE t0 DROP note' },
    {
      up: 'ALTER TABLE t0 ALTER code TYPE text, ALTER balance TYPE numeric(36,18), ALTER full_name DROP NOT NULL',
      down: 'ALTER TABLE t0 ALTER code TYPE varchar(5), ALTER balance TYPE numeric(10,2), ALTER full_name SET NOT NULL',
    },
  ]);
  expect(rehearsal.downProven).toEqual(['2_test', '3_test']);
  expect(rehearsal.findings).toContainEqual(
    expect.objectContaining({
      id: 'down-script-refuses-writes',
      migration: '3_test',
      effect: expect.stringContaining('value too long for type character varying(5)'),
    }),
  );
  expect(lossesIn(rehearsal)).toEqual([
    '3_test "public"."t0".code overwritten',
    '3_test "public"."t0".balance overwritten',
    '2_test "public"."t0".note dropped',
  ]);
});

test('a column that a later migration renames is lost under both of its names', async () => {
  const rehearsal = await rehearse([
    { up: 'ALTER TABLE t0 ADD note text', down: 'ALTER TABLE t0 DROP note' },
    { up: 'ALTER TABLE t0 RENAME note TO remark', down: 'ALTER TABLE t0 RENAME remark TO note' },
  ]);
  expect(lossesIn(rehearsal)).toEqual([
    '2_test "public"."t0".note dropped',
    '2_test "public"."t0".remark dropped',
  ]);
});

test('a rehearsal stopped while it tries written data keeps its proof, and goes by what the statements say', async () => {
  const stop = new AbortController();
  const rehearsal = await rehearse(
    [{ up: 'ALTER TABLE t0 ADD note text', down: 'ALTER TABLE t0 DROP note' }],
    {
      signal: stop.signal,
      progress: {
        report: (event) => void ('message' in event && event.message?.startsWith('writing') && stop.abort()),
      },
    },
  );
  expect(rehearsal.downProven).toEqual(['2_test']);
  expect(idsIn(rehearsal)).toEqual(['writes-not-tried']);
  expect(lossesIn(rehearsal)).toEqual(['2_test "t0".note dropped']);
});

test('a value of every type is changed in every row, and found again where its type was changed around it', async () => {
  await execute(rehearsals.database, EVERY_TYPE);
  await withSession(rehearsals.database, { applicationName: 'godwit test' }, async (session) => {
    const before = await readTables(session);
    const plan = { before, since: await nextTransaction(session), signal: new AbortController().signal };
    const tables = [...before.values()].filter(({ name }) => name === '"public"."every"');
    const probed = await writeProbes(session, { ...plan, tables, boldness: 'new-ranges' });
    expect(probed.map(({ refused }) => refused)).toEqual([['fixed']]);
    const unchanged = probed[0]?.columns.filter(
      ({ column: { name }, original, written }) =>
        !['fixed', 'kind', 'yes'].includes(name) && written.some((value, row) => value === original[row]),
    );
    expect(unchanged?.map(({ column }) => column.name)).toEqual([]);

    await session.query(`ALTER TABLE every DROP twice, ALTER n TYPE text, ALTER big TYPE numeric(30,4), ALTER num TYPE numeric(40,10),
      ALTER d TYPE timestamp, ALTER yes TYPE text, ALTER j TYPE jsonb, ALTER v TYPE text, ALTER kind TYPE text, ALTER f4 TYPE float8`);
    expect((await follow(session, probed, await readTables(session))).losses).toEqual([]);
    await session.query(
      'ALTER TABLE every ALTER ts TYPE date, ALTER num TYPE int; UPDATE every SET cash = 0 WHERE n = (SELECT min(n) FROM every)',
    );
    const { losses } = await follow(session, probed, await readTables(session));
    expect(losses.map(({ column }) => column?.name)).toEqual(['ts', 'cash']);
  });
});

const EVERY_TYPE = `
CREATE DOMAIN price AS numeric(12,4) CHECK (value >= 0);
CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, 3);
CREATE TABLE every (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int, "n""q" smallint, big bigint, num numeric, price price,
  narrow numeric(4,-2), f4 real, f8 double precision, t text, v varchar(3), c char(4), yes bool, d date, ts timestamptz(3),
  tod time, lapse interval, u uuid, j json, jb jsonb, raw bytea, kind kind, list text[], ip inet, cash money,
  parent_id int REFERENCES parent, address text CHECK (address ~ '^0x[0-9a-f]{4}$'),
  twice int GENERATED ALWAYS AS (n * 2) STORED, fixed text CHECK (fixed = 'x')
);
INSERT INTO every (n, "n""q", big, num, price, narrow, f4, f8, t, v, c, yes, d, ts, tod, lapse, u, j, jb, raw, kind, list, ip,
                   cash, parent_id, address, fixed)
  SELECT g, g, g, g, g, 100, g, g, 'a b', 'abc', 'abcd', g = 1, '2026-01-01', '2026-01-01', '12:00', '1 day', gen_random_uuid(),
         '{"a":1}', '[1]', '', 'plain', '{a}', '10.0.0.1', 1, g, '0x00a' || g, 'x' FROM generate_series(1, 3) g;`;
