/** Opens Postgres sessions over `pg`, each with its limits set before its first statement. */
import { Client, type ClientConfig } from 'pg';
import type { Database, DatabaseAddress, Session, SessionOptions } from '../../ports/database';
import { DatabaseUnreachable } from '../../ports/database';
import { asConnectionError, isTlsUnsupported } from './pg-errors';
import { PgSession } from './pg-session';
import { rowTypes } from './row-types';
import { settingsQuery } from './session-settings';

/** `prefer` encrypts where the server can and goes on in the clear where it cannot, as libpq does by default. */
export type TlsChoice =
  | 'off'
  | 'prefer'
  | {
      /** `false` encrypts without knowing to whom. */
      readonly rejectUnauthorized: boolean;
      readonly ca?: string;
      /** Checks the certificate's chain but not whose it is (`sslmode=verify-ca`). */
      readonly anyHostName?: boolean;
    };

export interface PgDatabaseOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Asked for anew at every connect: tokens expire and secrets rotate. */
  readonly password?: string | (() => Promise<string>);
  /** Default: off. */
  readonly ssl?: TlsChoice;
  readonly connectTimeoutMs?: number;
  /** Prisma's `?schema=`: put first on the search path. */
  readonly schema?: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

export class PgDatabase implements Database {
  readonly address: DatabaseAddress;
  readonly #options: PgDatabaseOptions;
  #serverLacksTls = false;

  constructor(options: PgDatabaseOptions) {
    this.#options = options;
    const { host, port, database, user } = options;
    this.address = { host, port, database, user };
  }

  async connectionString(): Promise<string> {
    const { host, port, database, user } = this.address;
    const password = await this.#password();
    const login = password === undefined ? encode(user) : `${encode(user)}:${encode(password)}`;
    const onSocket = host.startsWith('/');
    const url = new URL(
      `postgresql://${login}@${onSocket ? 'localhost' : bracketed(host)}:${port}/${encode(database)}`,
    );
    if (onSocket) url.searchParams.set('host', host);
    if (this.#options.schema !== undefined) url.searchParams.set('schema', this.#options.schema);
    const sslMode = sslModeOf(this.#options.ssl ?? 'off');
    if (sslMode !== undefined) url.searchParams.set('sslmode', sslMode);
    return url.href;
  }

  async connect(options: SessionOptions): Promise<Session> {
    const password = await this.#password();
    const tls = this.#options.ssl ?? 'off';
    if (tls !== 'prefer') return this.#open(options, password, tlsConfig(tls));
    if (this.#serverLacksTls) return this.#open(options, password, false);
    try {
      return await this.#open(options, password, { rejectUnauthorized: false });
    } catch (error) {
      if (!(error instanceof DatabaseUnreachable && isTlsUnsupported(error.cause))) throw error;
      this.#serverLacksTls = true;
      return this.#open(options, password, false);
    }
  }

  async #open(
    options: SessionOptions,
    password: string | undefined,
    ssl: NonNullable<ClientConfig['ssl']>,
  ): Promise<Session> {
    const { host, port, database, user, connectTimeoutMs = CONNECT_TIMEOUT_MS, schema } = this.#options;
    const client = new Client({
      host,
      port,
      database,
      user,
      // Not undefined: `pg` would look into PGPASSWORD and ~/.pgpass, which belong to other servers.
      password: password ?? (() => ''),
      ssl,
      application_name: options.applicationName,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      types: rowTypes,
    });
    let fatal: unknown;
    // A server that goes away speaks when nobody asked; an 'error' event without a listener would end the process.
    client.on('error', (error) => {
      fatal ??= error;
    });
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number }>(settingsQuery(options, schema));
      return new PgSession(client, this.address, rows[0]?.pid ?? 0, () => fatal);
    } catch (error) {
      // Not awaited: after a failed connect the end may never be announced.
      void client.end().catch(() => undefined);
      throw asConnectionError(this.address, error, connectTimeoutMs);
    }
  }

  async #password(): Promise<string | undefined> {
    const { password } = this.#options;
    return typeof password === 'function' ? password() : password;
  }
}

const encode = encodeURIComponent;
const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : encode(host));

function tlsConfig(tls: Exclude<TlsChoice, 'prefer'>): NonNullable<ClientConfig['ssl']> {
  if (tls === 'off') return false;
  return {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.anyHostName ? { checkServerIdentity: () => undefined } : {}),
  };
}

function sslModeOf(tls: TlsChoice): string | undefined {
  if (tls === 'off') return undefined;
  if (tls === 'prefer') return 'prefer';
  if (!tls.rejectUnauthorized) return 'no-verify';
  return tls.anyHostName ? 'verify-ca' : 'verify-full';
}
