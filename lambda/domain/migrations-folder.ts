/** Makes a project of what lies in a Prisma folder, or says of every file that is wrong what is wrong and what to do. */
import { MigrationsFolderError } from './errors';
import { checksumOf, type InvariantFile, type Migration, type Project } from './migration';
import { migrationNameProblem, sharedTimestamps } from './migration-name';

/** A file as it was found. */
export type FoundFile =
  | { readonly state: 'absent' }
  | { readonly state: 'read'; readonly bytes: Uint8Array }
  /** A symbolic link to something that is not in the Prisma folder. */
  | { readonly state: 'outside'; readonly target: string }
  | { readonly state: 'unreadable'; readonly reason: string };

export interface FoundMigration {
  readonly name: string;
  readonly sql: FoundFile;
  readonly downSql: FoundFile;
}

export interface FoundFolder {
  readonly schema: FoundFile;
  readonly lockfile: FoundFile;
  readonly hasMigrationsFolder: boolean;
  readonly migrations: readonly FoundMigration[];
  readonly invariants: readonly FoundQuery[];
  readonly watched: readonly FoundQuery[];
}

export interface FoundQuery {
  readonly file: string;
  readonly content: FoundFile;
}

/** What Postgres's parser says of a script. */
export type ScriptReading =
  | { readonly outcome: 'statements'; readonly statements: readonly ScriptStatement[] }
  | { readonly outcome: 'refused'; readonly line: number; readonly problem: string };

export interface ScriptStatement {
  readonly line: number;
  /** Root of the parse tree, e.g. `TransactionStmt`. */
  readonly kind: string;
}

/** `file` is relative to the Prisma folder. */
export type ReadScript = (sql: string, file: string) => Promise<ScriptReading>;

export interface FolderProblem {
  /** Relative to the Prisma folder. */
  readonly file: string;
  readonly line?: number;
  readonly problem: string;
  readonly remedy: string;
  /** Names that make it no problem once they are all applied: applied migrations must not be changed any more. */
  readonly untilApplied?: readonly string[];
}

export interface FolderReading {
  readonly project: Project;
  readonly problems: readonly FolderProblem[];
}

export interface FolderContext {
  readonly readScript: ReadScript;
  /** Names of applied migrations: their texts are not read. */
  readonly applied: ReadonlySet<string>;
}

export async function readFolder(folder: FoundFolder, context: FolderContext): Promise<FolderReading> {
  const texts = new Texts();
  const schema = texts.required(
    folder.schema,
    'schema.prisma',
    'Write the schema there, or name another folder with --prisma.',
  );
  const migrations = folder.migrations
    .map((found) => ({ found, migration: texts.migration(found) }))
    .sort((a, b) => (a.found.name < b.found.name ? -1 : 1));
  const lockfile = texts.optional(folder.lockfile, LOCKFILE);
  const problems = [
    ...texts.problems,
    ...(folder.hasMigrationsFolder ? [] : [MISSING_MIGRATIONS]),
    ...lockfileProblems(lockfile, folder.lockfile.state === 'absent' && migrations.length > 0),
    ...folder.migrations.flatMap(({ name }) => nameProblems(name)),
    ...timestampProblems(folder.migrations.map(({ name }) => name)),
  ];
  const readable = migrations.flatMap(({ migration }) => (migration === undefined ? [] : [migration]));
  for (const migration of readable.filter(({ name }) => !context.applied.has(name))) {
    problems.push(...(await scriptProblems(migration, context.readScript)));
  }
  return {
    project: {
      schema: schema ?? '',
      lockfile,
      migrations: readable,
      invariants: texts.queries(folder.invariants),
      watched: texts.queries(folder.watched),
    },
    problems: problems.filter(isProblemNow(context.applied)).sort(byPlace),
  };
}

const isProblemNow =
  (applied: ReadonlySet<string>) =>
  ({ untilApplied }: FolderProblem): boolean =>
    untilApplied === undefined || !untilApplied.every((name) => applied.has(name));

/** One error for all problems: each on a line of its own, the first in the error's fields. */
export function folderError(problems: readonly FolderProblem[]): MigrationsFolderError | undefined {
  const [first, ...others] = problems;
  if (first === undefined) return undefined;
  const rest = others.map((problem) => new MigrationsFolderError(fieldsOf(problem)).message);
  return new MigrationsFolderError({ ...fieldsOf(first), remedy: [first.remedy, ...rest].join('\n') });
}

const fieldsOf = ({ file, line, problem, remedy }: FolderProblem) => ({
  file,
  ...(line === undefined ? {} : { line }),
  problem,
  remedy,
});

/**
 * Pending migrations that sort before an applied one: on this database they would run after it, on a new one before it.
 * They come from branches that were merged in another order than they were written.
 */
export function outOfOrder(applied: readonly string[], pending: readonly string[]): readonly string[] {
  const last = [...applied].sort().at(-1) ?? '';
  return pending.filter((name) => name < last);
}

const LOCKFILE = 'migrations/migration_lock.toml';

export const LOCKFILE_CONTENT = `# Please do not edit this file manually
# It should be added in your version-control system (e.g., Git)
provider = "postgresql"
`;

const MISSING_MIGRATIONS: FolderProblem = {
  file: 'migrations',
  problem: 'the folder does not exist',
  remedy: 'Create the first migration with `godwit dev --name init`, or name another folder with --prisma.',
};

const sqlFile = (migration: string, file = 'migration.sql'): string => `migrations/${migration}/${file}`;

/** Decodes files and collects what stands in the way. */
class Texts {
  readonly problems: FolderProblem[] = [];

  required(found: FoundFile, file: string, remedy: string): string | undefined {
    if (found.state === 'absent') this.problems.push({ file, problem: 'the file does not exist', remedy });
    return this.optional(found, file);
  }

  optional(found: FoundFile, file: string): string | undefined {
    switch (found.state) {
      case 'absent':
        return undefined;
      case 'read':
        return this.#decode(found.bytes, file);
      case 'outside':
        this.problems.push({
          file,
          problem: `it is a symbolic link to ${found.target}, which is not in the Prisma folder`,
          remedy: 'Replace the link by a copy: a migration must not change when files elsewhere do.',
        });
        return undefined;
      case 'unreadable':
        this.problems.push({
          file,
          problem: `it cannot be read (${found.reason})`,
          remedy: 'Correct its permissions.',
        });
        return undefined;
    }
  }

  migration({ name, sql: foundSql, downSql }: FoundMigration): Migration | undefined {
    const remedy = 'Write the migration there, or delete the folder if it is not needed.';
    const sql = this.required(foundSql, sqlFile(name), remedy);
    const down = this.optional(downSql, sqlFile(name, 'down.sql'));
    if (foundSql.state !== 'read' || sql === undefined) return undefined;
    return { name, sql, downSql: down, checksum: checksumOf(Buffer.from(foundSql.bytes)) };
  }

  queries(found: readonly FoundQuery[]): InvariantFile[] {
    return found.flatMap(({ file, content }) => {
      const sql = this.optional(content, file);
      return sql === undefined ? [] : [{ file, sql }];
    });
  }

  #decode(bytes: Uint8Array, file: string): string | undefined {
    try {
      return utf8.decode(bytes);
    } catch {
      this.problems.push({
        file,
        line: lineOfInvalidByte(bytes),
        problem: 'it is not valid UTF-8',
        remedy: 'Save it as UTF-8.',
      });
      return undefined;
    }
  }
}

/** Keeps a byte order mark: Postgres refuses it, so it must be seen. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function lineOfInvalidByte(bytes: Uint8Array): number {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  const invalid = lines.findIndex((line) => Buffer.from(line, 'latin1').toString('utf8').includes('\uFFFD'));
  return invalid + 1;
}

const nameProblems = (name: string): FolderProblem[] => {
  const problem = migrationNameProblem(name);
  if (problem === undefined) return [];
  const remedy = 'Rename the folder to `<14 digits of the time>_<name>`, such as 20260131120000_add_index.';
  return [{ file: `migrations/${name}`, problem, remedy, untilApplied: [name] }];
};

const timestampProblems = (names: readonly string[]): FolderProblem[] =>
  sharedTimestamps(names).map(([first, ...others]) => ({
    file: `migrations/${first}`,
    problem: `it has the same timestamp as ${others.join(' and ')}, so the order is that of the rest of their names`,
    remedy: 'Rename the one that shall run later, so that its timestamp is later.',
    untilApplied: [first, ...others],
  }));

function lockfileProblems(content: string | undefined, isMissing: boolean): FolderProblem[] {
  const write = 'Write `provider = "postgresql"` into it, as Prisma does.';
  if (isMissing) return [{ file: LOCKFILE, problem: 'the file does not exist', remedy: write }];
  if (content === undefined) return [];
  const lines = content.split('\n').map((line) =>
    line
      .trim()
      .split('=')
      .map((part) => part.trim()),
  );
  const index = lines.findIndex(([key]) => key === 'provider');
  const provider = lines[index]?.[1];
  if (provider === '"postgresql"' || provider === "'postgresql'") return [];
  if (provider === undefined) return [{ file: LOCKFILE, problem: 'it names no provider', remedy: write }];
  return [
    {
      file: LOCKFILE,
      line: index + 1,
      problem: `these migrations are written for ${provider}`,
      remedy: 'Godwit migrates Postgres only: point --prisma at a folder for "postgresql".',
    },
  ];
}

async function scriptProblems(migration: Migration, readScript: ReadScript): Promise<FolderProblem[]> {
  const { name, sql, downSql } = migration;
  const up = await problemsOfScript(sqlFile(name), sql, readScript);
  if (downSql === undefined) return up;
  return [...up, ...(await problemsOfScript(sqlFile(name, 'down.sql'), downSql, readScript))];
}

async function problemsOfScript(file: string, sql: string, readScript: ReadScript): Promise<FolderProblem[]> {
  const reading = await readScript(sql, file);
  if (reading.outcome === 'refused') {
    const { line, problem } = reading;
    return [{ file, line, problem, remedy: 'Correct the statement.' }];
  }
  if (reading.statements.length === 0) {
    const remedy = 'Write its statements, or delete it if it is not needed.';
    return [{ file, problem: 'it holds no statement', remedy }];
  }
  return reading.statements
    .filter(({ kind }) => kind === 'TransactionStmt')
    .slice(0, 1)
    .map(({ line }) => ({
      file,
      line,
      problem: 'it begins or ends transactions itself',
      remedy:
        'Delete BEGIN, COMMIT and the like: a file whose statements can all run in one transaction does so anyway.',
    }));
}

const byPlace = (a: FolderProblem, b: FolderProblem): number =>
  a.file === b.file ? (a.line ?? 0) - (b.line ?? 0) : a.file < b.file ? -1 : 1;
