import { baseline } from '../../cli/prisma-commands/baseline';
import { resolve } from '../../cli/prisma-commands/resolve';
import { status } from '../../cli/prisma-commands/status';
import { useCluster } from '../support/cluster';
import {
  execute,
  newSchemaEngine,
  prismaDbPush,
  prismaMigrateDeploy,
  projectOf,
  SHOP_MIGRATIONS,
  SHOP_SCHEMA,
  shop,
} from '../support/prisma-engine';
import { ShopFolder } from '../support/shop-folder';

const INIT = '20250101000000_init';
const ADD_NOTE = '20250102000000_add_note';

const cluster = useCluster();
let folder: ShopFolder;

beforeEach(async () => {
  folder = await ShopFolder.create(cluster);
});
afterEach(() => folder.dispose());

const failAt = async (name: string): Promise<void> => {
  await folder.writeMigrations({ ...SHOP_MIGRATIONS, [name]: 'ALTER TABLE nowhere ADD COLUMN x int;' });
  const project = projectOf(SHOP_SCHEMA, {
    ...SHOP_MIGRATIONS,
    [name]: 'ALTER TABLE nowhere ADD COLUMN x int;',
  });
  await expect(prismaMigrateDeploy(folder.database, project)).rejects.toThrow('nowhere');
};

describe('status', () => {
  it('is up to date, with exit code 0, on a database that Prisma migrated', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    const end = await status(folder.command());
    expect(end).toEqual({
      exitCode: 0,
      result: {
        status: 'up-to-date',
        migrations: 2,
        hasLedger: true,
        pending: [],
        edited: [],
        failed: [],
        missing: [],
        outOfOrder: [],
      },
    });
    expect(folder.output()).toBe(
      '2 migrations found in the migrations folder.\n\nDatabase schema is up to date!',
    );
  });

  it('lists what is pending, with exit code 1, and points to baseline where there is no history', async () => {
    const end = await status(folder.command());
    expect(end).toMatchObject({
      exitCode: 1,
      result: { status: 'pending', pending: [INIT, ADD_NOTE], outOfOrder: [] },
    });
    expect(folder.output()).toContain(`Not yet applied:\n  ${INIT}\n  ${ADD_NOTE}`);
    expect(folder.output()).toContain('godwit baseline');
  });

  it('names what failed and both ways to resolve it', async () => {
    await failAt('20250103000000_bad');
    expect(await status(folder.command())).toMatchObject({
      exitCode: 1,
      result: { status: 'failed', failed: ['20250103000000_bad'] },
    });
    expect(folder.output()).toContain('godwit resolve --rolled-back 20250103000000_bad');
    expect(folder.output()).toContain('godwit resolve --applied 20250103000000_bad');
  });

  it('tells diverged histories, edited files and a disturbed order', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    await folder.writeMigrations({
      [INIT]: `${SHOP_MIGRATIONS[INIT]}-- later`,
      '20241231000000_early': 'SELECT 1',
    });
    expect(await status(folder.command())).toMatchObject({
      exitCode: 1,
      result: {
        status: 'diverged',
        pending: ['20241231000000_early'],
        missing: [ADD_NOTE],
        edited: [INIT],
        outOfOrder: ['20241231000000_early'],
      },
    });
    expect(folder.output()).toContain('Changed after they were applied');
  });

  it('is up to date, as Prisma has it, where the database is ahead of the folder, and says so', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    await folder.writeMigrations({ [INIT]: SHOP_MIGRATIONS[INIT] });
    expect(await status(folder.command())).toMatchObject({ exitCode: 0, result: { missing: [ADD_NOTE] } });
    expect(folder.output()).toContain(`not in the migrations folder:\n  ${ADD_NOTE}`);
  });

  it('tells a database without history from one that is up to date, where there are no migrations either', async () => {
    await folder.writeMigrations({});
    expect(await status(folder.command())).toMatchObject({ exitCode: 1, result: { status: 'unmanaged' } });
    expect(folder.output()).toContain('No migration found');
  });
});

describe('resolve', () => {
  it('marks a failed migration as rolled back, so that it can run again', async () => {
    await failAt('20250103000000_bad');
    const end = await resolve(folder.command(), { rolledBack: '20250103000000_bad' });
    expect(end).toEqual({
      exitCode: 0,
      result: { status: 'succeeded', migration: '20250103000000_bad', markedAs: 'rolled-back' },
    });
    expect(folder.output()).toBe('Migration 20250103000000_bad marked as rolled back.');
    expect((await status(folder.command())).result.pending).toEqual(['20250103000000_bad']);
  });

  it('marks a failed migration as applied', async () => {
    await failAt('20250103000000_bad');
    await resolve(folder.command(), { applied: '20250103000000_bad' });
    expect((await status(folder.command())).exitCode).toBe(0);
  });

  it.each([
    [{}, 'godwit resolve --applied 20251231000000_add_users_table'],
    [{ applied: 'a', rolledBack: 'b' }, 'exclude each other'],
    [{ applied: 'nope' }, 'nope is not in the migrations folder'],
    [{ applied: INIT }, 'is already recorded as applied'],
    [{ rolledBack: INIT }, 'did not fail'],
    [{ rolledBack: 'nope' }, 'was never applied'],
  ])('refuses %j as wrong usage', async (options, message) => {
    await prismaMigrateDeploy(folder.database, shop());
    const refusal = resolve(folder.command(), options);
    await expect(refusal).rejects.toMatchObject({ kind: 'usage', message: expect.stringContaining(message) });
  });

  it('refuses to roll back on a database without history', async () => {
    const refusal = resolve(folder.command(), { rolledBack: INIT });
    await expect(refusal).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('was never applied'),
    });
  });
});

describe('baseline', () => {
  it('adopts a database that db push made, up to the named migration, and does it once', async () => {
    await prismaDbPush(folder.database, SHOP_SCHEMA);
    const end = await baseline(folder.command(), { migration: ADD_NOTE });
    expect(end).toEqual({ exitCode: 0, result: { status: 'succeeded', baselined: [INIT, ADD_NOTE] } });
    expect((await status(folder.command())).exitCode).toBe(0);
    expect(await prismaMigrateDeploy(folder.database, shop())).toEqual([]);
    const again = await baseline(folder.command(), { migration: ADD_NOTE });
    expect(again).toEqual({ exitCode: 0, result: { status: 'nothing-to-do', baselined: [] } });
    expect(folder.output()).toContain('has a migration history already');
  });

  it('adopts up to the first migration unless told otherwise', async () => {
    await execute(folder.database, ...SHOP_MIGRATIONS[INIT].split(';').slice(0, -1));
    expect(await baseline(folder.command())).toMatchObject({ exitCode: 0, result: { baselined: [INIT] } });
    expect((await status(folder.command())).result.pending).toEqual([ADD_NOTE]);
  });

  it('goes on where an interrupted baseline stopped', async () => {
    await prismaDbPush(folder.database, SHOP_SCHEMA);
    await newSchemaEngine().markApplied(folder.database, shop(), INIT);
    const end = await baseline(folder.command(), { migration: ADD_NOTE });
    expect(end).toMatchObject({ result: { status: 'succeeded', baselined: [ADD_NOTE] } });
  });

  it('refuses a database that has drifted, shows the SQL and records nothing', async () => {
    await prismaDbPush(folder.database, SHOP_SCHEMA);
    await execute(folder.database, 'ALTER TABLE "Customer" ADD COLUMN extra text');
    const end = await baseline(folder.command(), { migration: ADD_NOTE });
    expect(end).toEqual({
      exitCode: 3,
      result: { status: 'blocked', drift: expect.stringContaining('ADD COLUMN     "extra" TEXT') },
    });
    expect(folder.output()).toContain('Nothing was recorded');
    expect((await status(folder.command())).result.hasLedger).toBe(false);
  });

  it('refuses to record a check that db push could not make', async () => {
    await folder.writeMigration(
      '20250103000000_check',
      'ALTER TABLE "Order" ADD CONSTRAINT positive CHECK (total > 0);',
    );
    await prismaDbPush(folder.database, SHOP_SCHEMA);
    const end = await baseline(folder.command(), { migration: '20250103000000_check' });
    expect(end).toMatchObject({
      exitCode: 3,
      result: { drift: 'ALTER TABLE "Order" DROP CONSTRAINT positive;' },
    });
  });

  it('refuses an empty database', async () => {
    expect(await baseline(folder.command())).toMatchObject({
      exitCode: 3,
      result: { drift: expect.stringContaining('DROP TABLE') },
    });
  });

  it('refuses a migration that is not there, and a folder without any', async () => {
    await expect(baseline(folder.command(), { migration: 'nope' })).rejects.toThrow(
      'nope is not in the migrations folder',
    );
    await folder.writeMigrations({});
    await expect(baseline(folder.command())).rejects.toThrow('godwit dev --name init --create-only');
  });
});
