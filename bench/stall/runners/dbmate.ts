/** dbmate from npm: each file in one transaction, no time limits. Its start, some 30 ms, counts. */
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MIGRATIONS, migrationName } from '../cases';
import type { Prepare } from '../runner-process';

export const prepareDbmate: Prepare = async (request) => {
  const program = dbmateBinary(request.projectRoot);
  if (program === undefined) throw new Error('dbmate has no build for this platform');
  const folder = await mkdtemp(join(request.scratch, 'dbmate-'));
  const sql = `-- migrate:up\n${MIGRATIONS[request.case].asGenerated};\n-- migrate:down\n`;
  await writeFile(join(folder, `${migrationName(request.case)}.sql`), sql);
  return async () => {
    await promisify(execFile)(program, ['--migrations-dir', folder, '--no-dump-schema', 'migrate'], {
      // It would read a .env file where it is started.
      cwd: folder,
      // Not an argument, which ps shows.
      env: { DATABASE_URL: `${request.url}?sslmode=disable` },
    });
    return undefined;
  };
};

/** `undefined` on platforms for which it is not published. */
export function dbmateBinary(projectRoot: string): string | undefined {
  const extension = process.platform === 'win32' ? '.exe' : '';
  try {
    return createRequire(createRequire(join(projectRoot, 'package.json')).resolve('dbmate')).resolve(
      `@dbmate/${process.platform}-${process.arch}/bin/dbmate${extension}`,
    );
  } catch {
    return undefined;
  }
}
