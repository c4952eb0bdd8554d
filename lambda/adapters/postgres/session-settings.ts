/** The one statement with which every session begins: its limits, and what makes its answers the same everywhere. */
import type { SessionOptions } from '../../ports/database';
import { literal } from '../../sql/names';

/** An open transaction keeps its locks for as long as a frozen Lambda or a suspended laptop keeps it open. */
const IDLE_IN_WRITE_MS = 60_000;
/** Readers hold no lock that stops a writer, and lend their snapshot to others while they wait. */
const IDLE_IN_READ_MS = 15 * 60_000;
/** Without it a statement runs on, and blocks on, after its client has died: Postgres looks only when it writes. */
const CLIENT_CHECK_INTERVAL_MS = 1_000;

/**
 * `set_config` in one SELECT instead of startup options: connection poolers and RDS Proxy refuse those.
 * Limits that were not asked for are set to none, whatever the role's defaults: a `CREATE INDEX CONCURRENTLY` that a
 * role's `statement_timeout` cuts off leaves an invalid index behind.
 */
export function settingsQuery(options: SessionOptions, schema: string | undefined): string {
  const settings: Record<string, string> = {
    statement_timeout: `${options.statementTimeoutMs ?? 0}`,
    lock_timeout: `${options.lockTimeoutMs ?? 0}`,
    idle_in_transaction_session_timeout: `${options.readOnly ? IDLE_IN_READ_MS : IDLE_IN_WRITE_MS}`,
    // Explicitly off where the session may write: a fenced database makes new sessions read-only.
    default_transaction_read_only: options.readOnly ? 'on' : 'off',
    // Casts between `timestamp` and `timestamptz` use the session's zone; Prisma's timestamps are UTC.
    TimeZone: 'UTC',
    DateStyle: 'ISO',
    ...(schema === undefined ? {} : { search_path: `"${schema.replaceAll('"', '""')}"` }),
  };
  const calls = Object.entries(settings).map(
    ([name, value]) => `set_config(${literal(name)}, ${literal(value)}, false)`,
  );
  return `SELECT pg_backend_pid() AS pid, ${calls.join(', ')}, ${CHECK_CLIENT}`;
}

/** Postgres 14 brought it, and not for Windows. */
const CHECK_CLIENT =
  `CASE WHEN current_setting('client_connection_check_interval', true) IS NOT NULL AND version() !~* 'windows|mingw|visual' ` +
  `THEN set_config('client_connection_check_interval', '${CLIENT_CHECK_INTERVAL_MS}', false) END`;
