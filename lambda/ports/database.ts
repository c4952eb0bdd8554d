/** Sessions on a Postgres server, with time limits and errors typed by SQLSTATE. */
import { GodwitError } from '../domain/errors';

export interface SessionOptions {
  /** Shown in `pg_stat_activity`; Godwit's own sessions begin with `godwit`. */
  readonly applicationName: string;
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  /** `default_transaction_read_only = on`. */
  readonly readOnly?: boolean;
}

export interface QueryRows<Row> {
  readonly rows: readonly Row[];
  readonly rowCount: number;
}

/** One connection. Results come as text parsed by `pg`: numeric and bigint stay strings, timestamps are Dates. */
export interface Session {
  readonly backendPid: number;
  query<Row = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<QueryRows<Row>>;
  close(): Promise<void>;
}

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

export interface Database {
  /** Without secrets: may be logged. */
  readonly address: DatabaseAddress;
  /** With the password: for libraries that connect by themselves; never log it. */
  connectionString(): Promise<string>;
  /** @throws DatabaseUnreachable | DatabaseRefused */
  connect(options: SessionOptions): Promise<Session>;
}

/** Opens a session, hands it to `work`, and closes it whatever happens. */
export async function withSession<T>(
  database: Database,
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await database.connect(options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Nobody answered, or not as a Postgres server does. */
export class DatabaseUnreachable extends GodwitError {
  override readonly name = 'DatabaseUnreachable';
  readonly kind = 'refused';
  readonly address: DatabaseAddress;

  constructor(address: DatabaseAddress, reason: string, cause?: unknown) {
    super(
      `The database ${address.database} on ${address.host}:${address.port} is not reachable: ${reason}. ` +
        'Check that the server runs and that host, port and network rules are right.',
      { cause },
    );
    this.address = address;
  }
}

/** The server answered and refused the session (wrong password, no such database, no right to connect). */
export class DatabaseRefused extends GodwitError {
  override readonly name = 'DatabaseRefused';
  readonly kind = 'refused';
  readonly address: DatabaseAddress;
  readonly sqlState: string;

  constructor(address: DatabaseAddress, sqlState: string, reason: string, cause?: unknown) {
    super(
      `The server ${address.host}:${address.port} refused ${address.user} on database ${address.database}: ` +
        `${reason} (SQLSTATE ${sqlState}). Check user, password and the right to connect.`,
      { cause },
    );
    this.address = address;
    this.sqlState = sqlState;
  }
}

/** The connection broke while it was in use: whether the last statement took effect is not known. */
export class ConnectionLost extends GodwitError {
  override readonly name = 'ConnectionLost';
  readonly kind = 'unknown';
  readonly address: DatabaseAddress;

  constructor(address: DatabaseAddress, reason: string, cause?: unknown) {
    super(`The connection to ${address.host}:${address.port} was lost: ${reason}.`, { cause });
    this.address = address;
  }
}

/** A statement failed on the server. Fields as in the protocol's error message. */
export class StatementFailed extends GodwitError {
  override readonly name = 'StatementFailed';
  readonly kind = 'refused';
  readonly sqlState: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  /** Character position in the statement, from 1. */
  readonly position: number | undefined;

  constructor(fields: {
    message: string;
    sqlState: string;
    detail?: string | undefined;
    hint?: string | undefined;
    position?: number | undefined;
    cause?: unknown;
  }) {
    super(fields.message, { cause: fields.cause });
    this.sqlState = fields.sqlState;
    this.detail = fields.detail;
    this.hint = fields.hint;
    this.position = fields.position;
  }
}

/** SQLSTATEs that decide what happens next. */
export const SQLSTATE = {
  lockNotAvailable: '55P03',
  deadlockDetected: '40P01',
  serializationFailure: '40001',
  queryCanceled: '57014',
  insufficientPrivilege: '42501',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  undefinedFunction: '42883',
  undefinedSchema: '3F000',
  readOnlyTransaction: '25006',
  adminShutdown: '57P01',
} as const;
