/** `dev`: turns a change of `schema.prisma` into a migration and applies it to a development database. */
import { UsageError } from '../../lambda/domain/errors';
import type { Project } from '../../lambda/domain/migration';
import { draftName, slug, timeForNext } from '../../lambda/domain/migration-name';
import { writeMigration } from '../project-folder';
import { type CommandEnd, listed, type PrismaCommand, projectOf } from './context';
import { downDraft } from './down-draft';

export interface DevCommand extends PrismaCommand {
  /** Takes all pending migrations of the project to the database and says how it ended. */
  readonly deploy: (project: Project) => Promise<DeployEnd>;
  readonly now: () => Date;
}

export interface DeployEnd {
  readonly exitCode: number;
  readonly applied: readonly string[];
}

export interface DevOptions {
  readonly name?: string;
  readonly createOnly?: boolean;
}

export interface DevResult {
  readonly status: 'succeeded' | 'nothing-to-do' | 'needs-reset' | 'deploy-failed';
  readonly applied: readonly string[];
  readonly created?: string;
  /** Why the history in the folder cannot lead on from this database. */
  readonly reason?: string;
}

const BLOCKED = 3;
const EMPTY_MIGRATION = '-- This is an empty migration.';

export async function dev(command: DevCommand, options: DevOptions): Promise<CommandEnd<DevResult>> {
  const project = await projectOf(command, { allowNew: true });
  const reason = await reasonForReset(command, project, options);
  if (reason !== undefined) {
    command.print(resetAdvice(reason));
    return { exitCode: BLOCKED, result: { status: 'needs-reset', applied: [], reason } };
  }
  const before = isFirstDraft(project, options) ? NOTHING_DEPLOYED : await deployPending(command, project);
  if (before.exitCode !== 0) return deployFailed(before, []);
  const draft = await draftOf(command, project, options);
  if (draft === undefined) return inSync(command, before.applied);

  const folder = await writeMigration(command.prismaDir, draft);
  if (draft.downSql !== undefined) command.print(`Drafted ${folder}/down.sql, the way back: read it.`);
  if (options.createOnly) {
    command.print(`Created ${folder} without applying it. Edit it if need be; \`godwit dev\` applies it.`);
    return { exitCode: 0, result: { status: 'succeeded', applied: before.applied, created: draft.name } };
  }
  const after = await command.deploy(await projectOf(command));
  if (after.exitCode !== 0) return deployFailed(after, before.applied, draft.name);
  command.print(`Created and applied from changes of the schema:\n${listed([draft.name])}\n\n${IN_SYNC}`);
  const applied = [...before.applied, ...after.applied];
  return { exitCode: 0, result: { status: 'succeeded', applied, created: draft.name } };
}

const IN_SYNC = 'Your database is now in sync with your schema.';
const NOTHING_DEPLOYED: DeployEnd = { exitCode: 0, applied: [] };

/** The first migration of a database that exists already: its tables are no drift, for `baseline` will adopt them. */
const isFirstDraft = (project: Project, { createOnly }: DevOptions): boolean =>
  createOnly === true && project.migrations.length === 0;

async function reasonForReset(
  { engine, database }: DevCommand,
  project: Project,
  options: DevOptions,
): Promise<string | undefined> {
  if (isFirstDraft(project, options)) return undefined;
  const diagnosis = await engine.devDiagnostic(database, project);
  return diagnosis.needsReset ? diagnosis.reason : undefined;
}

const resetAdvice = (reason: string): string =>
  [
    'The migrations folder cannot lead on from where this database stands. Nothing was changed.',
    reason,
    [
      'What you can do:',
      '  - `db push` made its tables, and it has no history yet: godwit baseline',
      '  - a migration was edited after it was applied: restore the file, and put the change into a new one',
      '  - somebody changed the database by hand: undo that, or write it as a migration and godwit resolve --applied it',
      '  - the data can go: godwit reset deletes the embedded cluster; any other database has to be recreated by hand',
    ].join('\n'),
  ].join('\n\n');

async function deployPending(command: DevCommand, project: Project): Promise<DeployEnd> {
  const { pending } = await command.engine.diagnose(command.database, project);
  if (pending.length === 0) return NOTHING_DEPLOYED;
  const end = await command.deploy(project);
  if (end.applied.length > 0) command.print(`Applied:\n${listed(end.applied)}`);
  return end;
}

const deployFailed = (
  { exitCode, applied }: DeployEnd,
  before: readonly string[],
  created?: string,
): CommandEnd<DevResult> => ({
  exitCode,
  result: {
    status: 'deploy-failed',
    applied: [...before, ...applied],
    ...(created === undefined ? {} : { created }),
  },
});

interface Draft {
  readonly name: string;
  readonly sql: string;
  readonly downSql?: string;
}

/** An empty migration is created only on request: to be written by hand, and so is its way back. */
async function draftOf(
  { engine, database, now }: DevCommand,
  project: Project,
  { name = '', createOnly }: DevOptions,
): Promise<Draft | undefined> {
  const at = timeForNext(project.migrations, now());
  const draft = await engine.draftMigration(database, project, { name, at });
  if (draft === undefined && !createOnly) return undefined;
  if (slug(name) === '') {
    throw new UsageError(
      'A migration needs a name of letters or digits. Give one: godwit dev --name add_price_index',
    );
  }
  if (draft === undefined) return { name: draftName(name, at), sql: EMPTY_MIGRATION };
  return { ...draft, downSql: await downDraft(draft) };
}

function inSync({ print }: DevCommand, applied: readonly string[]): CommandEnd<DevResult> {
  if (applied.length > 0) {
    print(IN_SYNC);
    return { exitCode: 0, result: { status: 'succeeded', applied } };
  }
  print('Already in sync, no schema change or pending migration was found.');
  return { exitCode: 0, result: { status: 'nothing-to-do', applied } };
}
