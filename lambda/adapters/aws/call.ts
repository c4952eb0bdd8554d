/** Calls AWS so that anticipated errors become results, and all others one of three classes. */
import { GodwitError } from '../../domain/errors';
import { AwsAccessDenied, AwsCallFailed, AwsRequestRefused } from './errors';

/** The part of an SDK exception that decisions are made on. */
interface ServiceError {
  readonly name?: string;
  readonly $fault?: 'client' | 'server';
  readonly $retryable?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

const DENIED: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'AuthorizationError',
  'AuthorizationErrorException',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'KMSAccessDeniedException',
  'UnauthorizedOperation',
]);

const THROTTLED = /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ServiceUnavailable|RequestTimeout/;

/**
 * @param anticipated by the error's name in the SDK (`DBInstanceNotFoundFault`) or on the wire (`DBInstanceNotFound`)
 * @throws AwsAccessDenied | AwsRequestRefused | AwsCallFailed
 */
export async function callAws<T>(
  service: string,
  operation: string,
  call: () => Promise<T>,
  anticipated: Readonly<Record<string, (error: ServiceError) => T | Promise<T>>> = {},
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    // Not AWS' failure but a finding about its answer, or a mistake of ours.
    if (error instanceof GodwitError || error instanceof TypeError) throw error;
    const { name = '', $fault, $metadata } = error as ServiceError;
    const handle = anticipated[name] ?? anticipated[name.replace(/(Fault|Exception)$/, '')];
    if (handle !== undefined) return handle(error as ServiceError);
    const status = $metadata?.httpStatusCode;
    if (DENIED.has(name) || status === 401 || status === 403)
      throw new AwsAccessDenied(service, operation, error);
    const saidNo = $fault === 'client' || (status !== undefined && status >= 400 && status < 500);
    if (saidNo && status !== 429 && !THROTTLED.test(name)) {
      throw new AwsRequestRefused(service, operation, name, error);
    }
    throw new AwsCallFailed(service, operation, error);
  }
}
