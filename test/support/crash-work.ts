/** What the crash matrix asks of the executor, in whichever process it runs. */
import type { Migration } from '../../lambda/domain/migration';
import { type MigrateOutcome, migrate, runDown } from '../../lambda/migrate/executor';
import type { Clock } from '../../lambda/ports/clock';
import type { Database } from '../../lambda/ports/database';

export interface CrashWork {
  readonly direction: 'up' | 'down';
  readonly migrations: readonly Migration[];
}

export async function runWork(database: Database, work: CrashWork, clock: Clock): Promise<MigrateOutcome> {
  const common = { database, runId: 'run-1', maxBlockingMs: 200, giveUpAfterMs: 20_000, clock };
  if (work.direction === 'up') return migrate({ ...common, migrations: work.migrations });
  for (const migration of work.migrations.toReversed()) {
    const outcome = await runDown({ ...common, migration });
    if (outcome.outcome !== 'applied') return outcome;
  }
  return { outcome: 'applied', applied: [], statements: [] };
}
