/** Measures how fast a server reads a table in full, on a small part of it: read-only, and within a budget of time and pages. */
import type { Session } from '../ports/database';
import { SQLSTATE, StatementFailed } from '../ports/database';
import { quotedName } from '../sql/names';
import { OWN_MARK } from './statement-uses';

export interface ScanBudget {
  readonly ms: number;
  readonly bytes: number;
}

const BUDGET: ScanBudget = { ms: 150, bytes: 64 * 2 ** 20 };

const CHUNK_BYTES = 4 * 2 ** 20;

/** Less is read faster than a clock can tell. */
const LEAST_BYTES = 2 ** 20;

/** Ranges of row addresses are read as such since this version; before, each would read the whole table. */
const READS_RANGES = 140_000;

const MAY_FAIL: readonly string[] = [
  SQLSTATE.lockNotAvailable,
  SQLSTATE.queryCanceled,
  SQLSTATE.insufficientPrivilege,
  SQLSTATE.undefinedTable,
];

/**
 * In bytes per second; undefined where the table is too small to tell, or may not be read. What lies in memory is read
 * faster than what does not: the answer is of this moment.
 */
export async function measureScan(
  session: Session,
  table: { readonly schema: string; readonly name: string; readonly bytes: number },
  budget: ScanBudget = BUDGET,
): Promise<number | undefined> {
  if (table.bytes < LEAST_BYTES) return undefined;
  try {
    await session.query('begin read only');
    const { rows } = await session.query<Settings>(
      `select current_setting('server_version_num')::int as version, current_setting('block_size')::int as "blockSize",
              set_config('max_parallel_workers_per_gather', '0', true),
              set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)`,
      [String(4 * budget.ms), String(Math.ceil(budget.ms / 3))],
    );
    const settings = rows[0];
    if (settings === undefined || settings.version < READS_RANGES) return undefined;
    return await readChunks(session, table, { settings, budget });
  } catch (error) {
    if (error instanceof StatementFailed && MAY_FAIL.includes(error.sqlState)) return undefined;
    throw error;
  } finally {
    await session.query('rollback');
  }
}

interface Settings {
  readonly version: number;
  readonly blockSize: number;
}

async function readChunks(
  session: Session,
  table: { readonly schema: string; readonly name: string; readonly bytes: number },
  { settings: { blockSize }, budget }: { readonly settings: Settings; readonly budget: ScanBudget },
): Promise<number | undefined> {
  const sql = `select ${OWN_MARK} count(*) from only ${quotedName(table)} where ctid >= $1::tid and ctid < $2::tid`;
  const pages = Math.floor(CHUNK_BYTES / blockSize);
  const all = Math.min(table.bytes, budget.bytes);
  let read = 0;
  const began = performance.now();
  const passed = (): number => performance.now() - began;
  while (read < all && passed() < budget.ms) {
    const page = Math.floor(read / blockSize);
    await session.query(sql, [`(${page},0)`, `(${page + pages},0)`]);
    read += Math.min(CHUNK_BYTES, all - read);
  }
  return read < LEAST_BYTES ? undefined : Math.round((read / passed()) * 1000);
}
