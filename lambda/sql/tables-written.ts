/** Tells which tables a script itself writes rows of: theirs cannot be told from the application's by their age. */
import type { AlterTableCmd, ColumnDef } from 'libpg-query';
import { rangeName } from './names';
import type { Node, SqlStatement } from './parse';

/** Bare names of tables; `any` where functions or DO blocks may write everywhere. */
export type TablesWritten = ReadonlySet<string> | 'any';

export function tablesWritten(statements: readonly SqlStatement[]): TablesWritten {
  const written = new Set<string>();
  for (const { node } of statements) {
    if (runsHiddenCode(node)) return 'any';
    const target = targetOf(node);
    if (target !== undefined) written.add(target);
  }
  return written;
}

/** Code that the parse tree does not show, or statements within a statement. */
export function runsHiddenCode(node: Node): boolean {
  if ('DoStmt' in node || 'CallStmt' in node || 'SelectStmt' in node || 'ExecuteStmt' in node) return true;
  const body = Object.values(node)[0] as { withClause?: unknown };
  return body.withClause !== undefined;
}

function targetOf(node: Node): string | undefined {
  if ('UpdateStmt' in node) return rangeName(node.UpdateStmt.relation).name;
  if ('InsertStmt' in node) return rangeName(node.InsertStmt.relation).name;
  if ('MergeStmt' in node) return rangeName(node.MergeStmt.relation).name;
  if ('CopyStmt' in node) return rangeName(node.CopyStmt.relation).name;
  if (!('AlterTableStmt' in node)) return undefined;
  const commands = (node.AlterTableStmt.cmds ?? []).flatMap((command) =>
    'AlterTableCmd' in command ? [command.AlterTableCmd] : [],
  );
  return commands.some(mayRewrite) ? rangeName(node.AlterTableStmt.relation).name : undefined;
}

/** Written anew, every row has the transaction of that. */
const mayRewrite = ({ subtype, def }: AlterTableCmd): boolean =>
  REWRITING.includes(subtype ?? '') ||
  (subtype === 'AT_AddColumn' && def !== undefined && 'ColumnDef' in def && isComputed(def.ColumnDef));

const REWRITING: readonly string[] = [
  'AT_AlterColumnType',
  'AT_SetExpression',
  'AT_SetAccessMethod',
  'AT_SetLogged',
  'AT_SetUnLogged',
  'AT_AddIdentity',
];

/** A constant is stored once for all rows that were there before. */
const isComputed = ({ constraints = [] }: ColumnDef): boolean =>
  constraints.some((node) => {
    if (!('Constraint' in node)) return false;
    const { contype = '', raw_expr } = node.Constraint;
    if (contype === 'CONSTR_DEFAULT') return !isConstant(raw_expr);
    return contype === 'CONSTR_IDENTITY' || contype === 'CONSTR_GENERATED';
  });

function isConstant(expression: Node | undefined): boolean {
  if (expression === undefined) return true;
  if ('TypeCast' in expression) return isConstant(expression.TypeCast.arg);
  return 'A_Const' in expression;
}
