/** How long `godwit check` takes as a whole process: for one migration, and for a history of thousands. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, type BenchReport, type BenchResult, median, reportOf, time } from './measure';

const MIGRATIONS = 2000;
/** The same for the history and the single migration: what a person waits for includes the start of the program. */
const LIMITS = { one: 400, history: 3000 } as const;

export async function benchChecks({ projectRoot, quick, signal, tell }: BenchOptions): Promise<BenchReport> {
  const results: BenchResult[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'godwit-bench-'));
  try {
    const one = await writeHistory(join(folder, 'one'), 1);
    const history = await writeHistory(join(folder, 'history'), MIGRATIONS);
    const measure = async (name: string, prisma: string, limit: number): Promise<void> => {
      const times: number[] = [];
      for (let round = 0; round < (quick ? 3 : 9); round += 1) {
        times.push(
          await time({
            command: process.execPath,
            args: [join(projectRoot, 'dist', 'godwit.mjs'), 'check', '--json', '--prisma', prisma],
            cwd: folder,
            signal,
            expectedExit: EXIT_WITH_ERRORS,
          }),
        );
      }
      const value = Math.round(median(times));
      results.push({ case: name, runner: 'godwit', metric: 'median of processes', value, unit: 'ms', limit });
      tell(`${name}: ${value} ms (limit ${limit} ms)`);
    };
    await measure('one migration', one, LIMITS.one);
    await measure(`${MIGRATIONS} migrations`, history, LIMITS.history);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return reportOf('checks', results);
}

/** Its last migration builds an index under a lock: what finds nothing has looked at nothing. */
const EXIT_WITH_ERRORS = 3;

/** As Prisma writes them, three statements each: a new table with its index and foreign key, or changes of one that was there. */
async function writeHistory(prisma: string, migrations: number): Promise<string> {
  await mkdir(join(prisma, 'migrations'), { recursive: true });
  await writeFile(join(prisma, 'schema.prisma'), 'datasource db {\n  provider = "postgresql"\n}\n');
  await writeFile(join(prisma, 'migrations', 'migration_lock.toml'), 'provider = "postgresql"\n');
  for (let index = 0; index < migrations; index += 1) {
    const name = `${20_250_101_000_000 + index}_change_${index}`;
    const isLast = index === migrations - 1;
    await mkdir(join(prisma, 'migrations', name));
    await writeFile(
      join(prisma, 'migrations', name, 'migration.sql'),
      index % 4 === 0 && !isLast ? creation(index) : alteration(index - (index % 4), index),
    );
  }
  return prisma;
}

const creation = (index: number): string => `-- CreateTable
CREATE TABLE "Table${index}" (
    "id" TEXT NOT NULL,
    "walletId" TEXT NOT NULL,
    "usdValue" DECIMAL(36,18) NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Table${index}_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Table${index}_walletId_idx" ON "Table${index}"("walletId");

-- AddForeignKey
ALTER TABLE "Table${index}" ADD CONSTRAINT "Table${index}_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Table0"("id") ON DELETE CASCADE ON UPDATE CASCADE;
`;

const alteration = (table: number, index: number): string => `-- AlterTable
ALTER TABLE "Table${table}" ADD COLUMN     "note${index}" TEXT;

-- AlterTable
ALTER TABLE "Table${table}" ALTER COLUMN "usdValue" SET DATA TYPE DECIMAL(40,18);

-- CreateIndex
CREATE INDEX ON "Table${table}"("createdAt");
`;
