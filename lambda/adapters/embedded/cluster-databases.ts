/** Databases within a cluster. */
import { type Database, StatementFailed, withSession } from '../../ports/database';

const DUPLICATE_DATABASE = '42P04';
const OPTIONS = { applicationName: 'godwit-cluster', statementTimeoutMs: 60_000 } as const;

export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;

export async function ensureDatabase(maintenance: Database, name: string): Promise<void> {
  await withSession(maintenance, OPTIONS, async (session) => {
    const { rowCount } = await session.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount > 0) return;
    try {
      await session.query(`CREATE DATABASE ${quoted(name)}`);
    } catch (error) {
      if (!(error instanceof StatementFailed && error.sqlState === DUPLICATE_DATABASE)) throw error;
    }
  });
}
