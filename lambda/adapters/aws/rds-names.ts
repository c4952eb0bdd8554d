/** How restore points and instances are called on RDS, and which of them Godwit may ever delete. */
import type { Tag } from '@aws-sdk/client-rds';
import { GodwitError } from '../../domain/errors';

const PREFIX = 'godwit-';
/** Instances of these names are Godwit's own and disposable; its policies allow deletion for these prefixes alone. */
const DISPOSABLE = ['rehearsal-', 'restored-'] as const;
/** Of an instance identifier; snapshots may be longer. */
const LONGEST = 63;

export const DISPOSABLE_PREFIXES: readonly string[] = DISPOSABLE.map((kind) => `${PREFIX}${kind}`);

/** Says which database a snapshot or instance was made from. */
export const DATABASE_TAG = 'godwit:database';
/** Put on a snapshot that is available: the moment to which its restore point leads. */
export const RESTORE_TIME_TAG = 'godwit:restore-time';
/** Put on a snapshot, for each instance by its name: since when logs are waited for. */
export const waitingTagOf = (name: string): string => `godwit:waiting:${name}`;
/** Put on an instance that lacks what was committed between these moments. */
export const LOST_FROM_TAG = 'godwit:lost-from';
export const LOST_TO_TAG = 'godwit:lost-to';
/** Put on an instance once everything was asked for that a restore cannot set. */
export const SETTLED_TAG = 'godwit:settled';

/** The name cannot be an RDS identifier. */
export class RdsNameUnusable extends GodwitError {
  override readonly name = 'RdsNameUnusable';
  readonly kind = 'usage';

  constructor(name: string) {
    super(
      `"${name}" cannot name an RDS instance or snapshot: at most ${LONGEST - PREFIX.length} lower-case letters, digits and single hyphens.`,
    );
  }
}

/** Something is to be deleted that is not Godwit's to delete. */
export class NotDisposable extends GodwitError {
  override readonly name = 'NotDisposable';
  readonly kind = 'refused';

  constructor(identifier: string, reason: string) {
    super(`${identifier} is not deleted: ${reason}.`);
  }
}

/** RDS stores identifiers in lower case; accepting others would make two names one. */
export function identifierOf(name: string): string {
  const identifier = `${PREFIX}${name}`;
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || identifier.length > LONGEST) throw new RdsNameUnusable(name);
  return identifier;
}

export const nameOf = (identifier: string): string => identifier.slice(PREFIX.length);

export const isRehearsal = (identifier: string): boolean => identifier.startsWith(`${PREFIX}rehearsal-`);

export const isDisposable = (identifier: string): boolean =>
  DISPOSABLE_PREFIXES.some((prefix) => identifier.startsWith(prefix));

export const tagOf = (tags: readonly Tag[] | undefined, key: string): string | undefined =>
  tags?.find((tag) => tag.Key === key)?.Value;

/** Whether Godwit made it from that database. */
export const isMadeFrom = (
  database: string,
  identifier: string | undefined,
  tags: readonly Tag[] | undefined,
): boolean => identifier?.startsWith(PREFIX) === true && tagOf(tags, DATABASE_TAG) === database;
