/** Turns what the engine throws into Godwit's error classes. */
import { GodwitError, messageOf } from '../../domain/errors';
import { EnginePanic } from './engine-module';
import { HistoryNotReplayable, SchemaEngineFailed, SchemaFileInvalid } from './errors';

export const SCHEMA_FILE = 'schema.prisma';

const PRISMA = {
  schemaInvalid: 'P1012',
  historyNotReplayable: 'P3006',
  neverApplied: 'P3011',
} as const;

/** An error that was thrown on this side of the boundary: the engine knows its number only. */
export type ConsumeError = (id: number) => unknown;

/** @param operation in words that complete "could not …" */
export function asGodwitError(operation: string, thrown: unknown, consume: ConsumeError): GodwitError {
  const error = ownError(thrown, consume) ?? thrown;
  if (error instanceof GodwitError) return error;
  if (error instanceof EnginePanic) {
    return new SchemaEngineFailed(operation, undefined, `it crashed (${error.message})`, error);
  }
  const code = codeOf(error);
  const text = withoutStack(messageOf(error));
  if (code === PRISMA.schemaInvalid) return schemaInvalid(text, error);
  if (isAboutSchemaFile(text)) return new SchemaFileInvalid(SCHEMA_FILE, undefined, text, error);
  if (code === PRISMA.historyNotReplayable) return notReplayable(text, error);
  if (text.includes(NO_LEDGER)) {
    return new SchemaEngineFailed(
      operation,
      PRISMA.neverApplied,
      'the database has no migration history',
      error,
    );
  }
  return new SchemaEngineFailed(operation, code, text, error);
}

/** Said by `markMigrationRolledBack`, without a code. */
const NO_LEDGER = 'on a database without migrations table';

const OWN_ERROR = 'External error id#';

function ownError(thrown: unknown, consume: ConsumeError): unknown {
  const text = messageOf(thrown);
  const at = text.indexOf(OWN_ERROR);
  if (at < 0) return undefined;
  const id = Number.parseInt(text.slice(at + OWN_ERROR.length), 10);
  return Number.isNaN(id) ? undefined : consume(id);
}

const codeOf = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
};

const firstLine = (text: string): string => text.split('\n')[0]?.trim() ?? '';

/** The engine appends the trace of its Rust spans, each introduced by its number: `   0: schema_engine_wasm::…`. */
function withoutStack(text: string): string {
  const lines = text.split('\n');
  const trace = lines.findIndex((line) => line.startsWith('   0: '));
  return (trace < 0 ? lines : lines.slice(0, trace)).join('\n').trim();
}

/** Without a code: said of a schema without datasource, or with one of another database. */
const isAboutSchemaFile = (text: string): boolean =>
  text.startsWith('There is no datasource in the schema') || text.endsWith('is not a supported connector.');

const ARROW = '-->';
const ERROR_PREFIX = 'error: ';

/** The text of P1012: `error: <problem>`, then `  -->  schema.prisma:<line>` and an extract, for each problem. */
function schemaInvalid(text: string, cause: unknown): SchemaFileInvalid {
  const lines = text.split('\n');
  const problem =
    lines.find((line) => line.startsWith(ERROR_PREFIX))?.slice(ERROR_PREFIX.length) ?? firstLine(text);
  const place =
    lines
      .find((line) => line.trimStart().startsWith(ARROW))
      ?.trim()
      .slice(ARROW.length)
      .trim() ?? '';
  const line = Number(place.slice(place.lastIndexOf(':') + 1));
  return new SchemaFileInvalid(
    SCHEMA_FILE,
    Number.isInteger(line) && line > 0 ? line : undefined,
    problem,
    cause,
  );
}

/** The text of P3006: "Migration `<name>` failed to apply cleanly to the shadow database.", "Error:", and the reason. */
function notReplayable(text: string, cause: unknown): HistoryNotReplayable {
  const [, migration = ''] = text.split('`');
  const reason = text
    .split('\n')
    .slice(1)
    .filter((line) => !NOISE.includes(line.trim()));
  return new HistoryNotReplayable(migration, reason.join(' ').trim(), cause);
}

const NOISE = ['', 'Error:', 'external connector error'];
