/** Derives connection settings for the engine's own connections from a database of the port. */
import type { PoolConfig } from 'pg';
import { type Database, withSession } from '../../ports/database';

export interface EngineConnection {
  readonly pool: PoolConfig;
  /** Prisma's `?schema=`. */
  readonly schema: string | undefined;
}

/**
 * Opens one session through the port first: whatever is wrong with the address or the password is then said in the
 * port's own error classes, and whether the server encrypts is known.
 *
 * Host, port and the rest go to `pg` one by one: given a connection string it would ignore all that stands beside it,
 * the name of the shadow database included.
 * @param ca certificates to trust, for `sslmode=verify-full` and `verify-ca`
 */
export async function engineConnection(
  database: Database,
  ca: string | undefined,
): Promise<EngineConnection> {
  const url = new URL(await database.connectionString());
  const encrypted = await withSession(
    database,
    { applicationName: 'godwit schema engine' },
    async (session) => {
      const { rows } = await session.query<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      return rows[0]?.ssl === true;
    },
  );
  const { host, port, user } = database.address;
  const schema = url.searchParams.get('schema') ?? undefined;
  return {
    schema,
    pool: {
      host,
      port,
      user,
      database: database.address.database,
      password: decodeURIComponent(url.password),
      ssl: encrypted && tlsOptions(url.searchParams.get('sslmode'), ca),
      application_name: 'godwit schema engine',
      // One connection: what a migration sets for its session holds for the statements after it, as in Prisma, and
      // the session that takes Prisma's advisory lock is the one that writes and that releases it.
      max: 1,
      onConnect: async (client) => {
        await client.query(`SELECT ${settings(schema).join(', ')}`);
      },
    },
  };
}

function tlsOptions(sslMode: string | null, ca: string | undefined): Exclude<PoolConfig['ssl'], undefined> {
  const trusted = ca === undefined ? {} : { ca };
  if (sslMode === 'verify-full') return { rejectUnauthorized: true, ...trusted };
  if (sslMode === 'verify-ca') {
    return { rejectUnauthorized: true, ...trusted, checkServerIdentity: () => undefined };
  }
  return { rejectUnauthorized: false };
}

/** Set against what the role or the database may have as its default: a time limit, or read-only while writes are fenced. */
const settings = (schema: string | undefined): readonly string[] => [
  "set_config('statement_timeout', '0', false)",
  "set_config('default_transaction_read_only', 'off', false)",
  ...(schema === undefined
    ? []
    : [`set_config('search_path', ${literal(`"${schema.replaceAll('"', '""')}"`)}, false)`]),
];

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
