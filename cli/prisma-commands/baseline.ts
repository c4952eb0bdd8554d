/** `baseline`: adopts a database that `db push` made, once it is proved to be what the migrations would have built. */
import { UsageError } from '../../lambda/domain/errors';
import type { Migration, Project } from '../../lambda/domain/migration';
import { type CommandEnd, listed, migrationsWord, type PrismaCommand, projectOf } from './context';

export type BaselineResult =
  | { readonly status: 'succeeded'; readonly baselined: readonly string[] }
  | { readonly status: 'nothing-to-do'; readonly baselined: readonly [] }
  | { readonly status: 'blocked'; readonly drift: string };

export interface BaselineOptions {
  /** The last migration whose effects are in the database; the first of the folder unless told. */
  readonly migration?: string;
}

const EXIT = { succeeded: 0, 'nothing-to-do': 0, blocked: 3 } as const;

/** Idempotent: what is recorded already stays, and what an interrupted baseline left out is added. */
export async function baseline(
  command: PrismaCommand,
  options: BaselineOptions = {},
): Promise<CommandEnd<BaselineResult>> {
  const project = await projectOf(command);
  const result = await adopt(command, project, migrationsUpTo(project, options.migration));
  return { exitCode: EXIT[result.status], result };
}

function migrationsUpTo({ migrations }: Project, named: string | undefined): readonly Migration[] {
  const last = named ?? migrations[0]?.name;
  if (last === undefined) {
    throw new UsageError(
      'The migrations folder holds no migration. Write the one that builds this database from nothing: ' +
        'godwit dev --name init --create-only',
    );
  }
  const index = migrations.findIndex(({ name }) => name === last);
  if (index < 0) {
    throw new UsageError(
      `The migration ${last} is not in the migrations folder. Give the whole name of its folder.`,
    );
  }
  return migrations.slice(0, index + 1);
}

async function adopt(
  { database, engine, print }: PrismaCommand,
  project: Project,
  upTo: readonly Migration[],
): Promise<BaselineResult> {
  const diagnosis = await engine.diagnose(database, project);
  if (diagnosis.failed.length > 0) throw failedFirst(diagnosis.failed);
  const pending = new Set(diagnosis.pending);
  const unrecorded = upTo.map(({ name }) => name).filter((name) => pending.has(name));
  if (unrecorded.length === 0) {
    const count = upTo.length;
    print(
      `The database has a migration history already: ${count} ${migrationsWord(count)} recorded as applied. Nothing to do.`,
    );
    return { status: 'nothing-to-do', baselined: [] };
  }
  const drift = await engine.drift(database, { ...project, migrations: upTo });
  if (drift !== '') {
    print(refusal(upTo, drift));
    return { status: 'blocked', drift };
  }
  // In order: interrupted, it leaves a history without gaps.
  for (const name of unrecorded) await engine.markApplied(database, project, name);
  print(
    `The database is what these migrations build; they are now recorded as applied:\n${listed(unrecorded)}`,
  );
  return { status: 'succeeded', baselined: unrecorded };
}

const failedFirst = (failed: readonly string[]): UsageError =>
  new UsageError(
    `The database has a migration history in which ${failed.join(' and ')} failed. ` +
      `Say first how it ended: godwit resolve --applied ${failed[0]}, or --rolled-back ${failed[0]}`,
  );

const refusal = (upTo: readonly Migration[], drift: string): string =>
  [
    `The database is not what the migrations up to ${upTo.at(-1)?.name} build. Nothing was recorded.`,
    `This is what the database has beyond them:\n\n${drift}`,
    'Name another migration if the database is further along or further behind; or bring the database into line; ' +
      'or put the difference into a migration.',
  ].join('\n\n');
