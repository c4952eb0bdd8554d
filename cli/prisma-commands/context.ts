/** What the commands that Prisma has too are given, and what they answer. */
import type { Project } from '../../lambda/domain/migration';
import { isApplied, readLedger } from '../../lambda/migrate/ledger';
import { type Database, withSession } from '../../lambda/ports/database';
import type { SchemaEngine } from '../../lambda/ports/schema-engine';
import { type ReadProjectOptions, readProject } from '../project-folder';

export interface PrismaCommand {
  readonly database: Database;
  readonly engine: SchemaEngine;
  /** Holds `schema.prisma` and `migrations`. */
  readonly prismaDir: string;
  /** For people; may hold several lines. */
  readonly print: (text: string) => void;
}

export interface CommandEnd<Result> {
  readonly exitCode: number;
  /** Goes into the last line of `--json`. */
  readonly result: Result;
}

/** The folder, with what is history on this database taken as it is. */
export const projectOf = (
  { prismaDir, database }: PrismaCommand,
  options: ReadProjectOptions = {},
): Promise<Project> => readProject(prismaDir, { ...options, applied: () => appliedNames(database) });

export const appliedNames = (database: Database): Promise<readonly string[]> =>
  withSession(database, { applicationName: 'godwit ledger', readOnly: true }, async (session) =>
    (await readLedger(session)).filter(isApplied).map(({ name }) => name),
  );

export const listed = (names: readonly string[]): string => names.map((name) => `  ${name}`).join('\n');

export const migrationsWord = (count: number): string => (count === 1 ? 'migration' : 'migrations');
