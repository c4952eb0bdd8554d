/** Findings about the migration history: does the ledger agree with the folder, so that the pending ones may follow? */
import type { Finding } from '../domain/finding';
import { outOfOrder } from '../domain/migrations-folder';
import type { HistoryDiagnosis } from '../ports/schema-engine';

export function checkHistory(
  history: HistoryDiagnosis,
  applied: readonly string[],
  hasTables: boolean,
): readonly Finding[] {
  if (!history.hasLedger && hasTables) {
    return [
      {
        id: 'not-adopted',
        severity: 'error',
        subject: '_prisma_migrations',
        effect:
          'the database holds tables but no migration history: the first migration would collide with them',
        remedy: 'Run "godwit baseline" to prove that it matches the first migration and to adopt it.',
      },
    ];
  }
  return [
    ...history.failed.map((migration) => ({
      id: 'failed-migration',
      severity: 'error' as const,
      migration,
      subject: migration,
      effect: 'it was started earlier and neither finished nor rolled back: what it left behind is not known',
      remedy: `Look at its "logs" in _prisma_migrations, undo or complete it by hand, then "godwit resolve --rolled-back ${migration}" or "--applied ${migration}".`,
    })),
    ...history.edited.map((migration) => ({
      id: 'edited-migration',
      severity: 'error' as const,
      migration,
      subject: `migrations/${migration}/migration.sql`,
      effect: 'the file was changed after it had been applied: its checksum is no longer that of the ledger',
      remedy: 'Restore the file from version control and put the change into a new migration.',
    })),
    ...history.missing.map((migration) => ({
      id: 'missing-migration',
      severity: 'error' as const,
      migration,
      subject: `migrations/${migration}`,
      effect: 'it is applied to the database but not in the folder',
      remedy: 'Restore the folder from version control: is this checkout older than the database?',
    })),
    ...outOfOrder(applied, history.pending).map((migration) => ({
      id: 'out-of-order',
      severity: 'error' as const,
      migration,
      subject: `migrations/${migration}`,
      effect: `its name sorts before ${applied.at(-1) ?? 'an applied one'}, which is applied already: elsewhere they would run in another order`,
      remedy: 'Rename its folder to a later timestamp.',
    })),
  ];
}

export const driftFinding = (sql: string, { hasPending }: { readonly hasPending: boolean }): Finding => ({
  id: 'drift',
  severity: hasPending ? 'error' : 'warning',
  subject: 'schema',
  effect: `the database differs from its migration history; from history to database: ${oneLine(sql)}`,
  remedy:
    'Undo the change made by hand, or put it into a migration and mark that applied with "godwit resolve --applied".',
});

function oneLine(sql: string): string {
  const text = sql
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('--'))
    .join(' ')
    .replace(/\s+/g, ' ');
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
