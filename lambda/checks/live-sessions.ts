/** Findings about what live sessions will notice: once a column's type changes, their prepared statements that return it fail. */
import type { Finding } from '../domain/finding';
import type { Catalog } from '../sql/catalog';
import { effectsOf } from '../sql/effects/effects';
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
          'its type changes: named prepared statements of connected sessions that return it fail with SQLSTATE 0A000, "cached plan must not change result type", until they are prepared anew; some drivers do that after one failure, others (node-postgres) not on the same connection',
        remedy:
          'On that error let the application close the connection (or DEALLOCATE the statement) and repeat the query once, or restart its connections after the migration, or add a column of the new type and move over to it (expand/contract).',
      }),
    ),
  );
}
