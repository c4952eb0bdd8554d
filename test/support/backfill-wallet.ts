/** Wallets to be backfilled, and what the tests of that ask of them. */
import { type MigrateOutcome, type MigrateRequest, migrate } from '../../lambda/migrate/executor';
import { useWallet } from './wallet-executor';

export const ROWS = 1500;

export const ONCE = '-- godwit:backfill\nUPDATE wallet SET visits = visits + 1';

/** Called at the top of a test file; what it answers can be used inside tests and hooks. */
export function useBackfillWallet() {
  const wallet = useWallet();
  beforeEach(async () => {
    await wallet.run('ALTER TABLE wallet ADD visits int NOT NULL DEFAULT 0');
    await wallet.run(`INSERT INTO wallet SELECT n * 3, 'address ' || n FROM generate_series(1, ${ROWS}) n`);
  });
  const count = async (from: string): Promise<number> => {
    const { rows } = await wallet.run(`SELECT count(*)::int AS n FROM ${from}`);
    return (rows[0] as { n: number }).n;
  };
  return {
    wallet,
    count,
    up: (sql: string, more: Partial<MigrateRequest> = {}): Promise<MigrateOutcome> =>
      migrate(wallet.request(sql, more)),
    /** Rows by how often they were written. */
    visits: async (table = 'wallet'): Promise<unknown> => {
      const { rows } = await wallet.run(
        `SELECT visits, count(*)::int AS rows FROM ${table} GROUP BY 1 ORDER BY 1`,
      );
      return rows;
    },
    batches: (table = 'wallet'): Promise<number> => count(`(SELECT DISTINCT xmin::text FROM ${table}) AS t`),
    /** Runs in the very transaction that writes the row, so at a known place of the walk. */
    whenWritten: (id: number, command: 'UPDATE' | 'DELETE', sql: string): Promise<unknown> =>
      wallet.run(`
    CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${sql}; RETURN NULL; END $$;
    CREATE TRIGGER meddle AFTER ${command} ON wallet FOR EACH ROW WHEN (OLD.id = ${id}) EXECUTE FUNCTION meddle()`),
  };
}
