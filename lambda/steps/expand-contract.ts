/** Tells contracting migrations, which take something away, from expanding ones, which only add. */
import type { Migration } from '../domain/migration';
import { factsOf } from '../sql/facts';
import { parseScript } from '../sql/parse';

/** What data the migration loses, in words, a sentence per statement; empty for an expanding one. */
export async function lossesOf(migration: Migration): Promise<readonly string[]> {
  const script = await parseScript(migration.sql);
  return script.statements.flatMap((statement) => factsOf(statement).destructive ?? []);
}

export const isContract = async (migration: Migration): Promise<boolean> =>
  (await lossesOf(migration)).length > 0;
