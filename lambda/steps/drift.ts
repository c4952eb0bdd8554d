/** Looks for drift, and remembers for which schema and history it was proven absent: replaying a history takes seconds. */
import { createHash } from 'node:crypto';
import { pictureCatalog } from '../checks/catalog';
import type { Migration, Project } from '../domain/migration';
import { type Database, withSession } from '../ports/database';
import type { RunContext } from './context';

/** SQL from what the migrations build to what the database holds; empty where there is no drift. */
export async function driftFrom(
  run: RunContext,
  applied: readonly Migration[],
  database: Database = run.database,
): Promise<string> {
  const project: Project = { ...run.request.project, migrations: applied };
  const key = await provenKey(database, project);
  if (await run.store.get(key)) return '';
  const drift = await run.engine.drift(database, project);
  if (drift === '') await run.store.putIfAbsent(key, '{}');
  return drift;
}

/** The catalog's picture holds all that the engine compares, and more: the same picture cannot have drifted. */
async function provenKey(database: Database, project: Project): Promise<string> {
  const picture = await withSession(
    database,
    { applicationName: 'godwit drift', readOnly: true, statementTimeoutMs: 30_000 },
    pictureCatalog,
  );
  const history = project.migrations.map(({ name, checksum }) => [name, checksum]);
  const hash = createHash('sha256')
    .update(JSON.stringify([picture, history, project.schema]))
    .digest('hex');
  return `no-drift/${hash}.json`;
}
