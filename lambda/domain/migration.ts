/** A migration as it lies in the Prisma folder, frozen at the moment a run was asked for. */
import { createHash } from 'node:crypto';

export interface Migration {
  /** Folder name, e.g. `20251103090000_init_production_schema`. */
  readonly name: string;
  readonly sql: string;
  /** `down.sql` beside it, where there is one. */
  readonly downSql: string | undefined;
  /** Hex SHA-256 of `migration.sql` as Prisma's ledger records it. */
  readonly checksum: string;
}

export interface InvariantFile {
  /** Relative to the Prisma folder, e.g. `invariants/portfolio_totals.sql`. */
  readonly file: string;
  readonly sql: string;
}

/** All that a run needs to know of a Prisma folder. */
export interface Project {
  readonly schema: string;
  /** Content of `migration_lock.toml`. */
  readonly lockfile: string | undefined;
  /** In the order in which Prisma applies them: by name. */
  readonly migrations: readonly Migration[];
  readonly invariants: readonly InvariantFile[];
  /** Queries of which the plans are compared before and after, e.g. `watched/portfolio_totals.sql`. Absent in requests of old. */
  readonly watched?: readonly InvariantFile[];
}

/** Prisma hashes the bytes of the file; a string read as UTF-8 gives the same for every valid file. */
export const checksumOf = (sql: string | Buffer): string => createHash('sha256').update(sql).digest('hex');
