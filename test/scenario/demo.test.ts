/** The main job, small: WeDefiDaily's own schema, migrations and invariants under the simulated application. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readProject } from '../../cli/project-folder';
import { parseDatabaseUrl } from '../../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../../lambda/adapters/postgres/pg-database';
import { pictureCatalog } from '../../lambda/checks/catalog';
import { withSession } from '../../lambda/ports/database';
import { godwit, projectRoot, startGodwit, temporaryFolder } from '../support/cli';
import { newSchemaEngine, prismaMigrateDeploy } from '../support/prisma-engine';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let dataDir: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder.path, 'data');
});

afterAll(async () => {
  await godwit(['reset', '--yes', '--data-dir', dataDir]);
  await folder.remove();
});

const demo = (...more: string[]) =>
  godwit(['demo', '--json', '--data-dir', dataDir, '--scale', '0.02', '--rate', '50', ...more]);

async function databaseUp(): Promise<PgDatabase> {
  const { result } = await godwit(['up', '--json', '--data-dir', dataDir]);
  return new PgDatabase(parseDatabaseUrl(String(result.url)));
}

const pictureOf = (database: PgDatabase) =>
  withSession(database, { applicationName: 'godwit-test' }, pictureCatalog);

test('the main job takes all production migrations to the end while the application goes on', async () => {
  const end = await demo();
  const { migrations } = await readProject(join(projectRoot, 'prisma'));
  expect(end).toMatchObject({
    code: 0,
    result: { status: 'succeeded', applied: migrations.slice(1).map(({ name }) => name), findings: [] },
  });
  const traffic = end.lines.filter((line) => line.type === 'application');
  expect(traffic.at(-1)).toMatchObject({ errors: 0 });
  expect(await readFile(String(end.result.report), 'utf8')).toContain('production_indexes');
});

test('started again it has nothing to do', async () => {
  expect(await demo()).toMatchObject({ code: 0, result: { status: 'nothing-to-do' } });
});

test("Prisma's own engine finds the history clean, no drift, and nothing to apply", async () => {
  const database = await databaseUp();
  const project = await readProject(join(projectRoot, 'prisma'));
  const engine = newSchemaEngine();
  expect(await engine.diagnose(database, project)).toEqual({
    hasLedger: true,
    pending: [],
    edited: [],
    failed: [],
    missing: [],
  });
  expect(await engine.drift(database, project)).toBe('');
  expect(await engine.unmigratedChanges(database, project)).toBe('');
  expect(await prismaMigrateDeploy(database, project)).toEqual([]);
});

test('a faulty migration is found by the invariants and rolled back to the same schema', async () => {
  const database = await databaseUp();
  const before = await pictureOf(database);
  const end = await demo('--faulty');
  expect(end).toMatchObject({
    code: 1,
    result: { status: 'rolled-back', applied: [], rolledBack: ['20251201090000_reprice_balances'] },
  });
  expect(String(end.result.reason)).toContain('Portfolio totals per wallet');
  expect(await pictureOf(database)).toEqual(before);
  expect(await demo()).toMatchObject({ code: 0, result: { status: 'nothing-to-do' } });
});

test('interrupted by a person it stops the application, and the cluster when it had started it', async () => {
  await godwit(['down', '--data-dir', dataDir]);
  const running = startGodwit(['demo', '--faulty', '--json', '--data-dir', dataDir, '--rate', '50']);
  await running.sees((line) => line.step === 'Preflight');
  running.child.kill('SIGINT');
  expect(await running.finished).toMatchObject({ code: 130, result: { status: 'aborted' } });
  const down = await godwit(['down', '--json', '--data-dir', dataDir]);
  expect(down).toMatchObject({ code: 0, result: { state: 'not-running' } });
});
