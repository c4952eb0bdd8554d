import { proveEquivalence } from '../../cli/rewrite/prove';
import { compareEnds } from '../../lambda/checks/equivalence';
import { addSampleRows } from '../../lambda/checks/sample-rows';
import { type Session, withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';
import { corpusBase, groundOn, migrationOf, PRISMA_SCHEMA } from '../support/rewrite-corpus';

const OPTIONS = { applicationName: 'test' } as const;

const server = useCluster({
  template: (database) =>
    withSession(database, OPTIONS, async (session) => {
      await session.query(corpusBase.sql);
      await addSampleRows(session);
    }),
});

async function comparison(original: string, rewritten: string) {
  const open: Session[] = [];
  const after = async (sql: string): Promise<Session> => {
    const session = await (await server.freshDatabase()).connect(OPTIONS);
    open.push(session);
    await session.query(sql);
    return session;
  };
  try {
    return await compareEnds({
      original: await after(original),
      rewritten: await after(rewritten),
      again: () => after(original),
    });
  } finally {
    await Promise.all(open.map((session) => session.close()));
  }
}

const ADD_ID = 'ALTER TABLE "TokenBalance" ADD COLUMN "publicId" UUID';

test.each([
  [
    'a constraint that was not validated',
    'ALTER TABLE "TokenBalance" ADD CONSTRAINT "c" CHECK ("rank" >= 0)',
    'ALTER TABLE "TokenBalance" ADD CONSTRAINT "c" CHECK ("rank" >= 0) NOT VALID',
    'NOT VALID',
  ],
  [
    'a column that is not required',
    'ALTER TABLE "TokenBalance" ADD COLUMN "a" INT NOT NULL DEFAULT 1',
    'ALTER TABLE "TokenBalance" ADD COLUMN "a" INT DEFAULT 1',
    'column public."TokenBalance".a: integer default 1',
  ],
  [
    'a value in one row',
    'SELECT 1',
    `UPDATE "Token" SET "symbol" = 'x' WHERE ctid = '(0,1)'`,
    'holds other rows',
  ],
  ['a row more', 'SELECT 1', `INSERT INTO "Token" VALUES ('x', 'x')`, '7 and 8'],
  [
    'values that never came',
    `${ADD_ID} DEFAULT gen_random_uuid()`,
    `${ADD_ID}; ALTER TABLE "TokenBalance" ALTER COLUMN "publicId" SET DEFAULT gen_random_uuid()`,
    'is NULL in 7 rows instead of 0',
  ],
  [
    'a sequence that stands elsewhere',
    'CREATE SEQUENCE s',
    `CREATE SEQUENCE s; SELECT nextval('s')`,
    'stands at 1',
  ],
])('%s is found out', async (_, original, rewritten, difference) => {
  const { differences } = await comparison(original, rewritten);
  expect(differences).not.toEqual([]);
  expect(differences.join('\n')).toContain(difference);
});

test('what each run makes anew is compared by whether it is there, and another order of columns is only said', async () => {
  const { differences, notes } = await comparison(
    `ALTER TABLE "Token" ADD COLUMN "a" UUID DEFAULT gen_random_uuid(), ADD COLUMN "b" INT`,
    `ALTER TABLE "Token" ADD COLUMN "b" INT, ADD COLUMN "a" UUID DEFAULT gen_random_uuid()`,
  );
  expect(differences).toEqual([]);
  expect(notes).toEqual([
    'public."Token".a has other values at each run, and one in as many rows',
    'the columns of public."Token" stand in another order: id, symbol, b, a',
  ]);
});

test('a rewritten form that fails, or ends otherwise, is not proven, and no database is left behind', async () => {
  const ground = await groundOn(server);
  const proofOf = (sql: string) =>
    proveEquivalence(ground, {
      schema: PRISMA_SCHEMA,
      before: [corpusBase],
      original: migrationOf('20251201090000_a', 'CREATE INDEX "x" ON "Token" ("symbol");'),
      rewritten: [{ name: '20251201090000_a', sql, phase: 'expand' }],
    });
  expect(await proofOf('CREATE INDEX "x" ON "Token" ("missing");')).toMatchObject({
    proven: false,
    differences: [expect.stringContaining('"missing" does not exist')],
  });
  expect(await proofOf('CREATE INDEX "x" ON "Token" ("symbol" DESC);')).toMatchObject({ proven: false });
  const { rows } = await withSession(ground.maintenance, OPTIONS, (session) =>
    session.query(`SELECT datname FROM pg_database WHERE datname LIKE 'godwit%'`),
  );
  expect(rows).toEqual([]);
});

test('sample rows are found for tables with checks, keys and references; what takes none is named', async () => {
  const database = await server.freshDatabase();
  const { empty, tables } = await withSession(database, OPTIONS, async (session) => {
    await session.query(`
      CREATE TABLE "Address" ("hex" VARCHAR(42) PRIMARY KEY CHECK ("hex" ~ '^0x[a-f0-9]{40}$'), "from" DATE NOT NULL, "until" DATE CHECK ("until" > "from"));
      CREATE TABLE "Child" ("id" INT PRIMARY KEY, "hex" VARCHAR(42) NOT NULL REFERENCES "Address", "parent" INT REFERENCES "Child", "tags" TEXT[] NOT NULL);
      CREATE TABLE "Never" ("a" INT NOT NULL CHECK ("a" > 5 AND "a" < 5));`);
    return addSampleRows(session);
  });
  expect(empty).toEqual([{ table: '"public"."Never"', reason: expect.stringContaining('Never_a_check') }]);
  expect(tables).toBe(7);
});
