/** What Prisma knows best: history diagnosis, drift, schema differences, drafting migrations. Nothing here executes a migration. */
import type { Project } from '../domain/migration';
import type { Database } from './database';

export interface HistoryDiagnosis {
  readonly hasLedger: boolean;
  /** In the folder, not applied; in order. */
  readonly pending: readonly string[];
  /** Applied, but the file was changed since. */
  readonly edited: readonly string[];
  /** Started, neither finished nor rolled back. */
  readonly failed: readonly string[];
  /** Applied, but not in the folder. */
  readonly missing: readonly string[];
}

export interface DraftMigration {
  /** Folder name, `<timestamp>_<name>`. */
  readonly name: string;
  readonly sql: string;
  /** SQL that leads back; it brings no data back. */
  readonly downSql: string;
}

export type DevDiagnosis =
  | { readonly needsReset: false }
  | { readonly needsReset: true; readonly reason: string };

export interface SchemaEngine {
  diagnose(database: Database, project: Project): Promise<HistoryDiagnosis>;
  /**
   * SQL that would lead from what the named migrations build to what the database holds; empty when there is no drift.
   * Replays the history in a shadow database beside `database`, and drops that again.
   */
  drift(database: Database, applied: Project): Promise<string>;
  /** SQL that would lead from the end of the migration history to `schema.prisma`; empty when in sync. Uses a shadow database, too. */
  unmigratedChanges(database: Database, project: Project): Promise<string>;
  /** The migration that would lead from the end of the history to `schema.prisma`; `undefined` when in sync. */
  draftMigration(
    database: Database,
    project: Project,
    draft: { readonly name: string; readonly at: Date },
  ): Promise<DraftMigration | undefined>;
  /**
   * Whether the history in the folder can lead on from where a development database stands. It cannot where applied
   * migrations were edited or are missing, or where the database has drifted. Uses a shadow database, too.
   */
  devDiagnostic(database: Database, project: Project): Promise<DevDiagnosis>;
  /** SQL that builds `schema.prisma` from nothing. */
  fullScript(schema: string): Promise<string>;
  markApplied(database: Database, project: Project, migration: string): Promise<void>;
  markRolledBack(database: Database, migration: string): Promise<void>;
}
