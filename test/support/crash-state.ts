/** All that two runs of the same migrations must agree on: schema, every row, ledger, and no trace of an interruption. */
import { pictureCatalog } from '../../lambda/checks/catalog';
import { readLedger } from '../../lambda/migrate/ledger';
import { journalExists } from '../../lambda/migrate/statement-journal';
import { type Database, withSession } from '../../lambda/ports/database';

const TABLES = `SELECT schemaname || '.' || tablename AS name FROM pg_tables
  WHERE schemaname IN ('public', 'other') AND tablename <> '_prisma_migrations' ORDER BY 1`;
const INVALID =
  'SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid';

export const crashState = (database: Database): Promise<Readonly<Record<string, unknown>>> =>
  withSession(database, { applicationName: 'test' }, async (session) => {
    const { rows: tables } = await session.query<{ name: string }>(TABLES);
    const contents = tables.map(
      ({ name }) =>
        `SELECT '${name}' AS name, count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM ${name} t`,
    );
    const { rows: data } = await session.query(contents.join(' UNION ALL '));
    const { rows: invalid } = await session.query(INVALID);
    const { rows: journal } = (await journalExists(session))
      ? await session.query('SELECT * FROM _godwit.statement')
      : { rows: [] };
    const ledger = (await readLedger(session))
      .filter(({ rolledBackAt }) => rolledBackAt === undefined)
      .map(({ name, finishedAt, appliedSteps, logs }) => [
        name,
        finishedAt !== undefined,
        appliedSteps,
        logs,
      ]);
    return { schema: await pictureCatalog(session), data, invalid, journal, ledger };
  });
