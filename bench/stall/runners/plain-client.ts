/** What a careful person writes by hand (the strong baseline), and the migration's bare SQL (the physical limit). */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { MIGRATIONS } from '../cases';
import type { RunRequest } from '../messages';
import type { Prepare } from '../runner-process';

export const preparePlainClient: Prepare = async (request) => async () => {
  await withClient(request, (client) => client.query(MIGRATIONS[request.case].asGenerated));
  return undefined;
};

/** lock_timeout 500 ms and retry, each statement by itself; a large UPDATE in batches of 5000 by key. */
export const prepareLockTimeoutRetry: Prepare = async (request) => async () => {
  await withClient(request, async (client) => {
    await client.query("SET lock_timeout = '500ms'");
    for (const statement of MIGRATIONS[request.case].online) {
      if (request.case === 'backfill') await inBatches(client, statement);
      else await withRetries(client, statement);
    }
  });
  return undefined;
};

const LOCK_NOT_AVAILABLE = '55P03';
const LONGEST_PAUSE_MS = 1_000;

async function withRetries(client: Client, sql: string, values: readonly unknown[] = []): Promise<void> {
  for (let pauseMs = 100; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      await client.query(sql, [...values]);
      return;
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code === LOCK_NOT_AVAILABLE)) throw error;
      await sleep(pauseMs);
    }
  }
}

const BATCH_ROWS = 5_000;

async function inBatches(client: Client, update: string): Promise<void> {
  let after = '';
  for (;;) {
    const { rows } = await client.query<{ id: string }>(
      `SELECT "id" FROM "TokenBalance" WHERE "id" > $1 ORDER BY "id" OFFSET ${BATCH_ROWS - 1} LIMIT 1`,
      [after],
    );
    const upTo = rows[0]?.id;
    if (upTo === undefined) return withRetries(client, `${update} AND "id" > $1`, [after]);
    await withRetries(client, `${update} AND "id" > $1 AND "id" <= $2`, [after, upTo]);
    after = upTo;
  }
}

async function withClient(request: RunRequest, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: request.url, application_name: 'bench migration' });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
