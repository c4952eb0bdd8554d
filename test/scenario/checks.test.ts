import { takeReadings } from '../../lambda/checks/readings';
import { checkServer } from '../../lambda/checks/server';
import { differingTables, readContents } from '../../lambda/checks/table-content';
import { checkTransactions } from '../../lambda/checks/transactions';
import { type Invariant, parseInvariant, type Reading } from '../../lambda/domain/invariant';
import { type Database, type Session, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';

const server = useCluster();
const TEST = { applicationName: 'test' } as const;
const READER = { ...TEST, readOnly: true } as const;

let database: Database;
const run = (sql: string) => withSession(database, TEST, (session) => session.query(sql));

describe('checkServer', () => {
  const ROLE = `Ops "night"'s role`;
  const QUOTED = `"Ops ""night""'s role"`;

  beforeAll(async () => {
    database = await server.freshDatabase();
    await run(`CREATE ROLE ${QUOTED}; CREATE TABLE "Wallet; --" (id int); CREATE TABLE plain (id int)`);
  });

  const findingsAs = (role: string | undefined, before = '') =>
    withSession(database, READER, async (session) => {
      await session.query(before);
      if (role !== undefined) await session.query(`SET ROLE ${role}`);
      return checkServer(session);
    });

  it('finds nothing against a role that owns everything', async () => {
    expect(await findingsAs(undefined)).toEqual([]);
  });

  it('names each right that a role lacks, and how to grant it, whatever the role is called', async () => {
    const { database: name } = database.address;
    expect(await findingsAs(QUOTED)).toEqual([
      expect.objectContaining({
        id: 'insufficient-rights',
        severity: 'error',
        subject: `role ${ROLE}`,
        effect: 'may not create objects in schema public',
        remedy: `GRANT USAGE, CREATE ON SCHEMA "public" TO ${QUOTED}.`,
      }),
      expect.objectContaining({
        effect: expect.stringContaining(`may not create schemas in ${name}`),
        remedy: `GRANT CREATE ON DATABASE "${name}" TO ${QUOTED}.`,
      }),
      expect.objectContaining({ effect: 'does not own "Wallet; --", plain: ALTER TABLE needs ownership' }),
    ]);
  });

  it('is content once the rights that it named are granted', async () => {
    const before = (await findingsAs(QUOTED)).map((finding) => finding.remedy);
    const grants = before.filter((remedy) => remedy.includes(' ON '));
    expect(grants).toHaveLength(2);
    for (const grant of grants) await run(grant.replace(/\.$/, ''));
    await run(`ALTER TABLE "Wallet; --" OWNER TO ${QUOTED}; ALTER TABLE plain OWNER TO ${QUOTED}`);
    expect(await findingsAs(QUOTED)).toEqual([]);
  });

  it('looks into the schema of the search path, whatever it is called', async () => {
    await run(`CREATE SCHEMA "My ""App"""; CREATE TABLE "My ""App""".mine (id int)`);
    const findings = await findingsAs(QUOTED, `SET search_path TO "My ""App"""`);
    expect(findings.map((finding) => finding.effect)).toEqual([
      expect.stringContaining('finds no schema that it may use in its search path "My ""App"""'),
    ]);
    await run(`GRANT USAGE ON SCHEMA "My ""App""" TO ${QUOTED}`);
    const usable = await findingsAs(QUOTED, `SET search_path TO "My ""App"""`);
    expect(usable.map((finding) => finding.effect)).toEqual([
      'may not create objects in schema My "App"',
      'does not own mine: ALTER TABLE needs ownership',
    ]);
  });

  it.each([
    ['DATABASE this', 'on', undefined],
    ['DATABASE this', 'TRUE', undefined],
    [`ROLE ${QUOTED}`, 'on', QUOTED],
    [`ROLE ${QUOTED} IN DATABASE this`, 'yes', QUOTED],
  ])('finds the fence of ALTER %s SET … = %s, and its remedy lifts it', async (target, value, role) => {
    const owner = target.replace('this', database.address.database);
    await run(`ALTER ${owner} SET default_transaction_read_only = ${value}`);
    const findings = await findingsAs(role);
    expect(findings).toEqual([expect.objectContaining({ id: 'database-read-only', severity: 'error' })]);
    const remedy = findings[0]?.remedy ?? '';
    expect(remedy).toContain(`ALTER ${owner} RESET default_transaction_read_only`);
    await run(remedy.slice(remedy.indexOf('ALTER'), -1));
    expect(await findingsAs(role)).toEqual([]);
  });

  it('is no fence where the setting is off, or of another role or database', async () => {
    await run(
      `ALTER DATABASE ${database.address.database} SET default_transaction_read_only = off;
       ALTER ROLE ${QUOTED} SET default_transaction_read_only = on`,
    );
    expect(await findingsAs(undefined)).toEqual([]);
    await run(`ALTER ROLE ${QUOTED} RESET default_transaction_read_only`);
  });
});

describe('checkTransactions', () => {
  const APPLICATION = "nightly 'export'";
  let idle: Session;

  beforeAll(async () => {
    database = await server.freshDatabase();
    idle = await database.connect({ applicationName: APPLICATION });
  });
  afterAll(() => idle.close());

  const findings = (olderThanMs: number, before = 'SELECT') =>
    withSession(database, READER, async (session) => {
      await session.query(before);
      return checkTransactions(session, olderThanMs);
    });

  it('sees a session that sits idle in its transaction, and not one that is merely connected', async () => {
    expect(await findings(0)).toEqual([]);
    await idle.query('BEGIN');
    await idle.query('CREATE ROLE onlooker');
    const found = await findings(0);
    expect(found).toEqual([expect.objectContaining({ id: 'old-transaction', severity: 'warning' })]);
    expect(found[0]?.subject).toContain(`session ${idle.backendPid} of `);
    expect(found[0]?.subject).toContain(`(${APPLICATION}, idle in transaction)`);
    expect(await findings(60_000)).toEqual([]);
    await idle.query('COMMIT');
    expect(await findings(0)).toEqual([]);
  });

  it('does not claim that there are none where it may not look', async () => {
    await idle.query('BEGIN');
    expect(await findings(0, 'SET ROLE onlooker')).toEqual([
      expect.objectContaining({
        id: 'sessions-hidden',
        effect: expect.stringMatching(/^[1-9]\d* sessions? of other roles/),
      }),
    ]);
    await run('GRANT pg_read_all_stats TO onlooker');
    expect(await findings(0, 'SET ROLE onlooker')).toEqual([
      expect.objectContaining({ id: 'old-transaction' }),
    ]);
    await idle.query('ROLLBACK');
  });
});

describe('readContents', () => {
  const HOSTILE = [`it's "quoted"`, 'with space', 'Zürich 🏦', 'new\nline', '__proto__', '$1; DROP TABLE x'];
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

  beforeAll(async () => {
    database = await server.freshDatabase();
    for (const name of HOSTILE) {
      await run(`CREATE TABLE ${quoted(name)} (${quoted(`${name} id`)} int, t text);
                 INSERT INTO ${quoted(name)} VALUES (1, 'a'), (2, 'b'), (2, 'b'), (3, NULL)`);
    }
    await run(
      `CREATE TABLE empty (id int); CREATE SCHEMA _godwit; CREATE TABLE _godwit.j (id int); CREATE TABLE _prisma_migrations (id int)`,
    );
  });

  const contents = () => withSession(database, READER, readContents);
  const differing = async (sql: string) => {
    const before = await contents();
    await run(sql);
    return differingTables(before, await contents());
  };

  it('reads every table, whatever it is called, but no bookkeeping', async () => {
    const read = await contents();
    const rows = Object.values(read).map((table) => table.rows);
    expect(rows.sort()).toEqual(['0', ...HOSTILE.map(() => '4')]);
  });

  it.each(HOSTILE)('finds a changed value, a swapped pair, a lost duplicate in %j', async (name) => {
    const table = quoted(name);
    const id = quoted(`${name} id`);
    const found = [
      await differing(`UPDATE ${table} SET t = 'A' WHERE ${id} = 1`),
      await differing(`UPDATE ${table} SET t = 'B' WHERE ${id} = 2`),
      await differing(`UPDATE ${table} SET t = 'C' WHERE ${id} = 3`),
      await differing(`UPDATE ${table} SET ${id} = 4 - ${id} WHERE ${id} IN (1, 3)`),
      await differing(`UPDATE ${table} SET t = NULL WHERE t = 'C'`),
      await differing(`DELETE FROM ${table} WHERE ctid = (SELECT max(ctid) FROM ${table} WHERE ${id} = 2)`),
    ];
    for (const names of found) expect(names).toEqual([expect.stringMatching(/^public\./)]);
    expect(new Set(found.flat()).size).toBe(1);
  });

  it('does not mind the order of rows and columns', async () => {
    expect(
      await differing(`CREATE TABLE copy AS TABLE "with space" ORDER BY 2 DESC; DROP TABLE "with space";
        CREATE TABLE "with space" (t text, "with space id" int);
        INSERT INTO "with space" SELECT t, "with space id" FROM copy ORDER BY 2; DROP TABLE copy;
        INSERT INTO _prisma_migrations VALUES (1)`),
    ).toEqual([]);
  });

  it('tells an empty table from none', async () => {
    expect(await differing('DROP TABLE empty')).toEqual(['public.empty']);
  });
});

describe('takeReadings', () => {
  beforeAll(async () => {
    database = await server.freshDatabase();
    await run(
      `CREATE TABLE price (id text, usd numeric(38,18), at timestamptz, seen timestamp, rate float8);
       INSERT INTO price VALUES ('eth', 12345678901234567890.123456789012345670, '2026-01-31 23:59:59.123456+05:30', '2026-01-31 23:59:59.100001', 0.1),
                                ('nan', 'NaN', NULL, 'infinity', 0.30000000000000004)`,
    );
  });

  const invariant = (name: string, sql: string): Invariant =>
    parseInvariant({ file: `invariants/${name}.sql`, sql: `-- invariant: ${name}\n-- key: id\n${sql}` });
  const read = (...invariants: Invariant[]) =>
    takeReadings({ database, invariants, asOf: '2026-02-01T12:00:00.500Z' });
  const readOne = async (sql: string): Promise<Reading | undefined> => {
    const one = invariant('one', sql);
    return (await read(one))[one.file];
  };
  const rowsOf = async (sql: string) => {
    const reading = await readOne(sql);
    return reading && 'rows' in reading ? reading.rows : reading;
  };

  it('keeps every digit of numbers and instants', async () => {
    expect(await rowsOf('SELECT * FROM price ORDER BY id; ')).toEqual([
      {
        id: 'eth',
        usd: '12345678901234567890.123456789012345670',
        at: '2026-01-31T18:29:59.123456+00:00',
        seen: '2026-01-31T23:59:59.100001',
        rate: '0.1',
      },
      { id: 'nan', usd: 'NaN', at: null, seen: 'infinity', rate: '0.30000000000000004' },
    ]);
  });

  it('gives time-dependent invariants the instant that the run chose, in UTC', async () => {
    const sql = `SELECT current_setting('godwit.as_of')::timestamp AS id, current_setting('timezone') AS zone`;
    expect(await rowsOf(sql)).toEqual([{ id: '2026-02-01T12:00:00.5', zone: 'UTC' }]);
  });

  it('keeps the others where one query fails', async () => {
    const count = 'SELECT count(*) AS id FROM price';
    const failing = [
      'SELECT 1 / 0 AS id',
      `SELECT * FROM "it's gone"`,
      'SELEC',
      'SELECT $1 AS id',
      `${count}; ${count}`,
    ];
    const [first, last] = [invariant('first', count), invariant('last', `${count} -- to the end`)];
    const broken = failing.map((sql, index) => invariant(`failing ${index}`, sql));
    const readings = await read(first, ...broken, last);
    expect(Object.keys(readings)).toHaveLength(failing.length + 2);
    for (const { file } of [first, last]) expect(readings[file]).toMatchObject({ rows: [{ id: '2' }] });
    expect(broken.map(({ file }) => readings[file])).toEqual([
      { problem: 'division by zero' },
      { problem: `relation "it's gone" does not exist`, isAbsent: true },
      ...failing.slice(2).map(() => ({ problem: expect.stringMatching(/SELEC|parameter|syntax/) })),
    ]);
  });

  it('reads all in one snapshot, however much is written meanwhile', async () => {
    let writing: Promise<unknown> = Promise.resolve();
    const [first, slow, last] = ['', 'FROM pg_sleep(0.4)', ''].map((from, index) =>
      invariant(`${index}`, `SELECT (SELECT count(*) FROM price) AS id ${from}`),
    ) as [Invariant, Invariant, Invariant];
    const onReading = (_: Invariant, done: number): void => {
      if (done === 1) writing = run(`INSERT INTO price VALUES ('late')`);
    };
    const readings = await takeReadings({
      database,
      invariants: [first, slow, last],
      asOf: '2026-02-01T12:00:00Z',
      onReading,
    });
    await writing;
    expect(await rowsOf(first.sql)).toEqual([{ id: '3' }]);
    expect(readings[last.file]).toMatchObject({ rows: [{ id: '2' }] });
    await run(`DELETE FROM price WHERE id = 'late'`);
  });

  it('lets no invariant write', async () => {
    await run(
      `CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM price RETURNING 1'; CREATE SEQUENCE counter`,
    );
    const refused = { problem: expect.stringContaining('read-only transaction') };
    expect(await readOne('SELECT wipe() AS id')).toEqual(refused);
    expect(await readOne(`SELECT nextval('counter') AS id`)).toEqual(refused);
    expect(await readOne('WITH gone AS (DELETE FROM price RETURNING id) SELECT id FROM gone')).toHaveProperty(
      'problem',
    );
    expect(await rowsOf('SELECT count(*) AS id FROM price')).toEqual([{ id: '2' }]);
  });
});
