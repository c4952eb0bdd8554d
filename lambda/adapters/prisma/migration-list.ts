/** Hands a project to the engine in its own words. */
import type {
  MigrationList,
  SchemaFilter,
  SchemasContainer,
} from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { Project } from '../../domain/migration';
import { LOCKFILE_CONTENT } from '../../domain/migrations-folder';
import { SCHEMA_FILE } from './engine-error';

export const NO_FILTER: SchemaFilter = { externalTables: [], externalEnums: [] };

export const schemaFiles = (schema: string): SchemasContainer => ({
  files: [{ path: SCHEMA_FILE, content: schema }],
});

/** The engine shows these paths in messages and reads nothing from them. */
export const migrationList = (project: Pick<Project, 'lockfile' | 'migrations'>): MigrationList => ({
  baseDir: 'migrations',
  // A comparison needs one, and a new project has none yet.
  lockfile: { path: 'migration_lock.toml', content: project.lockfile ?? LOCKFILE_CONTENT },
  shadowDbInitScript: '',
  migrationDirectories: project.migrations.map(({ name, sql }) => ({
    path: name,
    migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
  })),
});
