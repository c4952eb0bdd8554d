/** What every schema engine must do, on a real server. */
import { SchemaEngineFailed, SchemaFileInvalid } from '../../lambda/adapters/prisma/errors';
import type { Database } from '../../lambda/ports/database';
import type { SchemaEngine } from '../../lambda/ports/schema-engine';
import {
  databaseNames,
  execute,
  firstOf,
  prismaDbPush,
  prismaMigrateDeploy,
  projectOf,
  SHOP_MIGRATIONS,
  SHOP_SCHEMA,
  shop,
} from '../support/prisma-engine';

export interface SchemaEngineHome {
  readonly engine: SchemaEngine;
  freshDatabase(): Promise<Database>;
}

const INIT = '20250101000000_init';
const ADD_NOTE = '20250102000000_add_note';

const nothing = { hasLedger: true, pending: [], edited: [], failed: [], missing: [] };

export function schemaEngineContract(home: () => SchemaEngineHome): void {
  const engine = (): SchemaEngine => home().engine;
  const migrated = async (count = 2): Promise<Database> => {
    const database = await home().freshDatabase();
    await prismaMigrateDeploy(database, firstOf(shop(), count));
    return database;
  };

  describe('diagnose', () => {
    it('finds nothing wrong with a database that Prisma migrated', async () => {
      expect(await engine().diagnose(await migrated(), shop())).toEqual(nothing);
    });

    it('finds every migration pending on an empty database, and leaves it empty', async () => {
      const database = await home().freshDatabase();
      const diagnosis = await engine().diagnose(database, shop());
      expect(diagnosis).toEqual({ ...nothing, hasLedger: false, pending: [INIT, ADD_NOTE] });
      expect(await engine().drift(database, projectOf(SHOP_SCHEMA, {}))).toBe('');
    });

    it('names a migration that was edited after it was applied, but not one whose line endings changed', async () => {
      const database = await migrated();
      const edited = projectOf(SHOP_SCHEMA, {
        ...SHOP_MIGRATIONS,
        [INIT]: `${SHOP_MIGRATIONS[INIT]}-- later`,
      });
      const withCrLf = SHOP_MIGRATIONS[INIT].replaceAll('\n', '\r\n');
      const reEnded = projectOf(SHOP_SCHEMA, { ...SHOP_MIGRATIONS, [INIT]: withCrLf });
      expect(await engine().diagnose(database, edited)).toEqual({ ...nothing, edited: [INIT] });
      expect(await engine().diagnose(database, reEnded)).toEqual(nothing);
    });

    it('names a migration that is applied and missing from the folder', async () => {
      expect(await engine().diagnose(await migrated(), firstOf(shop(), 1))).toEqual({
        ...nothing,
        missing: [ADD_NOTE],
      });
    });

    it('names pending and missing migrations where the histories diverge', async () => {
      const other = projectOf(SHOP_SCHEMA, {
        [INIT]: SHOP_MIGRATIONS[INIT],
        '20250103000000_other': 'SELECT 1',
      });
      expect(await engine().diagnose(await migrated(), other)).toEqual({
        ...nothing,
        pending: ['20250103000000_other'],
        missing: [ADD_NOTE],
      });
    });

    it('finds a migration pending that sorts before the applied ones', async () => {
      const between = projectOf(SHOP_SCHEMA, { ...SHOP_MIGRATIONS, '20250101120000_between': 'SELECT 1' });
      const diagnosis = await engine().diagnose(await migrated(), between);
      expect(diagnosis).toEqual({ ...nothing, pending: ['20250101120000_between'] });
    });

    it('calls a migration failed until it is marked rolled back, and pending from then on', async () => {
      const database = await migrated(1);
      const bad = projectOf(SHOP_SCHEMA, {
        [INIT]: SHOP_MIGRATIONS[INIT],
        [ADD_NOTE]: 'ALTER TABLE nowhere ADD x int',
      });
      await expect(prismaMigrateDeploy(database, bad)).rejects.toThrow(SchemaEngineFailed);
      expect(await engine().diagnose(database, bad)).toEqual({ ...nothing, failed: [ADD_NOTE] });
      await engine().markRolledBack(database, ADD_NOTE);
      expect(await engine().diagnose(database, bad)).toEqual({ ...nothing, pending: [ADD_NOTE] });
    });
  });

  describe('drift', () => {
    it('is none in a database that Prisma migrated', async () => {
      expect(await engine().drift(await migrated(), shop())).toBe('');
    });

    it('is none in a database that db push made', async () => {
      const database = await home().freshDatabase();
      await prismaDbPush(database, SHOP_SCHEMA);
      expect(await engine().drift(database, shop())).toBe('');
    });

    it('does not see the ledger nor what Godwit keeps in its own schema', async () => {
      const database = await migrated();
      await execute(database, 'CREATE SCHEMA _godwit', 'CREATE TABLE _godwit.journal (id int PRIMARY KEY)');
      expect(await engine().drift(database, shop())).toBe('');
    });

    const changes: readonly (readonly [string, string, string])[] = [
      ['an added column', 'ALTER TABLE "Order" ADD COLUMN extra text', 'ADD COLUMN     "extra" TEXT'],
      ['a dropped index', 'DROP INDEX "Order_customerId_idx"', 'DROP INDEX "public"."Order_customerId_idx"'],
      ['a changed type', 'ALTER TABLE "Order" ALTER "note" TYPE varchar(30)', 'SET DATA TYPE VARCHAR(30)'],
      [
        'a dropped NOT NULL',
        'ALTER TABLE "Customer" ALTER email DROP NOT NULL',
        'ALTER COLUMN "email" DROP NOT NULL',
      ],
      ['an added table', 'CREATE TABLE extra (id int PRIMARY KEY)', 'CREATE TABLE "public"."extra"'],
    ];
    it.each(changes)('says what %s is in SQL', async (_, change, difference) => {
      const database = await migrated();
      await execute(database, change);
      expect(await engine().drift(database, shop())).toContain(difference);
    });

    const CHECKED = '20250103000000_checks';
    const checked = projectOf(SHOP_SCHEMA, {
      ...SHOP_MIGRATIONS,
      [CHECKED]: `ALTER TABLE "Order" ADD CONSTRAINT positive CHECK (total > 0);
        CREATE INDEX noted ON "Order"("note") WHERE "note" IS NOT NULL;
        CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1; ';
        CREATE VIEW big AS SELECT id FROM "Order" WHERE total > 1000;
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER touched BEFORE UPDATE ON "Order" FOR EACH ROW EXECUTE FUNCTION touch();`,
    });

    it("is none where what Prisma's schema cannot express is as the migrations build it", async () => {
      const database = await home().freshDatabase();
      await prismaMigrateDeploy(database, checked);
      expect(await engine().drift(database, checked)).toBe('');
    });

    it("says all that Prisma's schema cannot express and that db push has left out", async () => {
      const database = await home().freshDatabase();
      await prismaDbPush(database, SHOP_SCHEMA);
      const drift = await engine().drift(database, checked);
      for (const dropped of [
        'ALTER TABLE "Order" DROP CONSTRAINT positive;',
        'DROP INDEX noted;',
        'DROP ROUTINE one();',
        'DROP VIEW big;',
        'DROP TRIGGER touched ON "Order";',
      ]) {
        expect(drift.replaceAll('"public".', '').replaceAll('"noted"', 'noted')).toContain(dropped);
      }
    });

    it.each([
      [
        'a check that is not validated',
        'ALTER TABLE "Order" ADD CONSTRAINT c CHECK (total < 9) NOT VALID',
        'NOT VALID',
      ],
      ['an index on an expression', 'CREATE INDEX lowered ON "Customer"(lower(email))', 'lower(email)'],
      [
        'another predicate',
        'DROP INDEX "Order_customerId_idx"; CREATE INDEX "Order_customerId_idx" ON "Order"("customerId") WHERE total > 5',
        'total > ',
      ],
      ['a view', 'CREATE VIEW extra AS SELECT 1 AS one', 'CREATE VIEW extra'],
    ])('says what %s is in SQL', async (_, change, difference) => {
      const database = await migrated();
      await execute(database, change);
      expect(await engine().drift(database, shop())).toContain(difference);
    });

    it('leaves the database as it was and no shadow database behind', async () => {
      const database = await migrated();
      const before = await databaseNames(database);
      await engine().drift(database, shop());
      expect(await databaseNames(database)).toEqual(before);
      expect(await engine().diagnose(database, shop())).toEqual(nothing);
    });

    it('names the migration that cannot be replayed, and leaves no shadow database behind', async () => {
      const database = await migrated(1);
      const before = await databaseNames(database);
      const bad = projectOf(SHOP_SCHEMA, {
        [INIT]: SHOP_MIGRATIONS[INIT],
        [ADD_NOTE]: 'ALTER TABLE nowhere ADD x int',
      });
      await expect(engine().drift(database, bad)).rejects.toMatchObject({
        name: 'HistoryNotReplayable',
        migration: ADD_NOTE,
        message: expect.stringContaining('nowhere'),
      });
      expect(await databaseNames(database)).toEqual(before);
    });
  });

  describe('changes of the schema', () => {
    const withCity = SHOP_SCHEMA.replace('  orders Order[]', '  city String?\n  orders Order[]');

    it('are none where the migrations build what schema.prisma says', async () => {
      expect(await engine().unmigratedChanges(await migrated(), shop())).toBe('');
      const draft = await engine().draftMigration(await migrated(), shop(), { name: 'x', at: new Date() });
      expect(draft).toBeUndefined();
    });

    it('become a migration named by time and purpose, with the SQL that leads back', async () => {
      const project = projectOf(withCity, SHOP_MIGRATIONS);
      const at = new Date('2025-03-04T05:06:07Z');
      expect(await engine().draftMigration(await migrated(), project, { name: 'Add the City!', at })).toEqual(
        {
          name: '20250304050607_add_the_city',
          sql: '-- AlterTable\nALTER TABLE "Customer" ADD COLUMN     "city" TEXT;',
          downSql: '-- AlterTable\nALTER TABLE "public"."Customer" DROP COLUMN "city";',
        },
      );
    });

    it('are the whole schema where nothing is there yet, without asking a database', async () => {
      const script = await engine().fullScript(SHOP_SCHEMA);
      expect(script).toContain('CREATE TABLE "Customer"');
      expect(script).toContain('CREATE INDEX "Order_customerId_idx"');
    });

    it('are refused with file and line where schema.prisma is wrong', async () => {
      const wrong = SHOP_SCHEMA.replace('email  String', 'email  Strin');
      const refusal = engine().fullScript(wrong);
      await expect(refusal).rejects.toThrow(SchemaFileInvalid);
      await expect(refusal).rejects.toMatchObject({ file: 'schema.prisma', line: 7, kind: 'usage' });
    });

    it('are refused where schema.prisma is for another database', async () => {
      const wrong = SHOP_SCHEMA.replace('postgresql', 'mysql');
      await expect(engine().fullScript(wrong)).rejects.toThrow('`mysql` is not a supported connector');
    });
  });

  describe('marking', () => {
    it('records a migration as applied without running it, once', async () => {
      const database = await home().freshDatabase();
      await engine().markApplied(database, shop(), INIT);
      expect(await engine().diagnose(database, shop())).toEqual({ ...nothing, pending: [ADD_NOTE] });
      expect(await engine().drift(database, projectOf(SHOP_SCHEMA, {}))).toBe('');
      await expect(engine().markApplied(database, shop(), INIT)).rejects.toMatchObject({ code: 'P3008' });
    });

    it('refuses a migration that is not in the folder', async () => {
      await expect(engine().markApplied(await migrated(), shop(), 'nope')).rejects.toMatchObject({
        code: 'P3017',
      });
    });

    it('refuses to roll back what did not fail or never ran', async () => {
      const database = await migrated();
      await expect(engine().markRolledBack(database, INIT)).rejects.toMatchObject({ code: 'P3012' });
      await expect(engine().markRolledBack(database, 'nope')).rejects.toMatchObject({ code: 'P3011' });
    });
  });

  describe('a development database', () => {
    it('can be led on from where Prisma left it', async () => {
      expect(await engine().devDiagnostic(await migrated(1), shop())).toEqual({ needsReset: false });
    });

    it('needs a reset where it has drifted, and is told why', async () => {
      const database = await migrated();
      await execute(database, 'ALTER TABLE "Order" ADD COLUMN extra text');
      expect(await engine().devDiagnostic(database, shop())).toEqual({
        needsReset: true,
        reason: expect.stringContaining('Added column `extra`'),
      });
    });
  });

  it('answers several questions at once', async () => {
    const databases = await Promise.all([1, 2].map((count) => migrated(count)));
    const answers = await Promise.all(databases.map((database) => engine().diagnose(database, shop())));
    expect(answers.map(({ pending }) => pending)).toEqual([[ADD_NOTE], []]);
  });
}
