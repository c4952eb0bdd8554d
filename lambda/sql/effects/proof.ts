/** Tells which columns a CHECK constraint lets be NULL in no row, so that SET NOT NULL need not scan the table. */
import type { Node } from '../parse';

/** Of `ALTER TABLE … ADD CHECK (…)`. */
export function provesNotNull(node: Node): readonly string[] {
  if (!('AlterTableStmt' in node)) return [];
  return (node.AlterTableStmt.cmds ?? []).flatMap((command) => {
    const def = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
    return def !== undefined && 'Constraint' in def ? implied(def.Constraint.raw_expr) : [];
  });
}

/** Postgres proves `x IS NOT NULL` from itself and from parts of an AND; from strict operators it does not, since a CHECK accepts NULL. */
function implied(expression: Node | undefined): readonly string[] {
  if (expression === undefined) return [];
  if ('BoolExpr' in expression && expression.BoolExpr.boolop === 'AND_EXPR') {
    return (expression.BoolExpr.args ?? []).flatMap(implied);
  }
  if ('NullTest' in expression && expression.NullTest.nulltesttype === 'IS_NOT_NULL') {
    const column = expression.NullTest.arg;
    if (column === undefined || !('ColumnRef' in column)) return [];
    const [field, ...more] = column.ColumnRef.fields ?? [];
    return more.length === 0 && field !== undefined && 'String' in field ? [field.String.sval ?? ''] : [];
  }
  return [];
}
