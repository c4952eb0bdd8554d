/** Fills an empty WeDefiDaily database with plausible data: the same scale gives the same bytes anywhere. */

import { GodwitError } from '../../lambda/domain/errors';
import { activityTables } from './activity';
import { analyticsTables } from './analytics';
import { governanceTables } from './governance';
import { referenceTables } from './reference';
import { sizesAt } from './sizes';
import type { TableSeed } from './sql';

/** One connection, not a pool: everything is seeded in one transaction. */
export interface SeedClient {
  query(sql: string, values?: unknown[]): Promise<unknown>;
}

export interface SeedProgress {
  table: string;
  rows: number;
  tablesDone: number;
  tablesTotal: number;
}

export interface SeedOptions {
  scale: number;
  onTable?: (progress: SeedProgress) => void;
}

export interface SeedResult {
  rows: number;
  byTable: Record<string, number>;
}

/** Nothing was written: the database holds rows already, or the scale makes no sense. */
export class SeedRefused extends GodwitError {
  override readonly name = 'SeedRefused';
  readonly kind = 'refused';
  readonly tables: readonly string[];

  constructor(message: string, tables: readonly string[] = []) {
    super(message);
    this.tables = tables;
  }
}

export async function seed(client: SeedClient, options: SeedOptions): Promise<SeedResult> {
  const { scale, onTable } = options;
  if (!Number.isFinite(scale) || scale <= 0) {
    throw new SeedRefused(`The scale must be a number above 0, not ${scale}.`);
  }
  const sizes = sizesAt(scale);
  const tables = [
    ...referenceTables(sizes),
    ...governanceTables(sizes),
    ...activityTables(sizes),
    ...analyticsTables(sizes),
  ];

  await client.query('BEGIN');
  try {
    await refuseUnlessEmpty(client, tables);
    const rowChecksOff = await skipRowChecks(client);
    const result = await fill(client, tables, onTable);
    if (rowChecksOff) await checkForeignKeys(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function refuseUnlessEmpty(client: SeedClient, tables: readonly TableSeed[]): Promise<void> {
  const names = tables.map(({ table }) => table);
  const missing = rowsOf(
    await client.query(
      'SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NULL',
      [names],
    ),
  );
  if (missing.length > 0) {
    throw new SeedRefused(
      `The database lacks ${missing.length} of WeDefiDaily's ${names.length} tables. Make them first: godwit deploy.`,
      missing.map((row) => String(row.name)),
    );
  }
  const probes = tables.map(({ table }) => `SELECT '${table}' AS name WHERE EXISTS (SELECT FROM "${table}")`);
  const filled = rowsOf(await client.query(probes.join(' UNION ALL '))).map((row) => String(row.name));
  if (filled.length > 0) {
    throw new SeedRefused(
      `Only an empty database is seeded; these tables have rows: ${filled.join(', ')}.`,
      filled,
    );
  }
}

async function fill(
  client: SeedClient,
  tables: readonly TableSeed[],
  onTable: SeedOptions['onTable'],
): Promise<SeedResult> {
  const byTable: Record<string, number> = {};
  let total = 0;
  for (const [index, { table, sql }] of tables.entries()) {
    const [added] = rowsOf(
      await client.query(`WITH added AS (${sql} RETURNING 1) SELECT count(*) AS rows FROM added`),
    );
    const rows = Number(added?.rows);
    byTable[table] = rows;
    total += rows;
    onTable?.({ table, rows, tablesDone: index + 1, tablesTotal: tables.length });
  }
  // Plans of a freshly filled table are those of an empty one until it is analyzed. A small sample tells as much
  // about made-up data as a large one.
  await client.query('SET LOCAL default_statistics_target = 20');
  await client.query(`ANALYZE ${tables.map(({ table }) => `"${table}"`).join(', ')}`);
  return { rows: total, byTable };
}

/**
 * Foreign keys checked row by row take a third of the seeding time; checked set by set afterwards, hardly any.
 * Only a superuser may switch the row checks off: elsewhere seeding is slower and no different.
 */
async function skipRowChecks(client: SeedClient): Promise<boolean> {
  const [answer] = rowsOf(await client.query("SELECT current_setting('is_superuser') = 'on' AS allowed"));
  if (answer?.allowed !== true) return false;
  await client.query('SET LOCAL session_replication_role = replica');
  return true;
}

async function checkForeignKeys(client: SeedClient): Promise<void> {
  const keys = rowsOf(
    await client.query(`
      SELECT c.conname AS name, format(
        'EXISTS (SELECT FROM %s AS child WHERE child.%I IS NOT NULL
           AND NOT EXISTS (SELECT FROM %s AS parent WHERE parent.%I = child.%I))',
        c.conrelid::regclass, a.attname, c.confrelid::regclass, b.attname, a.attname) AS orphans
      FROM pg_constraint AS c
      JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
      JOIN pg_attribute AS b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
      WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace`),
  );
  const probes = keys.map(({ name, orphans }) => `SELECT '${name}' AS name WHERE ${orphans}`);
  const broken = rowsOf(await client.query(probes.join(' UNION ALL '))).map((row) => String(row.name));
  if (broken.length > 0) throw new Error(`The seeded rows break foreign keys: ${broken.join(', ')}.`);
}

function rowsOf(result: unknown): readonly Record<string, unknown>[] {
  if (typeof result === 'object' && result !== null && 'rows' in result && Array.isArray(result.rows)) {
    return result.rows;
  }
  throw new TypeError('The client must answer a query with an object that has rows.');
}
