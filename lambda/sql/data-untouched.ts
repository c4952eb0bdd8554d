/** Tells of a script that it neither changes nor refuses any data, whatever was written before it runs. */
import type { AlterTableCmd } from 'libpg-query';
import type { Node, SqlStatement } from './parse';

export function leavesDataAlone(statements: readonly SqlStatement[]): boolean {
  const foreignKeys = new Set(statements.flatMap(({ node }) => commandsOf(node).flatMap(foreignKeyOf)));
  return statements.every(({ node }) => isHarmless(node, foreignKeys));
}

/** @param foreignKeys of those that are added beside it, which may be validated */
export function isHarmless(node: Node, foreignKeys: ReadonlySet<string>): boolean {
  if ('IndexStmt' in node) return node.IndexStmt.unique !== true;
  if ('DropStmt' in node) {
    const { removeType = '', behavior } = node.DropStmt;
    return WITHOUT_DATA.includes(removeType) && behavior !== 'DROP_CASCADE';
  }
  if ('AlterTableStmt' in node) {
    return commandsOf(node).every((command) => isHarmlessCommand(command, foreignKeys));
  }
  return 'CommentStmt' in node || 'RenameStmt' in node || 'VariableSetStmt' in node;
}

const WITHOUT_DATA: readonly string[] = ['OBJECT_INDEX', 'OBJECT_VIEW', 'OBJECT_TRIGGER', 'OBJECT_POLICY'];

function isHarmlessCommand(command: AlterTableCmd, foreignKeys: ReadonlySet<string>): boolean {
  const { subtype = '', name = '' } = command;
  if (HARMLESS_COMMANDS.includes(subtype)) return true;
  if (subtype === 'AT_ValidateConstraint') return foreignKeys.has(name);
  return subtype === 'AT_AddConstraint' && (isUnchecked(command) || foreignKeyOf(command).length > 0);
}

const HARMLESS_COMMANDS: readonly string[] = [
  'AT_DropConstraint',
  'AT_DropNotNull',
  'AT_ColumnDefault',
  'AT_SetStatistics',
  'AT_SetRelOptions',
  'AT_ResetRelOptions',
];

const isUnchecked = ({ def }: AlterTableCmd): boolean =>
  def !== undefined && 'Constraint' in def && def.Constraint.skip_validation === true;

/** Its references were valid as far as another one held until now, as one that it replaces. */
function foreignKeyOf({ subtype, def }: AlterTableCmd): readonly string[] {
  if (subtype !== 'AT_AddConstraint' || def === undefined || !('Constraint' in def)) return [];
  return def.Constraint.contype === 'CONSTR_FOREIGN' ? [def.Constraint.conname ?? ''] : [];
}

const commandsOf = (node: Node): readonly AlterTableCmd[] =>
  'AlterTableStmt' in node
    ? (node.AlterTableStmt.cmds ?? []).flatMap((command) =>
        'AlterTableCmd' in command ? [command.AlterTableCmd] : [],
      )
    : [];
