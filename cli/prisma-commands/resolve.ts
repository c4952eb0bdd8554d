/** `resolve`: records by hand how a migration ended, under the conditions that Prisma sets. */
import { SchemaEngineFailed } from '../../lambda/adapters/prisma/errors';
import { UsageError } from '../../lambda/domain/errors';
import { type CommandEnd, type PrismaCommand, projectOf } from './context';

export interface ResolveOptions {
  readonly applied?: string;
  readonly rolledBack?: string;
}

export interface ResolveResult {
  readonly status: 'succeeded';
  readonly migration: string;
  readonly markedAs: 'applied' | 'rolled-back';
}

/** @throws UsageError where Prisma refuses, too */
export async function resolve(
  command: PrismaCommand,
  options: ResolveOptions,
): Promise<CommandEnd<ResolveResult>> {
  const { migration, markedAs } = requestOf(options);
  try {
    await (markedAs === 'applied' ? markApplied(command, migration) : markRolledBack(command, migration));
  } catch (error) {
    throw refusal(error, migration);
  }
  command.print(`Migration ${migration} marked as ${markedAs === 'applied' ? 'applied' : 'rolled back'}.`);
  return { exitCode: 0, result: { status: 'succeeded', migration, markedAs } };
}

const EXAMPLE = '20251231000000_add_users_table';

function requestOf({ applied, rolledBack }: ResolveOptions): Pick<ResolveResult, 'migration' | 'markedAs'> {
  if (applied !== undefined && rolledBack !== undefined) {
    throw new UsageError('--applied and --rolled-back exclude each other. Give one of them.');
  }
  const migration = applied ?? rolledBack;
  if (migration === undefined || migration === '') {
    throw new UsageError(
      'Say how the migration ended: ' +
        `godwit resolve --applied ${EXAMPLE}, or godwit resolve --rolled-back ${EXAMPLE}`,
    );
  }
  return { migration, markedAs: applied === undefined ? 'rolled-back' : 'applied' };
}

async function markApplied(command: PrismaCommand, migration: string): Promise<void> {
  const project = await projectOf(command);
  await command.engine.markApplied(command.database, project, migration);
}

const markRolledBack = ({ engine, database }: PrismaCommand, migration: string): Promise<void> =>
  engine.markRolledBack(database, migration);

/** Prisma's codes for requests that do not fit the ledger or the folder. */
const REFUSALS: Readonly<Record<string, string>> = {
  P3008: 'is already recorded as applied. Nothing has to be done',
  P3011: 'was never applied to this database. `godwit status` shows the names of those that were',
  P3012:
    'did not fail: only a failed migration can be marked as rolled back. To undo an applied one, run its down script',
  P3017: 'is not in the migrations folder. Give the whole name of its folder',
};

function refusal(error: unknown, migration: string): unknown {
  if (!(error instanceof SchemaEngineFailed)) return error;
  const reason = REFUSALS[error.code ?? ''];
  return reason === undefined
    ? error
    : new UsageError(`The migration ${migration} ${reason}.`, { cause: error });
}
