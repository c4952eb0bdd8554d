/** Migrations as a careless person would write them, to show the way back. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checksumOf, type Migration } from '../lambda/domain/migration';

export async function readFaultyMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return {
        name,
        sql,
        downSql: await readIfThere(join(folder, name, 'down.sql')),
        checksum: checksumOf(sql),
      };
    }),
  );
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
