/** `status`: where a database stands in its migration history, and what to do about it; nothing is changed. */
import { outOfOrder } from '../../lambda/domain/migrations-folder';
import type { HistoryDiagnosis } from '../../lambda/ports/schema-engine';
import { type CommandEnd, listed, migrationsWord, type PrismaCommand, projectOf } from './context';

export type HistoryStatus = 'up-to-date' | 'pending' | 'failed' | 'diverged' | 'unmanaged';

export interface StatusResult extends HistoryDiagnosis {
  readonly status: HistoryStatus;
  /** How many there are in the folder. */
  readonly migrations: number;
  /** Pending ones that sort before an applied one. */
  readonly outOfOrder: readonly string[];
}

/** Exit code 0 when up to date and 1 otherwise, as `prisma migrate status` has it. */
export async function status(command: PrismaCommand): Promise<CommandEnd<StatusResult>> {
  const project = await projectOf(command);
  const diagnosis = await command.engine.diagnose(command.database, project);
  const open = new Set([...diagnosis.pending, ...diagnosis.failed]);
  const applied = project.migrations.map(({ name }) => name).filter((name) => !open.has(name));
  const result: StatusResult = {
    status: judge(diagnosis),
    migrations: project.migrations.length,
    ...diagnosis,
    outOfOrder: diagnosis.hasLedger ? outOfOrder(applied, diagnosis.pending) : [],
  };
  command.print(messageFor(result));
  return { exitCode: result.status === 'up-to-date' ? 0 : 1, result };
}

/** Prisma, too, finds nothing to do where the database is ahead of the folder, as after rolling back an application. */
function judge({ hasLedger, failed, pending, missing }: HistoryDiagnosis): HistoryStatus {
  if (failed.length > 0) return 'failed';
  if (pending.length > 0) return missing.length > 0 ? 'diverged' : 'pending';
  return hasLedger ? 'up-to-date' : 'unmanaged';
}

export function messageFor(result: StatusResult): string {
  const { migrations } = result;
  const count = migrations === 0 ? 'No migration' : `${migrations} ${migrationsWord(migrations)}`;
  return [
    `${count} found in the migrations folder.`,
    ...failedMessage(result.failed),
    ...pendingMessage(result),
    ...missingMessage(result.missing),
    ...editedMessage(result.edited),
    ...outOfOrderMessage(result.outOfOrder),
    ...conclusion(result),
  ].join('\n\n');
}

function failedMessage(failed: readonly string[]): string[] {
  if (failed.length === 0) return [];
  return [
    `Failed, and neither finished nor rolled back:\n${listed(failed)}`,
    'Look at what is there in the database. If nothing of it is, or you have undone it:\n' +
      `  godwit resolve --rolled-back ${failed[0]}\n` +
      'If all of it is:\n' +
      `  godwit resolve --applied ${failed[0]}`,
  ];
}

function pendingMessage({ pending, hasLedger }: StatusResult): string[] {
  if (pending.length === 0) return [];
  const adopt = hasLedger
    ? ''
    : '\nThis database has no migration history yet. If `db push` made its tables, adopt it: godwit baseline';
  return [
    `Not yet applied:\n${listed(pending)}`,
    `To apply: godwit run, or godwit deploy without a rehearsal.${adopt}`,
  ];
}

const missingMessage = (missing: readonly string[]): string[] =>
  missing.length === 0
    ? []
    : [
        `Applied to the database, but not in the migrations folder:\n${listed(missing)}`,
        'Bring them back from version control, or check that this is the right database.',
      ];

const editedMessage = (edited: readonly string[]): string[] =>
  edited.length === 0
    ? []
    : [
        `Changed after they were applied:\n${listed(edited)}`,
        'Restore the files as they were and put the change into a new migration.',
      ];

const outOfOrderMessage = (names: readonly string[]): string[] =>
  names.length === 0
    ? []
    : [
        `Not yet applied, though later ones are:\n${listed(names)}`,
        'Rename their folders to a later timestamp, so that every database runs them in the same order.',
      ];

function conclusion({ status: verdict, migrations }: StatusResult): string[] {
  if (verdict === 'up-to-date') return ['Database schema is up to date!'];
  if (verdict !== 'unmanaged') return [];
  return [
    'The database has no migration history.',
    migrations === 0
      ? 'Write the first migration: godwit dev --name init --create-only'
      : 'If `db push` made its tables, adopt it: godwit baseline',
  ];
}
