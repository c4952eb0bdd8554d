import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseline } from '../../cli/prisma-commands/baseline';
import type { PrismaCommand } from '../../cli/prisma-commands/context';
import { type DevCommand, dev } from '../../cli/prisma-commands/dev';
import { resolve } from '../../cli/prisma-commands/resolve';
import { status } from '../../cli/prisma-commands/status';
import type { Database } from '../../lambda/ports/database';
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

const INIT = '20250101000000_init';
const ADD_NOTE = '20250102000000_add_note';

const cluster = useCluster();
let root: string;
let database: Database;
let printed: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-commands-'));
  database = await cluster.freshDatabase();
  printed = [];
  await writeSchema(SHOP_SCHEMA);
  await writeMigrations(SHOP_MIGRATIONS);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const writeSchema = (schema: string): Promise<void> => writeFile(join(root, 'schema.prisma'), schema);

async function writeMigrations(migrations: Readonly<Record<string, string>>): Promise<void> {
  await rm(join(root, 'migrations'), { recursive: true, force: true });
  await mkdir(join(root, 'migrations'));
  await writeFile(join(root, 'migrations/migration_lock.toml'), 'provider = "postgresql"\n');
  for (const [name, sql] of Object.entries(migrations)) await writeMigration(name, sql);
}

async function writeMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(root, 'migrations', name), { recursive: true });
  await writeFile(join(root, 'migrations', name, 'migration.sql'), sql);
}

const command = (): PrismaCommand => ({
  database,
  engine: newSchemaEngine(),
  prismaDir: root,
  print: (text) => printed.push(text),
});
const output = (): string => printed.join('\n');

const failAt = async (name: string): Promise<void> => {
  await writeMigrations({ ...SHOP_MIGRATIONS, [name]: 'ALTER TABLE nowhere ADD COLUMN x int;' });
  const project = projectOf(SHOP_SCHEMA, {
    ...SHOP_MIGRATIONS,
    [name]: 'ALTER TABLE nowhere ADD COLUMN x int;',
  });
  await expect(prismaMigrateDeploy(database, project)).rejects.toThrow('nowhere');
};

describe('status', () => {
  it('is up to date, with exit code 0, on a database that Prisma migrated', async () => {
    await prismaMigrateDeploy(database, shop());
    const end = await status(command());
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
    expect(output()).toBe('2 migrations found in the migrations folder.\n\nDatabase schema is up to date!');
  });

  it('lists what is pending, with exit code 1, and points to baseline where there is no history', async () => {
    const end = await status(command());
    expect(end).toMatchObject({
      exitCode: 1,
      result: { status: 'pending', pending: [INIT, ADD_NOTE], outOfOrder: [] },
    });
    expect(output()).toContain(`Not yet applied:\n  ${INIT}\n  ${ADD_NOTE}`);
    expect(output()).toContain('godwit baseline');
  });

  it('names what failed and both ways to resolve it', async () => {
    await failAt('20250103000000_bad');
    expect(await status(command())).toMatchObject({
      exitCode: 1,
      result: { status: 'failed', failed: ['20250103000000_bad'] },
    });
    expect(output()).toContain('godwit resolve --rolled-back 20250103000000_bad');
    expect(output()).toContain('godwit resolve --applied 20250103000000_bad');
  });

  it('tells diverged histories, edited files and a disturbed order', async () => {
    await prismaMigrateDeploy(database, shop());
    await writeMigrations({ [INIT]: `${SHOP_MIGRATIONS[INIT]}-- later`, '20241231000000_early': 'SELECT 1' });
    expect(await status(command())).toMatchObject({
      exitCode: 1,
      result: {
        status: 'diverged',
        pending: ['20241231000000_early'],
        missing: [ADD_NOTE],
        edited: [INIT],
        outOfOrder: ['20241231000000_early'],
      },
    });
    expect(output()).toContain('Changed after they were applied');
  });

  it('is up to date, as Prisma has it, where the database is ahead of the folder, and says so', async () => {
    await prismaMigrateDeploy(database, shop());
    await writeMigrations({ [INIT]: SHOP_MIGRATIONS[INIT] });
    expect(await status(command())).toMatchObject({ exitCode: 0, result: { missing: [ADD_NOTE] } });
    expect(output()).toContain(`not in the migrations folder:\n  ${ADD_NOTE}`);
  });

  it('tells a database without history from one that is up to date, where there are no migrations either', async () => {
    await writeMigrations({});
    expect(await status(command())).toMatchObject({ exitCode: 1, result: { status: 'unmanaged' } });
    expect(output()).toContain('No migration found');
  });
});

describe('resolve', () => {
  it('marks a failed migration as rolled back, so that it can run again', async () => {
    await failAt('20250103000000_bad');
    const end = await resolve(command(), { rolledBack: '20250103000000_bad' });
    expect(end).toEqual({
      exitCode: 0,
      result: { status: 'succeeded', migration: '20250103000000_bad', markedAs: 'rolled-back' },
    });
    expect(output()).toBe('Migration 20250103000000_bad marked as rolled back.');
    expect((await status(command())).result.pending).toEqual(['20250103000000_bad']);
  });

  it('marks a failed migration as applied', async () => {
    await failAt('20250103000000_bad');
    await resolve(command(), { applied: '20250103000000_bad' });
    expect((await status(command())).exitCode).toBe(0);
  });

  it.each([
    [{}, 'godwit resolve --applied 20251231000000_add_users_table'],
    [{ applied: 'a', rolledBack: 'b' }, 'exclude each other'],
    [{ applied: 'nope' }, 'nope is not in the migrations folder'],
    [{ applied: INIT }, 'is already recorded as applied'],
    [{ rolledBack: INIT }, 'did not fail'],
    [{ rolledBack: 'nope' }, 'was never applied'],
  ])('refuses %j as wrong usage', async (options, message) => {
    await prismaMigrateDeploy(database, shop());
    const refusal = resolve(command(), options);
    await expect(refusal).rejects.toMatchObject({ kind: 'usage', message: expect.stringContaining(message) });
  });

  it('refuses to roll back on a database without history', async () => {
    const refusal = resolve(command(), { rolledBack: INIT });
    await expect(refusal).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('was never applied'),
    });
  });
});

describe('baseline', () => {
  it('adopts a database that db push made, up to the named migration, and does it once', async () => {
    await prismaDbPush(database, SHOP_SCHEMA);
    const end = await baseline(command(), { migration: ADD_NOTE });
    expect(end).toEqual({ exitCode: 0, result: { status: 'succeeded', baselined: [INIT, ADD_NOTE] } });
    expect((await status(command())).exitCode).toBe(0);
    expect(await prismaMigrateDeploy(database, shop())).toEqual([]);
    const again = await baseline(command(), { migration: ADD_NOTE });
    expect(again).toEqual({ exitCode: 0, result: { status: 'nothing-to-do', baselined: [] } });
    expect(output()).toContain('has a migration history already');
  });

  it('adopts up to the first migration unless told otherwise', async () => {
    await execute(database, ...SHOP_MIGRATIONS[INIT].split(';').slice(0, -1));
    expect(await baseline(command())).toMatchObject({ exitCode: 0, result: { baselined: [INIT] } });
    expect((await status(command())).result.pending).toEqual([ADD_NOTE]);
  });

  it('goes on where an interrupted baseline stopped', async () => {
    await prismaDbPush(database, SHOP_SCHEMA);
    await newSchemaEngine().markApplied(database, shop(), INIT);
    const end = await baseline(command(), { migration: ADD_NOTE });
    expect(end).toMatchObject({ result: { status: 'succeeded', baselined: [ADD_NOTE] } });
  });

  it('refuses a database that has drifted, shows the SQL and records nothing', async () => {
    await prismaDbPush(database, SHOP_SCHEMA);
    await execute(database, 'ALTER TABLE "Customer" ADD COLUMN extra text');
    const end = await baseline(command(), { migration: ADD_NOTE });
    expect(end).toEqual({
      exitCode: 3,
      result: { status: 'blocked', drift: expect.stringContaining('ADD COLUMN     "extra" TEXT') },
    });
    expect(output()).toContain('Nothing was recorded');
    expect((await status(command())).result.hasLedger).toBe(false);
  });

  it('refuses to record a check that db push could not make', async () => {
    await writeMigration(
      '20250103000000_check',
      'ALTER TABLE "Order" ADD CONSTRAINT positive CHECK (total > 0);',
    );
    await prismaDbPush(database, SHOP_SCHEMA);
    const end = await baseline(command(), { migration: '20250103000000_check' });
    expect(end).toMatchObject({
      exitCode: 3,
      result: { drift: 'ALTER TABLE "Order" DROP CONSTRAINT positive;' },
    });
  });

  it('refuses an empty database', async () => {
    expect(await baseline(command())).toMatchObject({
      exitCode: 3,
      result: { drift: expect.stringContaining('DROP TABLE') },
    });
  });

  it('refuses a migration that is not there, and a folder without any', async () => {
    await expect(baseline(command(), { migration: 'nope' })).rejects.toThrow(
      'nope is not in the migrations folder',
    );
    await writeMigrations({});
    await expect(baseline(command())).rejects.toThrow('godwit dev --name init --create-only');
  });
});

describe('dev', () => {
  const now = new Date('2025-06-01T12:00:00Z');
  const deploying = (exitCode = 0): DevCommand => ({
    ...command(),
    now: () => now,
    deploy: async (project) => ({
      exitCode,
      applied: exitCode === 0 ? await prismaMigrateDeploy(database, project) : [],
    }),
  });
  const withCity = SHOP_SCHEMA.replace('  orders Order[]', '  city String?\n  orders Order[]');

  it('applies what is pending, writes a migration for what changed, and applies that', async () => {
    await writeSchema(withCity);
    const end = await dev(deploying(), { name: 'add city' });
    expect(end).toEqual({
      exitCode: 0,
      result: {
        status: 'succeeded',
        applied: [INIT, ADD_NOTE, '20250601120000_add_city'],
        created: '20250601120000_add_city',
      },
    });
    const sql = await readFile(join(root, 'migrations/20250601120000_add_city/migration.sql'), 'utf8');
    expect(sql).toContain('ALTER TABLE "Customer" ADD COLUMN     "city" TEXT;');
    expect(output()).toContain('Your database is now in sync with your schema.');
    expect((await status(command())).exitCode).toBe(0);
  });

  it('says that everything is in sync where it is, whatever the name', async () => {
    await prismaMigrateDeploy(database, shop());
    const end = await dev(deploying(), { name: 'add_note' });
    expect(end).toEqual({ exitCode: 0, result: { status: 'nothing-to-do', applied: [] } });
    expect(output()).toBe('Already in sync, no schema change or pending migration was found.');
    expect(await readdir(join(root, 'migrations'))).toHaveLength(3);
  });

  it('writes the first migration of a new project, with the lock file, and applies it', async () => {
    await rm(join(root, 'migrations'), { recursive: true });
    const end = await dev(deploying(), { name: 'init' });
    expect(end.result).toMatchObject({ status: 'succeeded', created: '20250601120000_init' });
    expect(await readFile(join(root, 'migrations/migration_lock.toml'), 'utf8')).toContain(
      'provider = "postgresql"',
    );
    expect((await status(command())).exitCode).toBe(0);
  });

  it('creates the first migration of a database that db push made, for baseline to adopt', async () => {
    await rm(join(root, 'migrations'), { recursive: true });
    await prismaDbPush(database, SHOP_SCHEMA);
    const end = await dev(deploying(), { name: 'init', createOnly: true });
    expect(end.result).toMatchObject({ status: 'succeeded', created: '20250601120000_init', applied: [] });
    expect((await baseline(command())).result).toMatchObject({ status: 'succeeded' });
    expect((await status(command())).exitCode).toBe(0);
  });

  it('creates a migration without applying it, an empty one where nothing changed', async () => {
    await prismaMigrateDeploy(database, shop());
    const end = await dev(deploying(), { name: 'check_totals', createOnly: true });
    expect(end.result).toEqual({ status: 'succeeded', applied: [], created: '20250601120000_check_totals' });
    const file = join(root, 'migrations/20250601120000_check_totals/migration.sql');
    expect(await readFile(file, 'utf8')).toBe('-- This is an empty migration.\n');
    await expect(dev(deploying(), {})).rejects.toThrow('it holds no statement. Write its statements');
    await writeFile(file, 'ALTER TABLE "Order" ADD CONSTRAINT total_positive CHECK (total > 0);');
    expect((await dev(deploying(), {})).result).toMatchObject({ applied: ['20250601120000_check_totals'] });
  });

  it('never resets: it says why the history cannot lead on, and what can be done', async () => {
    await prismaMigrateDeploy(database, shop());
    await execute(database, 'ALTER TABLE "Customer" ADD COLUMN extra text');
    const end = await dev(deploying(), { name: 'x' });
    expect(end).toMatchObject({ exitCode: 3, result: { status: 'needs-reset', applied: [] } });
    expect(output()).toContain('Added column `extra`');
    expect(output()).toContain('Nothing was changed');
  });

  it('asks for a name only when there is something to name', async () => {
    await prismaMigrateDeploy(database, shop());
    await writeSchema(withCity);
    await expect(dev(deploying(), {})).rejects.toThrow('godwit dev --name');
    await expect(dev(deploying(), { name: '../..' })).rejects.toThrow('letters or digits');
  });

  it('stops with the exit code of a deploy that failed', async () => {
    await writeSchema(withCity);
    const end = await dev(deploying(1), { name: 'add_city' });
    expect(end).toEqual({ exitCode: 1, result: { status: 'deploy-failed', applied: [] } });
    expect(await readdir(join(root, 'migrations'))).toHaveLength(3);
  });

  it('puts its migration last, even after one from a clock that is ahead', async () => {
    await prismaMigrateDeploy(database, shop());
    await writeMigration('20990101000000_far', 'CREATE INDEX far ON "Order"(total);');
    await writeSchema(
      withCity.replace('@@index([customerId])', '@@index([customerId])\n  @@index([total], map: "far")'),
    );
    const end = await dev(deploying(), { name: 'city' });
    expect(end.result.created).toBe('20990101000001_city');
  });
});
