/** Findings about what live sessions will notice: a column whose type changes fails their prepared statements once. */
import type { Finding } from '../domain/finding';
import type { Catalog } from '../sql/catalog';
import { effectsOf } from '../sql/effects';
import type { SqlStatement } from '../sql/parse';

export interface PendingStatement {
  readonly migration: string;
  /** From 1, within its migration. */
  readonly number: number;
  readonly statement: SqlStatement;
}

/** Only these are worth asking the catalog about. */
export const mayChangeTypes = ({ node }: SqlStatement): boolean =>
  'AlterTableStmt' in node &&
  (node.AlterTableStmt.cmds ?? []).some(
    (command) => 'AlterTableCmd' in command && command.AlterTableCmd.subtype === 'AT_AlterColumnType',
  );

export function checkLiveSessions(
  pending: readonly PendingStatement[],
  catalog: Catalog,
): readonly Finding[] {
  return pending.flatMap(({ migration, number, statement }) =>
    effectsOf(statement, catalog).changesResultType.map(
      (column): Finding => ({
        id: 'prepared-statements-fail-once',
        severity: 'warning',
        migration,
        statement: number,
        line: statement.line,
        subject: column,
        effect:
          'its type changes: named prepared statements of connected sessions that return it fail once with SQLSTATE 0A000, "cached plan must not change result type"',
        remedy:
          'Let the application repeat a query once on that error, restart its connections after the migration, or add a column of the new type and move over to it (expand/contract).',
      }),
    ),
  );
}
