/** The failures of Prisma's schema engine, each with the way out. */
import { GodwitError } from '../../domain/errors';

/** The engine refused or failed; `code` is Prisma's, such as P3006, where it gives one. */
export class SchemaEngineFailed extends GodwitError {
  override readonly name = 'SchemaEngineFailed';
  readonly kind = 'refused';
  readonly operation: string;
  readonly code: string | undefined;
  /** What the engine said, without its stack. */
  readonly reason: string;

  constructor(operation: string, code: string | undefined, reason: string, cause?: unknown) {
    const known =
      code === undefined ? '' : ` (${code}: https://www.prisma.io/docs/orm/reference/error-reference)`;
    super(`Prisma's schema engine could not ${operation}: ${reason}${known}`, { cause });
    this.operation = operation;
    this.code = code;
    this.reason = reason;
  }
}

/** `schema.prisma` is not valid. */
export class SchemaFileInvalid extends GodwitError {
  override readonly name = 'SchemaFileInvalid';
  readonly kind = 'usage';
  readonly file: string;
  readonly line: number | undefined;

  constructor(file: string, line: number | undefined, problem: string, cause?: unknown) {
    super(`${line === undefined ? file : `${file}:${line}`}: ${problem} Correct the file and run again.`, {
      cause,
    });
    this.file = file;
    this.line = line;
  }
}

/** A migration of the folder does not run on an empty database, so what the history builds cannot be known. */
export class HistoryNotReplayable extends GodwitError {
  override readonly name = 'HistoryNotReplayable';
  readonly kind = 'usage';
  readonly migration: string;
  readonly reason: string;

  constructor(migration: string, reason: string, cause?: unknown) {
    super(
      `migrations/${migration}/migration.sql does not run after the migrations before it on an empty database: ${reason}. ` +
        'Add what it needs to an earlier migration, or make it independent of data and of objects made by hand.',
      { cause },
    );
    this.migration = migration;
    this.reason = reason;
  }
}

/** The role may not create the database in which the history is replayed. */
export class ShadowDatabaseRefused extends GodwitError {
  override readonly name = 'ShadowDatabaseRefused';
  readonly kind = 'refused';
  readonly user: string;
  readonly server: string;

  constructor(user: string, server: string, reason: string, cause?: unknown) {
    super(
      `The role ${user} may not create a shadow database on ${server}: ${reason}. ` +
        `Have an administrator run \`ALTER ROLE "${user.replaceAll('"', '""')}" CREATEDB\`, ` +
        'or name another server for shadow databases.',
      { cause },
    );
    this.user = user;
    this.server = server;
  }
}

/** A shadow database could not be created or dropped, for another reason than missing rights. */
export class ShadowDatabaseFailed extends GodwitError {
  override readonly name = 'ShadowDatabaseFailed';
  readonly kind = 'refused';
  readonly database: string;

  constructor(action: 'create' | 'drop', database: string, reason: string, cause?: unknown) {
    const remedy =
      action === 'drop'
        ? `Drop it by hand: DROP DATABASE "${database}" WITH (FORCE).`
        : 'Check that the server has a free connection and free disk space.';
    super(
      `The shadow database ${database} could not be ${action === 'drop' ? 'dropped' : 'created'}: ${reason}. ${remedy}`,
      {
        cause,
      },
    );
    this.database = database;
  }
}
