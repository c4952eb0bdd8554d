/** Remembers which files a base backup consists of, and finds out when one is missing or has another size. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { filesIn } from './copy-tree';
import { readJsonIfThere, writeAtomically } from './files';

const MANIFEST = 'files.json';

/** Sizes by path. */
type Manifest = Readonly<Record<string, number>>;

/** @param folder of the base backup, which holds its data in `data` */
export async function rememberFiles(folder: string): Promise<void> {
  const files = filesIn(join(folder, 'data')).map(({ path, size }) => [path, size]);
  await writeAtomically(join(folder, MANIFEST), JSON.stringify(Object.fromEntries(files)));
}

export interface FileDamage {
  readonly file: string;
  readonly problem: string;
}

/**
 * The server itself would not notice: without `backup_label` it takes the files for consistent, and a table's file that is
 * missing is missed by the first query. What lies inside of tables, their checksums guard.
 */
export async function firstDamageOf(folder: string): Promise<FileDamage | undefined> {
  const manifest = await readJsonIfThere<Manifest>(join(folder, MANIFEST));
  for (const [path, bytes] of Object.entries(manifest ?? {})) {
    const file = join(folder, 'data', path);
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return { file, problem: 'it is missing' };
    if (found.size !== bytes) return { file, problem: `it has ${found.size} bytes instead of ${bytes}` };
  }
  return undefined;
}
