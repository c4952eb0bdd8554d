/** Turns whatever ended a command into its exit code and one clear message. */
import { GodwitError, messageOf } from '../lambda/domain/errors';

const EXIT_BY_KIND = { usage: 2, refused: 3, unknown: 5 } as const;

const TROUBLE_WITH_PATH: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'ENOTDIR',
  'EEXIST',
  'EISDIR',
]);

export interface Ending {
  readonly exitCode: number;
  readonly message: string;
  readonly error: string;
}

export function endingOf(error: unknown, { verbose }: { verbose: boolean }): Ending {
  if (error instanceof GodwitError) {
    return {
      exitCode: EXIT_BY_KIND[error.kind],
      message: verbose ? withCauses(error) : error.message,
      error: error.name,
    };
  }
  const { code, path } = error as NodeJS.ErrnoException;
  if (code !== undefined && path !== undefined && TROUBLE_WITH_PATH.has(code)) {
    return {
      exitCode: EXIT_BY_KIND.usage,
      message: `${path} cannot be used: ${messageOf(error)}. Name another folder, or mend its permissions.`,
      error: code,
    };
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return {
      exitCode: 130,
      message: 'Stopped by a person. What was begun was given up; nothing was changed.',
      error: 'AbortError',
    };
  }
  const stack = error instanceof Error && error.stack ? error.stack : messageOf(error);
  return {
    exitCode: 5,
    message: `Unexpected: ${verbose ? stack : messageOf(error)}. ${verbose ? '' : 'Run again with --verbose for details.'}`,
    error: error instanceof Error ? error.name : 'Error',
  };
}

function withCauses(error: Error): string {
  const lines = [error.message];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    lines.push(`  because: ${cause.message}`);
  return lines.join('\n');
}
