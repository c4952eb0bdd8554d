/** Creates empty databases in which a migration history is replayed, and leaves none behind. */
import { randomBytes } from 'node:crypto';
import { messageOf } from '../../domain/errors';
import { type Database, SQLSTATE, StatementFailed, withSession } from '../../ports/database';
import { ShadowDatabaseFailed, ShadowDatabaseRefused } from './errors';

const PREFIX = 'godwit_shadow_';
const LEFTOVER_AFTER_MS = 60 * 60 * 1000;
const SESSION = { applicationName: 'godwit shadow database' } as const;

export interface ShadowDatabase {
  readonly name: string;
  drop(): Promise<void>;
}

/** @throws ShadowDatabaseRefused | ShadowDatabaseFailed */
export async function createShadowDatabase(server: Database, now: Date): Promise<ShadowDatabase> {
  const name = shadowName(now);
  await withSession(server, SESSION, async (session) => {
    const { rows } = await session.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [PREFIX],
    );
    for (const { datname } of rows.filter((row) => isLeftover(row.datname, now))) {
      // Without FORCE the drop fails while somebody is connected, so a long replay elsewhere is safe; and a leftover
      // that belongs to another role is that role's to drop.
      await session.query(`DROP DATABASE IF EXISTS "${datname}"`).catch(ignoreRefusal);
    }
    await session.query(`CREATE DATABASE "${name}"`).catch((error: unknown) => {
      throw creationError(server, name, error);
    });
  });
  return { name, drop: () => drop(server, name) };
}

/** The name tells when it was created: `godwit_shadow_<epoch milliseconds>_<random>`. */
const shadowName = (now: Date): string => `${PREFIX}${now.getTime()}_${randomBytes(4).toString('hex')}`;

export function isLeftover(name: string, now: Date): boolean {
  const createdAt = Number(name.slice(PREFIX.length).split('_')[0]);
  return name.startsWith(PREFIX) && createdAt > 0 && now.getTime() - createdAt > LEFTOVER_AFTER_MS;
}

async function drop(server: Database, name: string): Promise<void> {
  await withSession(server, SESSION, (session) =>
    session.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`),
  ).catch((error: unknown) => {
    throw new ShadowDatabaseFailed('drop', name, messageOf(error), error);
  });
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof StatementFailed)) throw error;
}

function creationError(server: Database, name: string, error: unknown): unknown {
  if (!(error instanceof StatementFailed)) return error;
  const { user, host, port } = server.address;
  return error.sqlState === SQLSTATE.insufficientPrivilege
    ? new ShadowDatabaseRefused(user, `${host}:${port}`, error.message, error)
    : new ShadowDatabaseFailed('create', name, error.message, error);
}
