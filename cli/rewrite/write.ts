/** Writes rewritten migrations into the folder, in place of the one that they come from, and overwrites nothing else. */
import { randomBytes } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../lambda/domain/errors';
import type { Migration } from '../../lambda/domain/migration';
import type { RewrittenMigration } from '../../lambda/sql/rewrite/rewrite';
import { writeMigration } from '../project-folder';

export interface Writing {
  readonly prismaDir: string;
  readonly original: Migration;
  readonly rewritten: readonly RewrittenMigration[];
  /** All of the folder. */
  readonly migrations: readonly Migration[];
  readonly applied: readonly string[];
}

/** Answers the files, relative to the Prisma folder. */
export async function writeRewritten(writing: Writing): Promise<readonly string[]> {
  refuseToDisturb(writing);
  const { prismaDir, original, rewritten } = writing;
  const [first, ...others] = rewritten;
  if (first === undefined) return [];
  const folder = join(prismaDir, 'migrations', original.name);
  const written: string[] = [];
  // The original last: as long as it is as it was, nothing is lost that was to be parted from it.
  for (const { name, sql } of others) {
    written.push(`${await writeMigration(prismaDir, { name, sql: sql.trimEnd() })}/migration.sql`);
  }
  if (others.length > 0 && original.downSql !== undefined) {
    await rename(join(folder, 'down.sql'), join(folder, FORMER_DOWN));
  }
  await replaceFile(join(folder, 'migration.sql'), first.sql);
  return [`migrations/${original.name}/migration.sql`, ...written];
}

/** It undid the whole, which is several migrations now. */
export const FORMER_DOWN = 'down.sql.before-rewrite';

function refuseToDisturb({ original, rewritten, migrations, applied }: Writing): void {
  if (applied.includes(original.name)) {
    throw new UsageError(
      `${original.name} is applied, and history is not rewritten. Put what is still to be done into a new migration.`,
    );
  }
  const last = rewritten.at(-1)?.name ?? original.name;
  const between = migrations.filter(({ name }) => name > original.name && name <= last);
  if (between.length > 0) {
    throw new UsageError(
      `${original.name} would be parted into migrations up to ${last}, and ${between.map(({ name }) => name).join(', ')} ` +
        `would come between them. Give ${original.name} an earlier or later timestamp, with room behind it.`,
    );
  }
}

async function replaceFile(path: string, content: string): Promise<void> {
  const beside = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(beside, content, { flag: 'wx' });
  await rename(beside, path);
}
