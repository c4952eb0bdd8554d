/** Turns what `pg` throws into the errors of the Database port. */
import { DatabaseError } from 'pg';
import { GodwitError, messageOf } from '../../domain/errors';
import {
  ConnectionLost,
  type DatabaseAddress,
  DatabaseRefused,
  DatabaseUnreachable,
  StatementFailed,
} from '../../ports/database';

/** Starting up, shutting down, recovering from a crash: nobody is refused, the server is not there yet or any more. */
const NOT_SERVING = new Set(['57P01', '57P02', '57P03']);

export function asConnectionError(address: DatabaseAddress, error: unknown, timeoutMs: number): GodwitError {
  if (error instanceof GodwitError) return error;
  if (error instanceof DatabaseError && error.code !== undefined && !NOT_SERVING.has(error.code)) {
    return new DatabaseRefused(address, error.code, error.message, error);
  }
  const reason = reasonOf(error);
  return new DatabaseUnreachable(
    address,
    reason === 'timeout expired' ? `no answer within ${timeoutMs} ms` : reason,
    error,
  );
}

/**
 * A FATAL answer to a statement (57P01, 25P03, …) is still an answer: the statement had no effect. Everything
 * that is not an answer is a lost connection, and whether the statement took effect is not known.
 */
export function asQueryError(address: DatabaseAddress, error: unknown, earlier: unknown): GodwitError {
  if (error instanceof GodwitError) return error;
  if (error instanceof DatabaseError && error.code !== undefined) {
    return new StatementFailed({
      message: error.message,
      sqlState: error.code,
      detail: error.detail,
      hint: error.hint,
      position: error.position === undefined ? undefined : Number(error.position),
      cause: error,
    });
  }
  return new ConnectionLost(address, reasonOf(earlier ?? error), earlier ?? error);
}

export const isTlsUnsupported = (error: unknown): boolean =>
  error instanceof Error && error.message === 'The server does not support SSL connections';

/** Without a full stop at the end: it goes into sentences. */
export const reasonOf = (error: unknown): string => messageOf(error).replace(/\.$/, '');
