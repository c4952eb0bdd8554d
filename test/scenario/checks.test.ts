import { differenceOf, isSame, pictureCatalog } from '../../lambda/checks/catalog';
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
    ['the database', 'on', () => `DATABASE ${database.address.database}`, undefined],
    ['the database, in other words', 'TRUE', () => `DATABASE ${database.address.database}`, undefined],
    ['the role', 'on', () => `ROLE ${QUOTED}`, QUOTED],
    ['the role in the database', 'yes', () => `ROLE ${QUOTED} IN DATABASE ${database.address.database}`, QUOTED],
  ])('finds the fence that is a setting of %s (%s), and the remedy lifts it', async (_, value, owner, role) => {
    await run(`ALTER ${owner()} SET default_transaction_read_only = ${value}`);
    const findings = await findingsAs(role);
    expect(findings).toEqual([expect.objectContaining({ id: 'database-read-only', severity: 'error' })]);
    const remedy = findings[0]?.remedy ?? '';
    expect(remedy).toContain(`ALTER ${owner()} RESET default_transaction_read_only`);
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
      expect.objectContaining({ id: 'sessions-hidden', effect: expect.stringMatching(/^[1-9]\d* sessions? of other roles/) }),
    ]);
    await run('GRANT pg_read_all_stats TO onlooker');
    expect(await findings(0, 'SET ROLE onlooker')).toEqual([expect.objectContaining({ id: 'old-transaction' })]);
    await idle.query('ROLLBACK');
  });
});

describe('readContents', () => {
  const HOSTILE = [`it's "quoted"`, 'with space', 'Zürich 🏦', 'new\nline', 'select', '__proto__', '$1; DROP TABLE x'];
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
    expect(Object.keys(read)).toHaveLength(HOSTILE.length + 1);
    expect(Object.values(read).map((table) => table.rows).sort()).toEqual(['0', ...HOSTILE.map(() => '4')]);
  });

  it.each(HOSTILE)('finds a changed value, a swapped pair, a lost row and a lost duplicate in %j', async (name) => {
    const table = quoted(name);
    const id = quoted(`${name} id`);
    const found = [await differing(`UPDATE ${table} SET t = 'A' WHERE ${id} = 1`)];
    found.push(await differing(`UPDATE ${table} SET t = CASE t WHEN 'A' THEN 'b' ELSE 'A' END WHERE t IS NOT NULL`));
    found.push(await differing(`UPDATE ${table} SET t = '' WHERE t IS NULL`));
    found.push(await differing(`DELETE FROM ${table} WHERE ctid = (SELECT max(ctid) FROM ${table} WHERE ${id} = 2)`));
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
                                ('nan', 'NaN', NULL, 'infinity', '-0')`,
    );
  });

  const invariant = (name: string, sql: string): Invariant =>
    parseInvariant({ file: `invariants/${name}.sql`, sql: `-- invariant: ${name}\n-- key: id\n${sql}` });
  const read = (...invariants: Invariant[]) => takeReadings({ database, invariants, asOf: '2026-02-01T12:00:00.500Z' });
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
      { id: 'nan', usd: 'NaN', at: null, seen: 'infinity', rate: '-0' },
    ]);
  });

  it('gives time-dependent invariants the instant that the run chose, in UTC', async () => {
    expect(await rowsOf(`SELECT current_setting('godwit.as_of')::timestamp AS id, current_setting('timezone') AS zone`)).toEqual([
      { id: '2026-02-01T12:00:00.5', zone: 'UTC' },
    ]);
  });

  it('keeps the others where one query fails, and reads all in one snapshot', async () => {
    const count = 'SELECT count(*) AS id, pg_current_snapshot() AS snapshot FROM price';
    const [first, last] = [invariant('first', count), invariant('last', `${count} -- to the end`)];
    const failing = ['SELECT 1 / 0 AS id', `SELECT * FROM "it's gone"`, 'SELECT', 'SELEC', 'SELECT $1 AS id', 'SELECT 1 AS id; SELECT 2 AS id']
      .map((sql, index) => invariant(`failing ${index}`, sql));
    const told: number[] = [];
    const readings = await takeReadings({
      database,
      invariants: [first, ...failing, last],
      asOf: '2026-02-01T12:00:00Z',
      onReading: (_, done) => told.push(done),
    });
    expect(readings[first.file]).toEqual({ rows: [{ id: '2', snapshot: expect.any(String) }], durationMs: expect.any(Number) });
    expect(readings[last.file]).toMatchObject({ rows: (readings[first.file] as { rows: unknown[] }).rows });
    const [divided, absent] = failing.map((one) => readings[one.file]);
    expect(divided).toEqual({ problem: 'division by zero' });
    expect(absent).toEqual({ problem: expect.stringContaining(`it's gone`) });
    for (const one of failing.slice(3)) expect(readings[one.file]).toEqual({ problem: expect.stringMatching(/./) });
    expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('lets no invariant write', async () => {
    await run(`CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM price RETURNING 1'; CREATE SEQUENCE counter`);
    expect(await readOne('SELECT wipe() AS id')).toEqual({ problem: expect.stringContaining('read-only transaction') });
    expect(await readOne(`SELECT nextval('counter') AS id`)).toEqual({ problem: expect.stringContaining('read-only transaction') });
    expect(await readOne('WITH gone AS (DELETE FROM price RETURNING id) SELECT id FROM gone')).toHaveProperty('problem');
    expect(await rowsOf('SELECT count(*) AS id FROM price')).toEqual([{ id: '2' }]);
  });
});
