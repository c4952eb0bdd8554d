/** What can go wrong when AWS is called; the names are those that the workflow's retry policies match. */
import { GodwitError, messageOf } from '../../domain/errors';

/** The service was not reached, was throttling or failed by itself: worth trying again. */
export class AwsCallFailed extends GodwitError {
  override readonly name = 'AwsCallFailed';
  readonly kind = 'unknown';
  readonly service: string;
  readonly operation: string;

  constructor(service: string, operation: string, cause: unknown) {
    super(`${service}:${operation} failed: ${messageOf(cause)}. AWS may be unavailable; try again later.`, {
      cause,
    });
    this.service = service;
    this.operation = operation;
  }
}

/** The role of this step may not do that. Says nothing about whether the thing exists. */
export class AwsAccessDenied extends GodwitError {
  override readonly name = 'AwsAccessDenied';
  readonly kind = 'refused';
  readonly service: string;
  readonly operation: string;

  constructor(service: string, operation: string, cause: unknown) {
    super(
      `${service}:${operation} was denied: ${messageOf(cause)}. Compare the role of this step with lib/stacks.`,
      { cause },
    );
    this.service = service;
    this.operation = operation;
  }
}

/** AWS understood and said no, e.g. a quota is used up or a resource is in the wrong state: trying again is no use. */
export class AwsRequestRefused extends GodwitError {
  override readonly name = 'AwsRequestRefused';
  readonly kind = 'refused';
  readonly service: string;
  readonly operation: string;
  /** The service's own name of the error. */
  readonly code: string;

  constructor(service: string, operation: string, code: string, cause: unknown) {
    super(`${service}:${operation} was refused with ${code}: ${messageOf(cause)}`, { cause });
    this.service = service;
    this.operation = operation;
    this.code = code;
  }
}

/** AWS answered something that cannot be: a required field is missing. */
export class AwsAnswerUnusable extends GodwitError {
  override readonly name = 'AwsAnswerUnusable';
  readonly kind = 'unknown';

  constructor(what: string) {
    super(`AWS' answer cannot be used: ${what}.`);
  }
}

/** RDS is still at work on the instance and takes no other wish meanwhile. */
export class InstanceBusy extends GodwitError {
  override readonly name = 'InstanceBusy';
  readonly kind = 'refused';
  readonly instance: string;

  constructor(instance: string, status: string | undefined, cause: unknown) {
    super(`${instance} cannot be deleted while RDS reports ${status}. Discard it again in a few minutes.`, {
      cause,
    });
    this.instance = instance;
  }
}
