/** Reads the engine's history diagnostic. */
import type { DiagnoseMigrationHistoryOutput } from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { HistoryDiagnosis } from '../../ports/schema-engine';

/**
 * The engine compares sets of names: rolled back rows do not count as applied (so theirs are pending), failed ones do.
 * Pending names may thus sort before applied ones.
 */
export function toHistoryDiagnosis(output: DiagnoseMigrationHistoryOutput): HistoryDiagnosis {
  const { history } = output;
  return {
    hasLedger: output.hasMigrationsTable,
    pending: history !== null && 'unappliedMigrationNames' in history ? history.unappliedMigrationNames : [],
    edited: output.editedMigrationNames,
    failed: output.failedMigrationNames,
    missing:
      history !== null && 'unpersistedMigrationNames' in history ? history.unpersistedMigrationNames : [],
  };
}
