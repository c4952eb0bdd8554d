/** What a long history of small migrations costs beyond its SQL: `deploy` on an empty database beside a plain client. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type BenchOptions, type BenchResult, median, time } from './measure';

const COUNT = 800;
const MOST_EACH_MS = 5;
const CLEAN_UP_LIMIT_MS = 60_000;

export interface SmallMigrationsOptions extends Omit<BenchOptions, 'quick'> {
  /** Where the history is written, and the clusters are. */
  readonly folder: string;
  readonly rounds: number;
}

/**
 * Counted is the whole command, from its start to its end, with restore point, replay of the history and report.
 * Interleaved, so that a busy minute of the machine falls on both; on clusters of their own, all removed at the end: ext4
 * makes files slowly for some minutes where many were deleted, and only `deploy`, with its base backup, makes many.
 */
export async function benchSmallMigrations(options: SmallMigrationsOptions): Promise<readonly BenchResult[]> {
  const { projectRoot, folder, rounds, signal, tell } = options;
  const program = join(projectRoot, 'dist', 'godwit.mjs');
  const common = { command: process.execPath, cwd: projectRoot };
  const up = async (dataDir: string): Promise<string> => {
    const args = [program, 'up', '--json', '--data-dir', dataDir];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: projectRoot, signal });
    return (JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { url: string }).url;
  };
  const migrations = smallMigrations(COUNT);
  const prisma = join(folder, 'small-migrations');
  await writeHistory(prisma, migrations);
  const plain: number[] = [];
  const deploy: number[] = [];
  const clusters: string[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      tell(`${COUNT} small migrations, round ${round + 1}`);
      const [forPlain, forDeploy] = [join(folder, `plain-${round}`), join(folder, `deploy-${round}`)];
      clusters.push(forPlain, forDeploy);
      plain.push(await plainClient(await up(forPlain), migrations));
      await up(forDeploy);
      const args = [program, 'deploy', '--quiet', '--prisma', prisma, '--data-dir', forDeploy];
      deploy.push(await time({ ...common, args, signal }));
    }
  } finally {
    for (const dataDir of clusters) {
      const args = [program, 'reset', '--yes', '--data-dir', dataDir];
      // Not with the signal of the bench: where that was aborted, its servers still have to be stopped.
      await time({ ...common, args, signal: AbortSignal.timeout(CLEAN_UP_LIMIT_MS) });
    }
  }
  const more = median(deploy.map((whole, round) => (whole - (plain[round] ?? 0)) / COUNT));
  const each = Math.round(more * 100) / 100;
  tell(`${COUNT} small migrations: ${each} ms more for each than the SQL alone (limit ${MOST_EACH_MS} ms)`);
  const figure = { metric: 'median of rounds', unit: 'ms' } as const;
  return [
    {
      case: `${COUNT} small files, SQL`,
      runner: 'plain client',
      value: Math.round(median(plain)),
      ...figure,
    },
    { case: `${COUNT} small files, deploy`, runner: 'godwit', value: Math.round(median(deploy)), ...figure },
    { case: 'more for each of them', runner: 'godwit', value: each, limit: MOST_EACH_MS, ...figure },
  ];
}

interface SmallMigration {
  readonly name: string;
  readonly sql: string;
}

/** Eight on each table: what makes up most of the histories that people have. */
const ON_ONE_TABLE: readonly ((table: string) => string)[] = [
  (table) => `-- CreateTable
CREATE TABLE "${table}" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "${table}_pkey" PRIMARY KEY ("id")
);
`,
  (table) => `-- AlterTable\nALTER TABLE "${table}" ADD COLUMN "note" TEXT;\n`,
  (table) => `-- CreateIndex\nCREATE INDEX "${table}_name_idx" ON "${table}"("name");\n`,
  (table) => `INSERT INTO "${table}" ("name") VALUES ('first'), ('second');\n`,
  (table) => `-- AlterTable\nALTER TABLE "${table}" ADD COLUMN "amount" DECIMAL(36,18) NOT NULL DEFAULT 0;\n`,
  (table) =>
    `UPDATE "${table}" SET "amount" = 1 WHERE "name" = 'first';\nALTER TABLE "${table}" ALTER COLUMN "note" SET DEFAULT '';\n`,
  (table) =>
    `-- CreateIndex\nCREATE UNIQUE INDEX "${table}_name_amount_key" ON "${table}"("name", "amount");\n`,
  (table) => `-- AlterTable\nALTER TABLE "${table}" DROP COLUMN "note";\n`,
];

/** The same at every call. */
const smallMigrations = (count: number): readonly SmallMigration[] =>
  Array.from({ length: count }, (_, index) => {
    const at = new Date(Date.UTC(2024, 0, 1) + index * 3_600_000);
    const stamp = at.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '');
    const table = `Table${Math.floor(index / ON_ONE_TABLE.length)}`;
    return { name: `${stamp}_small`, sql: ON_ONE_TABLE[index % ON_ONE_TABLE.length]?.(table) ?? '' };
  });

async function writeHistory(folder: string, migrations: readonly SmallMigration[]): Promise<void> {
  await mkdir(join(folder, 'migrations'), { recursive: true });
  await writeFile(join(folder, 'schema.prisma'), 'datasource db {\n  provider = "postgresql"\n}\n');
  await writeFile(join(folder, 'migrations', 'migration_lock.toml'), 'provider = "postgresql"\n');
  for (const { name, sql } of migrations) {
    await mkdir(join(folder, 'migrations', name));
    await writeFile(join(folder, 'migrations', name, 'migration.sql'), sql);
  }
}

/** The SQL alone, in ms: one session, one message a file. */
async function plainClient(url: string, migrations: readonly SmallMigration[]): Promise<number> {
  return withClient(url, async (client) => {
    const began = performance.now();
    for (const { sql } of migrations) await client.query(sql);
    return performance.now() - began;
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
