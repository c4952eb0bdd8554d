/**
 * Every failure that Godwit names has one class here or beside its adapter, all derived from {@link GodwitError}.
 * `name` is set explicitly: Step Functions' Catch matches names, and minifiers rename classes.
 */

/**
 * What a failure means to whoever started the command:
 * `usage` — the request, the configuration or the migrations folder is wrong, nothing was touched;
 * `refused` — the environment does not allow it, nothing was changed;
 * `unknown` — it could not be established what state the database is in.
 */
export type FailureKind = 'usage' | 'refused' | 'unknown';

export abstract class GodwitError extends Error {
  abstract override readonly name: string;
  abstract readonly kind: FailureKind;
}

/** A command, option or configuration value cannot be used. */
export class UsageError extends GodwitError {
  override readonly name = 'UsageError';
  readonly kind = 'usage';
}

/** A file of the migrations folder cannot be used; `file` is relative to the Prisma folder, `line` counts from 1. */
export class MigrationsFolderError extends GodwitError {
  override readonly name = 'MigrationsFolderError';
  readonly kind = 'usage';
  readonly file: string;
  readonly line: number | undefined;
  readonly problem: string;
  readonly remedy: string;

  constructor(fields: { file: string; line?: number; problem: string; remedy: string; cause?: unknown }) {
    const place = fields.line === undefined ? fields.file : `${fields.file}:${fields.line}`;
    super(`${place}: ${fields.problem}. ${fields.remedy}`, { cause: fields.cause });
    this.file = fields.file;
    this.line = fields.line;
    this.problem = fields.problem;
    this.remedy = fields.remedy;
  }
}

/** A person or a signal asked for the work to stop. */
export class AbortRequested extends GodwitError {
  override readonly name = 'AbortRequested';
  readonly kind = 'refused';
  readonly by: string;

  constructor(by: string) {
    super(`Stopped by ${by}.`);
    this.by = by;
  }
}

/** The first line of whatever was thrown, for findings and journals. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}
