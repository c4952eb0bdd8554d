/** Reads what a database has before migrations run: the catalog that they are about, and the facts about its tables. */
import { readDatabaseFacts } from '../../lambda/checks/database-facts';
import type { DatabaseFacts } from '../../lambda/checks/rules';
import { statementsIn } from '../../lambda/checks/rules/hidden-code';
import type { Migration } from '../../lambda/domain/migration';
import { readCatalog } from '../../lambda/migrate/catalog/read-catalog';
import { type Database, withSession } from '../../lambda/ports/database';
import type { Catalog } from '../../lambda/sql/catalog';

const READ_ONLY = {
  applicationName: 'godwit check',
  readOnly: true,
  statementTimeoutMs: 30_000,
} as const;

export async function readStanding(
  database: Database,
  migrations: readonly Migration[],
): Promise<{ readonly start: Catalog; readonly facts: DatabaseFacts }> {
  const statements = await statementsIn(migrations);
  return withSession(database, READ_ONLY, async (session) => ({
    start: await readCatalog(session, statements, 'checks'),
    facts: await readDatabaseFacts(session),
  }));
}
