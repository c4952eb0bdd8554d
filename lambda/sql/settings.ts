/** Tells what of a statement lives in its session: settings, which a new session can be given again, and what it cannot. */

import { nameParts } from './names';
import type { Node, SqlStatement } from './parse';
import { some } from './search';

/** `SET …`, or as pg_dump writes it: `SELECT pg_catalog.set_config('search_path', '', false)`. */
export const onlySetsSession = ({ kind, node }: SqlStatement): boolean =>
  kind === 'VariableSetStmt' || onlyCallsSetConfig(node);

function onlyCallsSetConfig(node: Node): boolean {
  if (!('SelectStmt' in node)) return false;
  const { targetList = [], limitOption: _, op: __, ...clauses } = node.SelectStmt;
  if (Object.keys(clauses).length > 0) return false;
  return (
    targetList.length > 0 &&
    targetList.every((target) => 'ResTarget' in target && isSetConfig(target.ResTarget.val))
  );
}

function isSetConfig(value: Node | undefined): boolean {
  if (value === undefined || !('FuncCall' in value)) return false;
  const { funcname = [], args = [] } = value.FuncCall;
  const isConstant = args.every((arg) => 'A_Const' in arg);
  return isConstant && funcname.flatMap(nameParts).at(-1) === 'set_config';
}

/** Temporary tables, views and sequences are gone with their session. */
export const makesTemporary = ({ node }: SqlStatement): boolean =>
  some(node, (branch) => 'relpersistence' in branch && branch.relpersistence === 't') ||
  some(node, (branch) => 'schemaname' in branch && branch.schemaname === 'pg_temp');

const PLAIN_DDL: readonly string[] = [
  'CreateStmt',
  'AlterTableStmt',
  'IndexStmt',
  'DropStmt',
  'RenameStmt',
  'CreateEnumStmt',
  'AlterEnumStmt',
  'CommentStmt',
];

/** A table's defaults are only written down; a new column's, or an index's expression, are evaluated for its rows. */
const mayCallFunction = ({ kind, node }: SqlStatement): boolean =>
  kind !== 'CreateStmt' && some(node, (branch) => 'FuncCall' in branch);

/** Whether it surely leaves nothing in its session: no setting, temporary object, cursor or prepared statement. */
export const leavesSessionAlone = (statement: SqlStatement): boolean =>
  PLAIN_DDL.includes(statement.kind) && !makesTemporary(statement) && !mayCallFunction(statement);
