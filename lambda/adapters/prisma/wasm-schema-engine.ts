/** Prisma's schema engine as WebAssembly: it reads databases, replays histories in shadow databases and keeps the ledger. */
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type { DiffTarget } from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { Project } from '../../domain/migration';
import { draftName } from '../../domain/migration-name';
import type { Database } from '../../ports/database';
import type { DevDiagnosis, DraftMigration, HistoryDiagnosis, SchemaEngine } from '../../ports/schema-engine';
import { type ConnectionFactory, EngineConnections, refuseScripts } from './driver-adapters';
import { asGodwitError, SCHEMA_FILE } from './engine-error';
import { type Engine, engineCall, engineClass, type LoadWasm } from './engine-module';
import { toHistoryDiagnosis } from './history';
import { migrationList, NO_FILTER, schemaFiles } from './migration-list';
import { NO_DATABASE } from './no-database';
import { unseenDrift } from './unseen-objects';

export interface WasmSchemaEngineOptions {
  /** The bytes of `schema_engine_bg.wasm`. */
  readonly loadWasm: LoadWasm;
  /** Where shadow databases are created, when the role of the database in question may not or should not. */
  readonly shadowServer?: Database;
  /** Certificates to trust, for servers addressed with `sslmode=verify-full` or `verify-ca`. */
  readonly ca?: string;
}

/**
 * Every call has its own engine and connections and leaves none behind.
 * Prisma compares tables, columns, defaults, keys, indexes, enums and sequences of the schemas that `schema.prisma`
 * names. `drift` adds what it cannot see (`unseen-objects.ts`): CHECK and exclusion constraints, whether constraints
 * are validated, predicates, expressions and validity of indexes, views, triggers, functions. Nobody compares policies,
 * rights, comments, storage options, domains, extensions or the schemas that the history does not build; and drafts of
 * migrations come from Prisma's comparison alone. `_prisma_migrations` and schema `_godwit` are never drift.
 */
export class WasmSchemaEngine implements SchemaEngine {
  readonly #options: WasmSchemaEngineOptions;

  constructor(options: WasmSchemaEngineOptions) {
    this.#options = options;
  }

  async diagnose(database: Database, project: Project): Promise<HistoryDiagnosis> {
    return this.#ask('diagnose the migration history', this.#on(database), project.schema, async (engine) =>
      toHistoryDiagnosis(
        await engine.diagnoseMigrationHistory({
          migrationsList: migrationList(project),
          // With it, the engine would replay the history as well, and tell only that there is drift.
          optInToShadowDatabase: false,
          filters: NO_FILTER,
        }),
      ),
    );
  }

  async drift(database: Database, applied: Project): Promise<string> {
    const live: DiffTarget = { tag: 'schemaDatasource', ...schemaFiles(applied.schema), configDir: '.' };
    const connections = this.#on(database);
    return this.#ask('look for drift', connections, applied.schema, async (engine) => {
      const seen = await diff(engine, { tag: 'migrations', ...migrationList(applied) }, live);
      const unseen = await unseenDrift(connections, seen);
      return [seen, unseen].filter((sql) => sql !== '').join('\n\n');
    });
  }

  unmigratedChanges(database: Database, project: Project): Promise<string> {
    const { history, wanted } = endsOf(project);
    return this.#compare(database, project, history, wanted);
  }

  async fullScript(schema: string): Promise<string> {
    const wanted: DiffTarget = { tag: 'schemaDatamodel', ...schemaFiles(schema) };
    return this.#ask(`read ${SCHEMA_FILE}`, NO_DATABASE, schema, (engine) =>
      diff(engine, { tag: 'empty' }, wanted),
    );
  }

  /** The engine's own `createMigration` cannot create its shadow database in the WebAssembly build. */
  async draftMigration(
    database: Database,
    project: Project,
    draft: { readonly name: string; readonly at: Date },
  ): Promise<DraftMigration | undefined> {
    const { history, wanted } = endsOf(project);
    const sql = await this.#compare(database, project, history, wanted);
    if (sql === '') return undefined;
    const downSql = await this.#compare(database, project, wanted, history);
    return { name: draftName(draft.name, draft.at), sql, downSql };
  }

  async devDiagnostic(database: Database, project: Project): Promise<DevDiagnosis> {
    return this.#ask(
      'compare the database with its history',
      this.#on(database),
      project.schema,
      async (engine) => {
        const { action } = await engine.devDiagnostic({
          migrationsList: migrationList(project),
          filters: NO_FILTER,
        });
        return action.tag === 'reset'
          ? { needsReset: true, reason: action.reason.trim() }
          : { needsReset: false };
      },
    );
  }

  async markApplied(database: Database, project: Project, migration: string): Promise<void> {
    await this.#ask(`mark ${migration} as applied`, this.#on(database), project.schema, (engine) =>
      engine.markMigrationApplied({ migrationName: migration, migrationsList: migrationList(project) }),
    );
  }

  async markRolledBack(database: Database, migration: string): Promise<void> {
    await this.#ask(`mark ${migration} as rolled back`, this.#on(database), undefined, (engine) =>
      engine.markMigrationRolledBack({ migrationName: migration }),
    );
  }

  #compare(database: Database, project: Project, from: DiffTarget, to: DiffTarget): Promise<string> {
    return this.#ask(
      `compare the migrations with ${SCHEMA_FILE}`,
      this.#on(database),
      project.schema,
      (engine) => diff(engine, from, to),
    );
  }

  #on(database: Database): EngineConnections {
    const { shadowServer = database, ca } = this.#options;
    return new EngineConnections({ database, shadowServer, ca, runMainScript: refuseScripts });
  }

  async #ask<T>(
    operation: string,
    connections: ConnectionFactory,
    schema: string | undefined,
    question: (engine: Engine) => Promise<T>,
  ): Promise<T> {
    return withEngine({ operation, connections, schema, loadWasm: this.#options.loadWasm }, question);
  }
}

export interface EngineCall {
  /** In words that complete "could not …". */
  readonly operation: string;
  readonly connections: ConnectionFactory;
  readonly schema: string | undefined;
  readonly loadWasm: LoadWasm;
}

/** One engine for one question. @throws SchemaEngineFailed | SchemaFileInvalid | HistoryNotReplayable | ShadowDatabaseRefused */
export async function withEngine<T>(call: EngineCall, question: (engine: Engine) => Promise<T>): Promise<T> {
  const { operation, connections, schema, loadWasm } = call;
  const Engine = await engineClass(loadWasm);
  const bound = bindMigrationAwareSqlAdapterFactory(connections);
  // Not an empty list: the engine takes it for a schema without files, and crashes.
  const datamodels: [string, string][] | undefined =
    schema === undefined ? undefined : [[SCHEMA_FILE, schema]];
  const ask = async (): Promise<T> => {
    const engine = await Engine.new({ datamodels }, ignoreLog, bound);
    try {
      return await question(engine);
    } finally {
      engine.free();
    }
  };
  try {
    return await engineCall(ask);
  } catch (error) {
    throw asGodwitError(operation, error, (id) => bound.errorRegistry.consumeError(id)?.error);
  } finally {
    await connections.close();
  }
}

/** Spans and timings of the engine's insides: nothing that its answers and errors do not say. */
const ignoreLog = (): void => {};

const endsOf = (project: Project): { readonly history: DiffTarget; readonly wanted: DiffTarget } => ({
  history: { tag: 'migrations', ...migrationList(project) },
  wanted: { tag: 'schemaDatamodel', ...schemaFiles(project.schema) },
});

async function diff(engine: Engine, from: DiffTarget, to: DiffTarget): Promise<string> {
  // With `exitCode` an empty difference is 0 and any other 2; its script would hold a comment in both cases.
  const { exitCode, stdout } = await engine.diff({
    from,
    to,
    script: true,
    exitCode: true,
    filters: NO_FILTER,
  });
  return exitCode === 0 ? '' : (stdout ?? '').trim();
}
