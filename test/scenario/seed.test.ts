/** Sample data: the same on every machine, and only in an empty database. */
import { join } from 'node:path';
import { readProject } from '../../cli/project-folder';
import { seed } from '../../demo/seed/seed';
import { makeStartingPoint } from '../../demo/starting-point';
import { readContents } from '../../lambda/checks/table-content';
import { type Database, withSession } from '../../lambda/ports/database';
import { projectRoot, useCluster } from '../support/cluster';

const server = useCluster();
const SCALE = 0.01;

async function startingPoint(): Promise<Database> {
  const database = await server.freshDatabase();
  const { migrations } = await readProject(join(projectRoot, 'prisma'));
  const [baseline] = migrations;
  if (!baseline) throw new Error('WeDefiDaily has no migrations');
  expect(await makeStartingPoint({ database, baseline, scale: SCALE })).toBeGreaterThan(33);
  expect(await makeStartingPoint({ database, baseline, scale: SCALE })).toBeUndefined();
  return database;
}

const contentsOf = (database: Database) =>
  withSession(database, { applicationName: 'godwit-test' }, readContents);

test('every table is filled, and twice with the very same rows', async () => {
  const [first, second] = [await contentsOf(await startingPoint()), await contentsOf(await startingPoint())];
  expect(Object.keys(first)).toHaveLength(33);
  expect(Object.values(first).filter(({ rows }) => rows === '0')).toEqual([]);
  expect(second).toEqual(first);
});

test('a table with rows is not seeded again', async () => {
  const database = await startingPoint();
  const again = withSession(database, { applicationName: 'godwit-test' }, (session) =>
    seed(session, { scale: SCALE }),
  );
  await expect(again).rejects.toMatchObject({
    name: 'SeedRefused',
    message: expect.stringContaining('Wallet'),
  });
});
