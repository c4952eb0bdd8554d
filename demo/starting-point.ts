/** Puts a database into WeDefiDaily's real starting point: all tables as `db push` left them, filled, and no ledger. */
import type { Migration } from '../lambda/domain/migration';
import type { Database, Session } from '../lambda/ports/database';
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
 * Makes what is missing: the tables, in one message and so in one transaction, and the rows, in another. Killed in
 * between, it goes on with the rows. Answers how many it made, `undefined` where there were some already.
 */
export async function makeStartingPoint({
  database,
  baseline,
  scale,
  onTable,
}: StartingPointRequest): Promise<number | undefined> {
  return withSession(database, { applicationName: 'godwit starting point' }, async (session) => {
    if (!(await hasTables(session))) await session.query(baseline.sql);
    if (await hasRows(session)) return undefined;
    const { rows } = await seed(session, { scale, ...(onTable === undefined ? {} : { onTable }) });
    return rows;
  });
}

async function hasTables(session: Session): Promise<boolean> {
  const { rows } = await session.query<{ found: boolean }>(
    `select exists (select from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace) as found`,
  );
  return rows[0]?.found ?? false;
}

async function hasRows(session: Session): Promise<boolean> {
  const { rows } = await session.query<{ found: boolean }>('select exists (select from "Chain") as found');
  return rows[0]?.found ?? false;
}
