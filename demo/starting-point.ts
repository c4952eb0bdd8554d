/** Puts a database into WeDefiDaily's real starting point: all tables as `db push` left them, filled, and no ledger. */
import type { Migration } from '../lambda/domain/migration';
import type { Database } from '../lambda/ports/database';
import { withSession } from '../lambda/ports/database';
import { seed } from './seed/seed';

export interface SeedProgress {
  readonly table: string;
  readonly rows: number;
  readonly tablesDone: number;
  readonly tablesTotal: number;
}

export interface StartingPointRequest {
  readonly database: Database;
  /** The migration that describes what `db push` had built. */
  readonly baseline: Migration;
  readonly scale: number;
  onTable?(progress: SeedProgress): void;
}

/**
 * Schema and data in one transaction: killed halfway, nothing of it remains and it can be begun again.
 * Answers the number of rows.
 */
export async function makeStartingPoint({
  database,
  baseline,
  scale,
  onTable,
}: StartingPointRequest): Promise<number> {
  return withSession(database, { applicationName: 'godwit starting point' }, async (session) => {
    await session.query('begin');
    await session.query(baseline.sql);
    const { rows } = await seed(session, { scale, ...(onTable === undefined ? {} : { onTable }) });
    await session.query('commit');
    await session.query('analyze');
    return rows;
  });
}

export async function hasTables(database: Database): Promise<boolean> {
  return withSession(
    database,
    { applicationName: 'godwit starting point', readOnly: true },
    async (session) => {
      const { rows } = await session.query<{ found: boolean }>(
        `select exists (select from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace) as found`,
      );
      return rows[0]?.found ?? false;
    },
  );
}
