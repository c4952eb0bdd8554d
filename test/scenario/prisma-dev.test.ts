import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baseline } from '../../cli/prisma-commands/baseline';
import { type DevCommand, dev } from '../../cli/prisma-commands/dev';
import { status } from '../../cli/prisma-commands/status';
import { readProject } from '../../cli/project-folder';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { differenceOf, pictureCatalog } from '../../lambda/checks/catalog';
import { migrate, runDown } from '../../lambda/migrate/executor';
import { withSession } from '../../lambda/ports/database';
import { useCluster } from '../support/cluster';
import { execute, prismaDbPush, prismaMigrateDeploy, SHOP_SCHEMA, shop } from '../support/prisma-engine';
import { ShopFolder } from '../support/shop-folder';

const INIT = '20250101000000_init';
const ADD_NOTE = '20250102000000_add_note';

const cluster = useCluster();
let folder: ShopFolder;

beforeEach(async () => {
  folder = await ShopFolder.create(cluster);
});
afterEach(() => folder.dispose());

describe('dev', () => {
  const now = new Date('2025-06-01T12:00:00Z');
  const deploying = (exitCode = 0): DevCommand => ({
    ...folder.command(),
    now: () => now,
    deploy: async (project) => ({
      exitCode,
      applied: exitCode === 0 ? await prismaMigrateDeploy(folder.database, project) : [],
    }),
  });
  const withCity = SHOP_SCHEMA.replace('  orders Order[]', '  city String?\n  orders Order[]');

  it('applies what is pending, writes a migration for what changed, and applies that', async () => {
    await folder.writeSchema(withCity);
    const end = await dev(deploying(), { name: 'add city' });
    expect(end).toEqual({
      exitCode: 0,
      result: {
        status: 'succeeded',
        applied: [INIT, ADD_NOTE, '20250601120000_add_city'],
        created: '20250601120000_add_city',
      },
    });
    const sql = await readFile(join(folder.root, 'migrations/20250601120000_add_city/migration.sql'), 'utf8');
    expect(sql).toContain('ALTER TABLE "Customer" ADD COLUMN     "city" TEXT;');
    expect(folder.output()).toContain('Your database is now in sync with your schema.');
    expect((await status(folder.command())).exitCode).toBe(0);
  });

  it('says that everything is in sync where it is, whatever the name', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    const end = await dev(deploying(), { name: 'add_note' });
    expect(end).toEqual({ exitCode: 0, result: { status: 'nothing-to-do', applied: [] } });
    expect(folder.output()).toBe('Already in sync, no schema change or pending migration was found.');
    expect(await readdir(join(folder.root, 'migrations'))).toHaveLength(3);
  });

  it('writes the first migration of a new project, with the lock file, and applies it', async () => {
    await folder.removeMigrations();
    const end = await dev(deploying(), { name: 'init' });
    expect(end.result).toMatchObject({ status: 'succeeded', created: '20250601120000_init' });
    expect(await readFile(join(folder.root, 'migrations/migration_lock.toml'), 'utf8')).toContain(
      'provider = "postgresql"',
    );
    expect((await status(folder.command())).exitCode).toBe(0);
  });

  it('creates the first migration of a database that db push made, for baseline to adopt', async () => {
    await folder.removeMigrations();
    await prismaDbPush(folder.database, SHOP_SCHEMA);
    const end = await dev(deploying(), { name: 'init', createOnly: true });
    expect(end.result).toMatchObject({ status: 'succeeded', created: '20250601120000_init', applied: [] });
    expect((await baseline(folder.command())).result).toMatchObject({ status: 'succeeded' });
    expect((await status(folder.command())).exitCode).toBe(0);
  });

  it('creates a migration without applying it, an empty one where nothing changed', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    const end = await dev(deploying(), { name: 'check_totals', createOnly: true });
    expect(end.result).toEqual({ status: 'succeeded', applied: [], created: '20250601120000_check_totals' });
    const file = join(folder.root, 'migrations/20250601120000_check_totals/migration.sql');
    expect(await readFile(file, 'utf8')).toBe('-- This is an empty migration.\n');
    expect(await readdir(join(file, '..'))).toEqual(['migration.sql']);
    await expect(dev(deploying(), {})).rejects.toThrow('it holds no statement. Write its statements');
    await writeFile(file, 'ALTER TABLE "Order" ADD CONSTRAINT total_positive CHECK (total > 0);');
    expect((await dev(deploying(), {})).result).toMatchObject({ applied: ['20250601120000_check_totals'] });
  });

  it('never resets: it says why the history cannot lead on, and what can be done', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    await execute(folder.database, 'ALTER TABLE "Customer" ADD COLUMN extra text');
    const end = await dev(deploying(), { name: 'x' });
    expect(end).toMatchObject({ exitCode: 3, result: { status: 'needs-reset', applied: [] } });
    expect(folder.output()).toContain('Added column `extra`');
    expect(folder.output()).toContain('Nothing was changed');
  });

  it('asks for a name only when there is something to name', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    await folder.writeSchema(withCity);
    await expect(dev(deploying(), {})).rejects.toThrow('godwit dev --name');
    await expect(dev(deploying(), { name: '../..' })).rejects.toThrow('letters or digits');
  });

  it('stops with the exit code of a deploy that failed', async () => {
    await folder.writeSchema(withCity);
    const end = await dev(deploying(1), { name: 'add_city' });
    expect(end).toEqual({ exitCode: 1, result: { status: 'deploy-failed', applied: [] } });
    expect(await readdir(join(folder.root, 'migrations'))).toHaveLength(3);
  });

  it('puts its migration last, even after one from a clock that is ahead', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    await folder.writeMigration('20990101000000_far', 'CREATE INDEX far ON "Order"(total);');
    await folder.writeSchema(
      withCity.replace('@@index([customerId])', '@@index([customerId])\n  @@index([total], map: "far")'),
    );
    const end = await dev(deploying(), { name: 'city' });
    expect(end.result.created).toBe('20990101000001_city');
  });

  it('drafts a way back, which leads the catalog back, and says what it loses and cannot bring back', async () => {
    const clock = new SystemClock();
    const executor = {
      database: folder.database,
      runId: 'run-1',
      maxBlockingMs: 1000,
      giveUpAfterMs: 1000,
      clock,
    };
    const picture = () => withSession(folder.database, { applicationName: 'test' }, pictureCatalog);
    const deploy: DevCommand['deploy'] = async ({ migrations }) => {
      const { outcome, applied } = await migrate({ ...executor, migrations });
      return { exitCode: outcome === 'applied' ? 0 : 1, applied };
    };
    await dev({ ...deploying(), deploy }, {});
    const before = await picture();
    await folder.writeSchema(
      withCity
        .replace('  note       String?\n', '')
        .replace('Decimal(12, 2)', 'Decimal(36, 18)')
        .replace('  email  String  @unique\n', '')
        .concat('\nmodel Extra {\n  id Int @id\n}\n'),
    );
    const { result } = await dev({ ...deploying(), deploy }, { name: 'much' });
    expect(result).toMatchObject({ status: 'succeeded', created: '20250601120000_much' });

    const down = await readFile(join(folder.root, 'migrations/20250601120000_much/down.sql'), 'utf8');
    const comment = down.split('\n').filter((line) => line.startsWith('--   '));
    expect(comment).toEqual([
      '--   "public"."Customer"."city"',
      '--   "public"."Order"."total", as far as its former type cannot hold it',
      '--   "public"."Extra"',
      '--   "Customer"."email"',
      '--   "Order"."note"',
      '--   "Order"."total", as far as its new type cannot hold it',
      '--   "public"."Customer"."email"',
    ]);
    const { migrations } = await readProject(folder.root);
    const [migration] = migrations.slice(-1);
    expect(migration).toMatchObject({ downSql: down });
    if (migration) expect(await runDown({ ...executor, migration })).toMatchObject({ outcome: 'applied' });
    expect(differenceOf(before, await picture())).toEqual({ lost: [], added: [] });
  });

  it('drafts a way back also where it only creates the migration', async () => {
    await prismaMigrateDeploy(folder.database, shop());
    await folder.writeSchema(withCity);
    await dev(deploying(), { name: 'city', createOnly: true });
    const down = await readFile(join(folder.root, 'migrations/20250601120000_city/down.sql'), 'utf8');
    expect(down).toContain('ALTER TABLE "public"."Customer" DROP COLUMN "city";');
    expect(folder.output()).toContain('Drafted migrations/20250601120000_city/down.sql');
  });
});
