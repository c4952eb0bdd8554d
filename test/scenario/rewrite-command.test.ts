import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { godwit, temporaryFolder } from '../support/cli';
import { INIT, writeSmallProject } from '../support/small-project';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());

const NAME = '20260102000000_retype';
const SQL = `-- Cents are not enough.
ALTER TABLE "Account" ALTER COLUMN "balance" TYPE DECIMAL(40,20);
CREATE INDEX "Account_updatedAt_idx" ON "Account"("updatedAt");
`;

test('a migration is rewritten, proven, and written in parts; what is in its safe form already stays', async () => {
  const prisma = await writeSmallProject(join(folder.path, 'prisma'), [
    { name: NAME, up: SQL, down: 'SELECT 1;' },
  ]);
  const options = ['--prisma', prisma, '--data-dir', join(folder.path, 'data'), '--json'];
  const { code, result, stderr } = await godwit(['rewrite', NAME, '--write', ...options]);
  expect([code, stderr]).toEqual([0, expect.stringContaining('CREATE INDEX CONCURRENTLY')]);
  expect(result).toMatchObject({
    status: 'succeeded',
    refused: [],
    proof: { proven: true, notes: [expect.stringContaining('another order')] },
    written: [NAME, '20260102000001_retype_switch', '20260102000002_retype_contract'].map(
      (name) => `migrations/${name}/migration.sql`,
    ),
  });
  expect(await readdir(join(prisma, 'migrations', NAME))).toEqual([
    'down.sql.before-rewrite',
    'migration.sql',
  ]);
  const written = await readFile(join(prisma, 'migrations', NAME, 'migration.sql'), 'utf8');
  expect(written).toContain('-- Cents are not enough.');

  const again = await godwit(['rewrite', NAME, '--write', ...options]);
  expect(again.result).toMatchObject({ status: 'nothing-to-do', changes: [], written: [] });
  expect(await readFile(join(prisma, 'migrations', NAME, 'migration.sql'), 'utf8')).toBe(written);
});

test('what fails as it is cannot be proven, and is not written', async () => {
  const sql = 'ALTER TABLE "Account" ADD CONSTRAINT "c" CHECK (missing > 0);\n';
  const prisma = await writeSmallProject(join(folder.path, 'failing'), [{ name: NAME, up: sql }]);
  const { code, result } = await godwit([
    'rewrite',
    NAME,
    '--write',
    '--prisma',
    prisma,
    '--data-dir',
    join(folder.path, 'none'),
    '--json',
  ]);
  expect([code, result.status]).toEqual([3, 'blocked']);
  expect(result.proof).toEqual({
    proven: false,
    differences: [expect.stringContaining('column "missing" does not exist')],
  });
  expect(await readFile(join(prisma, 'migrations', NAME, 'migration.sql'), 'utf8')).toBe(sql);
});

test('no migration may come between the parts, and an unknown one is named', async () => {
  const later = { name: '20260102000001_other', up: 'CREATE TABLE "B" ("id" INT PRIMARY KEY);' };
  const prisma = await writeSmallProject(join(folder.path, 'between'), [{ name: NAME, up: SQL }, later]);
  const options = ['--prisma', prisma, '--data-dir', join(folder.path, 'none'), '--json'];
  const { code, result } = await godwit(['rewrite', NAME, '--write', ...options]);
  expect([code, result.message]).toEqual([2, expect.stringContaining(later.name)]);
  expect(await readdir(join(prisma, 'migrations'))).toEqual([INIT, NAME, later.name, 'migration_lock.toml']);
  const unknown = await godwit(['rewrite', 'nothing', ...options]);
  expect([unknown.code, unknown.result.message]).toEqual([2, expect.stringContaining('nothing')]);
});
