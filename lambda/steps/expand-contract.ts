/** Tells contracting migrations, which take something away or begin to refuse it, from expanding ones, which only add. */
import type { Migration } from '../domain/migration';
import type { Catalog } from '../sql/catalog';
import { effectsOf } from '../sql/effects/effects';
import { factsOf } from '../sql/facts';
import { parseScript } from '../sql/parse';

/** What data the migration loses, in words, a sentence per statement; empty for an expanding one. */
export async function lossesOf(migration: Migration): Promise<readonly string[]> {
  const script = await parseScript(migration.sql);
  return script.statements.flatMap((statement) => factsOf(statement).destructive ?? []);
}

/** Judged by the database as it is before: what a migration does to a table that it makes itself harms nobody. */
export async function isContract(migration: Migration, catalog: Catalog): Promise<boolean> {
  const { statements } = await parseScript(migration.sql);
  return (
    statements.some((statement) => effectsOf(statement, catalog).phase === 'contract') ||
    (await lossesOf(migration)).length > 0
  );
}
