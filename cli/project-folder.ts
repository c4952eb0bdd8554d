/** Reads a Prisma folder from disk. */
import type { Dirent } from 'node:fs';
import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { MigrationsFolderError, messageOf } from '../lambda/domain/errors';
import { parseInvariant } from '../lambda/domain/invariant';
import type { InvariantFile, Project } from '../lambda/domain/migration';
import {
  type FolderProblem,
  type FoundFile,
  type FoundFolder,
  type FoundMigration,
  type FoundQuery,
  folderError,
  LOCKFILE_CONTENT,
  type ReadScript,
  readFolder,
  type ScriptReading,
} from '../lambda/domain/migrations-folder';
import { parseScript, SqlDirectiveError, SqlSyntaxError } from '../lambda/sql/parse';

export interface ReadProjectOptions {
  /**
   * Answers the names of applied migrations. History cannot be corrected and must not keep its database from being
   * migrated on: what is wrong with the text or the name of an applied migration is no problem. Nor is it parsed,
   * which of thousands of migrations would take a second.
   */
  readonly applied?: () => Promise<readonly string[]>;
  /** The SQL of migrations is taken as it is, whatever it holds: it is about to be judged. */
  readonly allowAnySql?: boolean;
  /** The migrations folder may be missing: the first migration is about to be written. */
  readonly allowNew?: boolean;
}

/** @throws MigrationsFolderError with all problems, each on its own line */
export async function readProject(prismaDir: string, options: ReadProjectOptions = {}): Promise<Project> {
  const found = await findFolder(prismaDir);
  const folder = options.allowNew ? { ...found, hasMigrationsFolder: true } : found;
  const applied = new Set(await options.applied?.());
  const { project, problems } = await readFolder(folder, {
    readScript: options.allowAnySql ? readDownScript : readScript,
    applied,
  });
  const error = folderError([
    ...problems,
    ...(await invariantProblems(project.invariants)),
    ...(await watchedProblems(project.watched ?? [])),
  ]);
  if (error !== undefined) throw error;
  return project;
}

/** An invariant is read on production: one query, and nothing else. */
async function invariantProblems(invariants: readonly InvariantFile[]): Promise<readonly FolderProblem[]> {
  const problems = await Promise.all(
    invariants.map(async (invariant): Promise<readonly FolderProblem[]> => {
      const { file } = invariant;
      const reading = await readScript(invariant.sql);
      if (reading.outcome === 'refused') {
        return [{ file, line: reading.line, problem: reading.problem, remedy: 'Correct the query.' }];
      }
      const [first, second] = reading.statements;
      if (first?.kind !== 'SelectStmt' || second !== undefined) {
        const line = second?.line ?? first?.line ?? 1;
        return [
          { file, line, problem: 'an invariant is one SELECT', remedy: 'Leave one query in the file.' },
        ];
      }
      return headerProblems(invariant);
    }),
  );
  return problems.flat();
}

/** What EXPLAIN takes, and nothing that it would execute. */
const EXPLAINABLE: ReadonlySet<string> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
]);

async function watchedProblems(watched: readonly InvariantFile[]): Promise<readonly FolderProblem[]> {
  const problems = await Promise.all(
    watched.map(async ({ file, sql }): Promise<readonly FolderProblem[]> => {
      const reading = await readScript(sql);
      if (reading.outcome === 'refused') {
        return [{ file, line: reading.line, problem: reading.problem, remedy: 'Correct the query.' }];
      }
      const [first, second] = reading.statements;
      if (first !== undefined && EXPLAINABLE.has(first.kind) && second === undefined) return [];
      const line = second?.line ?? first?.line ?? 1;
      const problem = 'a watched query is one SELECT, INSERT, UPDATE, DELETE or MERGE';
      return [{ file, line, problem, remedy: 'Leave one query in the file.' }];
    }),
  );
  return problems.flat();
}

function headerProblems(invariant: InvariantFile): readonly FolderProblem[] {
  try {
    parseInvariant(invariant);
    return [];
  } catch (error) {
    if (!(error instanceof MigrationsFolderError)) throw error;
    return [{ file: error.file, line: 1, problem: error.problem, remedy: error.remedy }];
  }
}

const readScript = async (sql: string): Promise<ScriptReading> => {
  try {
    return { outcome: 'statements', statements: (await parseScript(sql)).statements };
  } catch (error) {
    if (!(error instanceof SqlSyntaxError || error instanceof SqlDirectiveError)) throw error;
    return { outcome: 'refused', line: error.line, problem: error.problem };
  }
};

const readDownScript: ReadScript = async (sql, file) =>
  file.endsWith('/migration.sql')
    ? { outcome: 'statements', statements: [{ line: 1, kind: 'not read' }] }
    : readScript(sql);

async function findFolder(prismaDir: string): Promise<FoundFolder> {
  const root = await realpath(prismaDir).catch((error: unknown) => {
    throw missingFolder(prismaDir, error);
  });
  const top = new Map((await entriesOf(root)).map((entry) => [entry.name, entry]));
  const migrationsDir = join(root, 'migrations');
  const entries = top.has('migrations') ? await entriesOf(migrationsDir) : [];
  const folders = entries.filter(isMigrationFolder);
  const file = (dir: string, entry: Dirent | undefined) => findFile(root, dir, entry);
  return {
    schema: await file(root, top.get('schema.prisma')),
    lockfile: await file(
      migrationsDir,
      entries.find(({ name }) => name === 'migration_lock.toml'),
    ),
    hasMigrationsFolder: top.has('migrations'),
    migrations: await inBatches(folders, (entry) => findMigration(root, migrationsDir, entry)),
    invariants: top.has('invariants') ? await findQueries(root, 'invariants') : [],
    watched: top.has('watched') ? await findQueries(root, 'watched') : [],
  };
}

function missingFolder(prismaDir: string, cause: unknown): MigrationsFolderError {
  return new MigrationsFolderError({
    file: prismaDir,
    problem: 'the Prisma folder does not exist or cannot be read',
    remedy: 'Run from the folder that holds it, or name it with --prisma.',
    cause,
  });
}

/** Files beside the migrations' folders are none of ours; names with a leading dot belong to other programs. */
const isMigrationFolder = (entry: Dirent): boolean =>
  (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.');

async function findMigration(root: string, migrationsDir: string, entry: Dirent): Promise<FoundMigration> {
  const { name } = entry;
  const dir = join(migrationsDir, name);
  const outside = entry.isSymbolicLink() ? await targetOutside(root, dir) : undefined;
  if (outside !== undefined) return { name, sql: outside, downSql: { state: 'absent' } };
  const files = new Map((await entriesOf(dir)).map((each) => [each.name, each]));
  const [sql, downSql] = await Promise.all([
    findFile(root, dir, files.get('migration.sql')),
    findFile(root, dir, files.get('down.sql')),
  ]);
  return { name, sql, downSql };
}

async function findQueries(root: string, folder: string): Promise<readonly FoundQuery[]> {
  const dir = join(root, folder);
  const entries = (await entriesOf(dir)).filter(({ name }) => name.endsWith('.sql') && !name.startsWith('.'));
  const found = await inBatches(entries, async (entry) => ({
    file: `${folder}/${entry.name}`,
    content: await findFile(root, dir, entry),
  }));
  return found.sort((a, b) => (a.file < b.file ? -1 : 1));
}

async function findFile(root: string, dir: string, entry: Dirent | undefined): Promise<FoundFile> {
  if (entry === undefined) return { state: 'absent' };
  const path = join(dir, entry.name);
  const outside = entry.isSymbolicLink() ? await targetOutside(root, path) : undefined;
  if (outside !== undefined) return outside;
  return readFile(path).then(
    (bytes) => ({ state: 'read', bytes }),
    (error: unknown) => ({ state: 'unreadable', reason: messageOf(error) }),
  );
}

/** Where a symbolic link leads, if that is outside the Prisma folder or nowhere. */
async function targetOutside(root: string, path: string): Promise<FoundFile | undefined> {
  try {
    const target = await realpath(path);
    const isInside = target.startsWith(root + sep);
    return isInside ? undefined : { state: 'outside', target: relative(root, target) };
  } catch (error) {
    return {
      state: 'unreadable',
      reason: `${basename(path)} is a broken symbolic link: ${messageOf(error)}`,
    };
  }
}

const entriesOf = (dir: string): Promise<Dirent[]> => readdir(dir, { withFileTypes: true });

/** Enough to keep the disk busy, and far from the limit of open files. */
const BATCH = 64;

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += BATCH) {
    results.push(...(await Promise.all(items.slice(at, at + BATCH).map(work))));
  }
  return results;
}

/** Adds a migration, with its way back if there is one, and the lock file where it is the first. Answers the folder, relative to the Prisma folder. */
export async function writeMigration(
  prismaDir: string,
  { name, sql, downSql }: { readonly name: string; readonly sql: string; readonly downSql?: string },
): Promise<string> {
  const migrationsDir = join(prismaDir, 'migrations');
  await mkdir(migrationsDir, { recursive: true });
  await writeFile(join(migrationsDir, 'migration_lock.toml'), LOCKFILE_CONTENT, { flag: 'wx' }).catch(
    ignoreExisting,
  );
  await mkdir(join(migrationsDir, name));
  await writeFile(join(migrationsDir, name, 'migration.sql'), `${sql}\n`, { flag: 'wx' });
  if (downSql !== undefined) {
    await writeFile(join(migrationsDir, name, 'down.sql'), `${downSql}\n`, { flag: 'wx' });
  }
  return `migrations/${name}`;
}

function ignoreExisting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
}
