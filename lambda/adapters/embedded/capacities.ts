/** What a server allows at most: recovery refuses to replay WAL of one that allowed more than the new one does. */
import { GodwitError } from '../../domain/errors';
import { type Database, type Session, withSession } from '../../ports/database';

/** By the names of the settings. */
export type Capacities = Readonly<Record<string, string>>;

export async function readCapacities(session: Session): Promise<Capacities> {
  const { rows } = await session.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
      WHERE name IN ('max_connections', 'max_worker_processes', 'max_wal_senders',
                     'max_prepared_transactions', 'max_locks_per_transaction')`,
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

/** What it allowed then and what it allows now, where it can be asked: it may be what is lost. */
export async function capacitiesSince(then: Capacities, database: Database): Promise<Capacities> {
  try {
    const now = await withSession(
      database,
      { applicationName: 'godwit-instance', readOnly: true, statementTimeoutMs: 10_000 },
      readCapacities,
    );
    return larger(then, now);
  } catch (error) {
    if (error instanceof GodwitError) return then;
    throw error;
  }
}

const larger = (one: Capacities, other: Capacities): Capacities =>
  Object.fromEntries(
    Object.entries({ ...one, ...other }).map(([name]) => [
      name,
      String(Math.max(Number(one[name] ?? 0), Number(other[name] ?? 0))),
    ]),
  );
