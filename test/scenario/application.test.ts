import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { Client } from 'pg';
import {
  ApplicationDidNotStart,
  ApplicationDied,
  type ApplicationStats,
  startApplication,
} from '../../demo/application/start';
import { seed } from '../../demo/seed/seed';
import type { Database } from '../../lambda/ports/database';
import { projectRoot, useCluster } from '../support/cluster';

const INIT = join(projectRoot, 'prisma/migrations/20251103090000_init_production_schema/migration.sql');
const FAULTY = join(projectRoot, 'demo/faulty/20251201090000_reprice_balances');
const IRREVERSIBLE = join(projectRoot, 'demo/faulty-irreversible/20251201090000_round_balances');

const folder = mkdtempSync(join(tmpdir(), 'godwit-application-'));
const entry = join(folder, 'application.cjs');

const cluster = useCluster({
  template: async (database) => {
    const client = new Client(await database.connectionString());
    await client.connect();
    await client.query(readFileSync(INIT, 'utf8'));
    await seed(client, { scale: 0.05 });
    await client.end();
  },
});

beforeAll(async () => {
  await build({
    entryPoints: [join(projectRoot, 'demo/application/process.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['pg-native'],
    outfile: entry,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function withClient<T>(database: Database, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(await database.connectionString());
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Sums do not depend on the order of rows, and tell every change of a value or of its time of writing. */
const fingerprint = async (client: Client): Promise<unknown> => {
  const { rows } = await client.query(
    `SELECT count(*), md5(string_agg("id" || coalesce("usdValue"::text, '') || "updatedAt", ',' ORDER BY "id"))
     FROM "TokenBalance"`,
  );
  return rows[0];
};

const read = (directory: string, file: string): string => readFileSync(join(directory, file), 'utf8');

test('it keeps its rate, writes with the time of writing, breaks no rule, and drains when it is stopped', async () => {
  const database = await cluster.freshDatabase();
  const heard: ApplicationStats[] = [];
  const application = await startApplication({
    url: await database.connectionString(),
    entry,
    onStats: (stats) => heard.push(stats),
  });
  await sleep(2000);
  const args = execFileSync('ps', ['-o', 'args=', '-p', String(application.pid)], { encoding: 'utf8' });
  const stats = await application.stop();

  expect(args).not.toContain('postgres');
  expect(stats.errorSamples).toEqual([]);
  expect(stats.inFlight).toBe(0);
  expect(stats.requests).toBeGreaterThan(360);
  expect(stats.p99).toBeGreaterThan(0);
  expect(stats.worstMs).toBeGreaterThanOrEqual(stats.p99 * 0.97);
  expect(heard.length).toBeGreaterThan(5);
  expect(await application.stop()).toBe(stats);

  await withClient(database, async (client) => {
    const { rows } = await client.query<Record<string, string>>(
      `WITH clock AS (SELECT now() AT TIME ZONE 'UTC' - interval '1 minute' AS minute)
       SELECT
         (SELECT count(*) FROM "TokenBalance", clock WHERE "updatedAt" > clock.minute AND "fetchedAt" = "updatedAt") AS balances,
         (SELECT count(*) FROM "Transaction", clock WHERE "updatedAt" > clock.minute) AS transactions,
         (SELECT count(*) FROM "Alert", clock WHERE "updatedAt" > clock.minute) AS alerts,
         (SELECT count(*) FROM "PriceSnapshot", clock WHERE "recordedAt" > clock.minute) AS prices,
         (SELECT count(*) FROM "TokenBalance" WHERE "usdValue" < 0) AS negative,
         (SELECT count(*) FROM "TokenBalance" WHERE "updatedAt" > now() AT TIME ZONE 'UTC') AS in_future`,
    );
    const counts = Object.fromEntries(
      Object.entries(rows[0] ?? {}).map(([name, count]) => [name, Number(count)]),
    );
    expect(counts).toMatchObject({ negative: 0, in_future: 0 });
    for (const written of ['balances', 'transactions', 'alerts', 'prices']) {
      expect(counts[written]).toBeGreaterThan(0);
    }
  });
});

test('a lock that holds it up is seen while it lasts, and in full afterwards', async () => {
  const database = await cluster.freshDatabase();
  const application = await startApplication({ url: await database.connectionString(), entry });
  await sleep(500);
  application.mark();
  expect(application.stats.worstMsWindow).toBe(0);
  await withClient(database, async (client) => {
    await client.query('BEGIN; LOCK TABLE "TokenBalance" IN ACCESS EXCLUSIVE MODE');
    await sleep(900);
    const during = application.stats;
    await client.query('COMMIT');
    expect(during.worstMsWindow).toBeGreaterThan(400);
    expect(during.inFlight).toBeGreaterThan(50);
  });
  const stats = await application.stop();
  expect(stats.worstMsWindow).toBeGreaterThan(850);
  expect(stats.worstMsWindow).toBeLessThan(5000);
  expect(stats.errors).toBe(0);
});

test('it outlives its connections: errors are counted, and it goes on', async () => {
  const database = await cluster.freshDatabase();
  const application = await startApplication({ url: await database.connectionString(), entry });
  await sleep(300);
  await withClient(database, (client) =>
    client.query(`SELECT pg_terminate_backend("pid") FROM "pg_stat_activity"
                  WHERE "application_name" = 'wedefidaily' AND "datname" = current_database()`),
  );
  await sleep(300);
  const after = application.stats;
  await sleep(1000);
  const stats = await application.stop();
  expect(stats.requests).toBeGreaterThan(after.requests + 100);
  expect(stats.errors).toBe(after.errors);
  expect(stats.errors).toBeLessThanOrEqual(8);
});

test('a database that it cannot use is told at once', async () => {
  const url = (await (await cluster.freshDatabase()).connectionString()).replace(/[^/]+$/, 'nowhere');
  await expect(startApplication({ url, entry })).rejects.toThrow(ApplicationDidNotStart);
  await expect(startApplication({ url, entry: join(folder, 'absent.cjs') })).rejects.toThrow(/absent\.cjs/);
});

test('when its process is killed, its measurements are not taken for complete', async () => {
  const database = await cluster.freshDatabase();
  const application = await startApplication({ url: await database.connectionString(), entry });
  process.kill(application.pid, 'SIGKILL');
  await sleep(100);
  await expect(application.stop()).rejects.toThrow(ApplicationDied);
});

test('it ends when its parent does', async () => {
  const database = await cluster.freshDatabase();
  const parentEntry = join(folder, 'parent.cjs');
  await build({
    stdin: {
      contents: `import { startApplication } from './demo/application/start';
        process.stdin.once('data', async (text) => {
          const { url, entry } = JSON.parse(String(text));
          const application = await startApplication({ url, entry });
          process.stdout.write(String(application.pid));
        });`,
      resolveDir: projectRoot,
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: parentEntry,
  });
  const parent = spawn(process.execPath, [parentEntry], { stdio: ['pipe', 'pipe', 'inherit'] });
  const told = new Promise<number>((resolve) =>
    parent.stdout.once('data', (text) => resolve(Number(String(text)))),
  );
  parent.stdin.write(JSON.stringify({ url: await database.connectionString(), entry }));
  const pid = await told;
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  for (let waited = 0; isAlive(pid) && waited < 3000; waited += 50) await sleep(50);
  expect(isAlive(pid)).toBe(false);
});

test('the faulty migration breaks totals, and its down script takes back exactly what it did', async () => {
  const database = await cluster.freshDatabase();
  await withClient(database, async (client) => {
    const before = await fingerprint(client);
    await client.query(read(FAULTY, 'migration.sql'));
    expect(await fingerprint(client)).not.toEqual(before);
    await client.query(read(FAULTY, 'down.sql'));
    expect(await fingerprint(client)).toEqual(before);
    const { rowCount } = await client.query(`SELECT FROM "pg_namespace" WHERE "nspname" = 'maintenance'`);
    expect(rowCount).toBe(0);
  });
});

test('the down script leaves alone what the application wrote in the meantime', async () => {
  const database = await cluster.freshDatabase();
  await withClient(database, async (client) => {
    await client.query(read(FAULTY, 'migration.sql'));
    const { rows } = await client.query<{ id: string }>(
      `UPDATE "TokenBalance" SET "usdValue" = 42, "updatedAt" = now() AT TIME ZONE 'UTC'
       WHERE "id" = (SELECT min("id") FROM "maintenance"."repriced_balance") RETURNING "id"`,
    );
    await client.query(read(FAULTY, 'down.sql'));
    const after = await client.query(
      `SELECT "usdValue"::float AS "usdValue" FROM "TokenBalance" WHERE "id" = $1`,
      [rows[0]?.id],
    );
    expect(after.rows).toEqual([{ usdValue: 42 }]);
  });
});

test('the irreversible migration loses digits without a sign of who wrote', async () => {
  const database = await cluster.freshDatabase();
  await withClient(database, async (client) => {
    const before = await fingerprint(client);
    const { rowCount } = await client.query(read(IRREVERSIBLE, 'migration.sql'));
    expect(rowCount).toBeGreaterThan(0);
    expect(await fingerprint(client)).not.toEqual(before);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
