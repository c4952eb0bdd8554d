/** What can go wrong with restore points, the archive and instances, one class each, every message with the way out. */
import { GodwitError } from '../../domain/errors';

/** WAL does not reach the archive, so no state after the last archived segment can be returned to. */
export class ArchivingStalled extends GodwitError {
  override readonly name = 'ArchivingStalled';
  readonly kind = 'refused';
  readonly folder: string;

  constructor(folder: string, evidence: string) {
    super(
      `The WAL archive ${folder} does not receive segments: ${evidence}. ` +
        'Check that the folder exists, that the server may write into it, and that its disk has room.',
    );
    this.folder = folder;
  }
}

const NEW_POINT = 'Take a new restore point, which begins with a base backup of its own';
const others = (unaffected: readonly string[]): string =>
  unaffected.length === 0
    ? 'No other restore point does without it.'
    : `These restore points do without it: ${unaffected.join(', ')}.`;

/** The archive does not lead from a base backup to the recovery target. */
export class ArchiveDamaged extends GodwitError {
  override readonly name = 'ArchiveDamaged';
  readonly kind = 'refused';
  readonly file: string;
  /** Restore points that can be returned to all the same. */
  readonly unaffected: readonly string[];

  constructor(fields: {
    readonly file: string;
    readonly problem: string;
    readonly unaffected: readonly string[];
    readonly cause?: unknown;
  }) {
    super(
      `The archived WAL segment ${fields.file} cannot be used: ${fields.problem}. ` +
        `${NEW_POINT}, or put the segment back from a copy. ${others(fields.unaffected)}`,
      { cause: fields.cause },
    );
    this.file = fields.file;
    this.unaffected = fields.unaffected;
  }
}

/** Files of a base backup are not as they were when it was taken. */
export class BaseBackupDamaged extends GodwitError {
  override readonly name = 'BaseBackupDamaged';
  readonly kind = 'refused';
  readonly file: string;
  /** Restore points that can be returned to all the same. */
  readonly unaffected: readonly string[];

  constructor(fields: {
    readonly file: string;
    readonly problem: string;
    readonly unaffected: readonly string[];
  }) {
    super(
      `The base backup's file ${fields.file} cannot be used: ${fields.problem}. ` +
        `${NEW_POINT}, or put the file back from a copy. ${others(fields.unaffected)}`,
    );
    this.file = fields.file;
    this.unaffected = fields.unaffected;
  }
}

/** The server of an instance ended before it served. Its log goes with the instance: what matters of it is kept here. */
export class ReplayFailed extends GodwitError {
  override readonly name = 'ReplayFailed';
  readonly kind = 'refused';
  readonly instance: string;
  readonly logTail: string;

  constructor(fields: {
    readonly instance: string;
    readonly target: string;
    readonly problem: string;
    readonly logTail: string;
    readonly cause: unknown;
  }) {
    super(
      `Instance ${fields.instance} could not be recovered to ${fields.target}: ${fields.problem}. ` +
        'The serving database is untouched: begin again, or choose another target.' +
        (fields.logTail === '' ? '' : `\nThe last lines of its log:\n${fields.logTail}`),
      { cause: fields.cause },
    );
    this.instance = fields.instance;
    this.logTail = fields.logTail;
  }
}

/** A restore point, base backup or instance cannot be made or used as asked. */
export class RecoveryRefused extends GodwitError {
  override readonly name = 'RecoveryRefused';
  readonly kind = 'refused';
  readonly subject: string;

  constructor(subject: string, problem: string, cause?: unknown) {
    super(`${subject}: ${problem}`, { cause });
    this.subject = subject;
  }
}
