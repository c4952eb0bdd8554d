/** Godwit's executor, as the Migrate step calls it. */
import { parseDatabaseUrl } from '../../../lambda/adapters/postgres/database-url';
import { PgDatabase } from '../../../lambda/adapters/postgres/pg-database';
import { SystemClock } from '../../../lambda/adapters/system-clock';
import { checksumOf } from '../../../lambda/domain/migration';
import { migrate } from '../../../lambda/migrate/executor';
import { parseScript } from '../../../lambda/sql/parse';
import { godwitSql, MIGRATIONS, migrationName } from '../cases';
import type { Prepare } from '../runner-process';

export const prepareGodwit: Prepare = async (request) => {
  const { maxBlockingMs, giveUpAfterMs, ...migration } = MIGRATIONS[request.case];
  const sql = godwitSql({ maxBlockingMs, giveUpAfterMs, ...migration });
  // Loads the parser.
  await parseScript(sql);
  const database = new PgDatabase(parseDatabaseUrl(request.url));
  const clock = new SystemClock();
  return async () => {
    const outcome = await migrate({
      database,
      clock,
      runId: 'bench',
      migrations: [{ name: migrationName(request.case), sql, downSql: undefined, checksum: checksumOf(sql) }],
      maxBlockingMs,
      giveUpAfterMs,
    });
    if (outcome.outcome === 'applied') return undefined;
    return outcome.outcome === 'failed' ? outcome.failed.message : outcome.outcome;
  };
};
