/** What can go wrong with a Postgres of our own, one class each, every message with the way out. */
import { GodwitError, messageOf } from '../../domain/errors';

/** The npm package with the Postgres binaries is missing or cannot be used on this machine. */
export class BinariesUnusable extends GodwitError {
  override readonly name = 'BinariesUnusable';
  readonly kind = 'refused';
  readonly subject: string;

  constructor(subject: string, problem: string, remedy: string, cause?: unknown) {
    super(`The embedded Postgres in ${subject} cannot be used: ${problem}. ${remedy}`, { cause });
    this.subject = subject;
  }
}

/** Postgres refuses to run as root, and nobody else can be found or can reach what the server needs. */
export class ServerUserUnusable extends GodwitError {
  override readonly name = 'ServerUserUnusable';
  readonly kind = 'refused';

  constructor(problem: string, cause?: unknown) {
    super(
      `Postgres does not run as root, and ${problem}. ` +
        'Run Godwit as an ordinary user, or give --data-dir a folder that every user can enter, e.g. /var/tmp/godwit.',
      { cause },
    );
  }
}

/** The folder of journals and leases cannot be read or written. */
export class StoreUnusable extends GodwitError {
  override readonly name = 'StoreUnusable';
  readonly kind = 'refused';
  readonly folder: string;

  constructor(folder: string, cause: unknown) {
    super(
      `Godwit cannot keep its journal in ${folder}: ${messageOf(cause)}. ` +
        'Free space there, mend its permissions, or name another folder with --data-dir.',
      { cause },
    );
    this.folder = folder;
  }
}

/** The port that was asked for belongs to somebody else. */
export class PortInUse extends GodwitError {
  override readonly name = 'PortInUse';
  readonly kind = 'usage';
  readonly port: number;

  constructor(port: number) {
    super(
      `Port ${port} on 127.0.0.1 is in use by another program. ` +
        'End that program, ask for another port, or ask for none: a free one is chosen then.',
    );
    this.port = port;
  }
}

/** A folder where ours should be holds something that we did not put there. */
export class FolderNotOurs extends GodwitError {
  override readonly name = 'FolderNotOurs';
  readonly kind = 'usage';
  readonly folder: string;

  constructor(folder: string, evidence: string) {
    super(`${folder} was not made by Godwit (${evidence}) and is left alone. Choose another --data-dir.`);
    this.folder = folder;
  }
}

/** The data directory was written by another major version of Postgres. */
export class ClusterVersionMismatch extends GodwitError {
  override readonly name = 'ClusterVersionMismatch';
  readonly kind = 'refused';
  readonly found: string;
  readonly expected: string;

  constructor(folder: string, found: string, expected: string) {
    super(
      `The cluster in ${folder} was made by Postgres ${found}, the binaries are Postgres ${expected}. ` +
        `Install the version of Godwit that made it, or run \`godwit reset\` to delete it and begin anew.`,
    );
    this.found = found;
    this.expected = expected;
  }
}

/** The data directory is gone or incomplete although there was one. */
export class ClusterDamaged extends GodwitError {
  override readonly name = 'ClusterDamaged';
  readonly kind = 'unknown';
  readonly folder: string;

  /** @param restorePoints the newest first; a reset would delete what they need */
  constructor(
    folder: string,
    problem: string,
    { restorePoints, cause }: { readonly restorePoints: readonly string[]; readonly cause?: unknown },
  ) {
    super(
      `The cluster in ${folder} is damaged: ${problem}. ` +
        (wayBack(restorePoints) ??
          'Put its files back from a copy, or run `godwit reset` to delete it and begin anew.'),
      { cause },
    );
    this.folder = folder;
  }
}

/** What is remembered of the cluster, its password included, cannot be read: nothing can be done without it. */
export class ClusterFactsDamaged extends GodwitError {
  override readonly name = 'ClusterFactsDamaged';
  readonly kind = 'unknown';
  readonly file: string;

  constructor(file: string, cause: unknown) {
    super(
      `${file} is not JSON (${messageOf(cause)}), and holds the password of the cluster beside it. ` +
        'Put it back from a copy, or move the folder away and begin anew.',
      { cause },
    );
    this.file = file;
  }
}

/** Where there is a restore point, the cluster can be lost without its data being lost. */
export const wayBack = ([newest, ...older]: readonly string[]): string | undefined =>
  newest === undefined
    ? undefined
    : `Bring it back with \`godwit restore --to ${newest}\`` +
      (older.length === 0 ? '.' : `, or to an earlier restore point: ${older.slice(0, 4).join(', ')}.`);

/** A server did not come up, or did not go down. */
export class ServerFailed extends GodwitError {
  override readonly name = 'ServerFailed';
  readonly kind = 'refused';
  readonly problem: string;
  readonly logFile: string;
  readonly logTail: string;

  constructor(fields: {
    readonly problem: string;
    readonly logFile: string;
    readonly logTail: string;
    readonly wayOut?: string | undefined;
    readonly cause?: unknown;
  }) {
    const wayOut = fields.wayOut === undefined ? '' : ` ${fields.wayOut}`;
    const tail = fields.logTail === '' ? '' : `\nThe last lines of its log:\n${fields.logTail}`;
    super(`${fields.problem}. Its log is ${fields.logFile}.${wayOut}${tail}`, { cause: fields.cause });
    this.problem = fields.problem;
    this.logFile = fields.logFile;
    this.logTail = fields.logTail;
  }
}

/** The embedded cluster is asked for something that only a running server can do. */
export class ClusterNotRunning extends GodwitError {
  override readonly name = 'ClusterNotRunning';
  readonly kind = 'refused';

  constructor(folder: string) {
    super(`The embedded cluster in ${folder} is not running. Start it with \`godwit up\`.`);
  }
}

/** Another process held a lock for longer than its work can take. */
export class LockNotFreed extends GodwitError {
  override readonly name = 'LockNotFreed';
  readonly kind = 'refused';
  readonly file: string;
  readonly ownerPid: number;

  constructor(file: string, ownerPid: number, waitedMs: number) {
    super(
      `Process ${ownerPid} has held ${file} for more than ${Math.round(waitedMs / 1000)} s. ` +
        'Wait until it is done, or end that process.',
    );
    this.file = file;
    this.ownerPid = ownerPid;
  }
}

/** Work that must end by itself did not. */
export class TimeLimitExceeded extends GodwitError {
  override readonly name = 'TimeLimitExceeded';
  readonly kind = 'refused';
  readonly limitMs: number;

  constructor({ work, limitMs, wayOut }: { work: string; limitMs: number; wayOut: string }) {
    super(`${work} took longer than ${limitMs / 1000} s and was ended. ${wayOut}`);
    this.limitMs = limitMs;
  }
}

/** A copy would leave too little room for the database that is being copied. */
export class DiskTooFull extends GodwitError {
  override readonly name = 'DiskTooFull';
  readonly kind = 'refused';
  readonly folder: string;

  constructor(folder: string, problem: string, cause?: unknown) {
    super(
      `The disk that ${folder} lies on is too full: ${problem}. ` +
        'Free some space, or give --data-dir a folder on a larger disk.',
      { cause },
    );
    this.folder = folder;
  }
}

/** A name or key would not be safe as a file name. */
export class NameUnusable extends GodwitError {
  override readonly name = 'NameUnusable';
  readonly kind = 'usage';
  readonly subject: string;

  constructor(subject: string, problem: string, remedy: string) {
    super(`${JSON.stringify(subject)} cannot be used as a name: ${problem}. ${remedy}`);
    this.subject = subject;
  }
}

export const megabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MB`;
