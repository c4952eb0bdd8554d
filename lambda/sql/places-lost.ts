/** Tells from a script's statements alone where it loses what stands there: for a down script that no rehearsal tried. */
import type { LostWrite } from '../domain/lost-write';
import { nameParts, quotedName, rangeName } from './names';
import type { Node, SqlStatement } from './parse';

type Place = Omit<LostWrite, 'migration'>;

/** What functions and DO blocks do is not seen. */
export const placesLost = (statements: readonly SqlStatement[]): readonly Place[] =>
  statements.flatMap(({ node }) => placesOf(node));

function placesOf(node: Node): readonly Place[] {
  if ('DropStmt' in node) {
    if (node.DropStmt.removeType !== 'OBJECT_TABLE') return [];
    return (node.DropStmt.objects ?? []).map((object) => ({ table: tableNamed(object), how: 'dropped' }));
  }
  if ('TruncateStmt' in node) {
    return (node.TruncateStmt.relations ?? []).map((relation) => ({
      table: tableNamed(relation),
      how: 'deleted',
    }));
  }
  if ('DeleteStmt' in node)
    return [{ table: quotedName(rangeName(node.DeleteStmt.relation)), how: 'deleted' }];
  if ('UpdateStmt' in node) {
    const table = quotedName(rangeName(node.UpdateStmt.relation));
    return (node.UpdateStmt.targetList ?? []).flatMap((target) =>
      'ResTarget' in target
        ? [{ table, column: target.ResTarget.name ?? '', how: 'overwritten' as const }]
        : [],
    );
  }
  if ('AlterTableStmt' in node) {
    const table = quotedName(rangeName(node.AlterTableStmt.relation));
    return (node.AlterTableStmt.cmds ?? []).flatMap((command): readonly Place[] => {
      if (!('AlterTableCmd' in command)) return [];
      const { subtype, name: column = '' } = command.AlterTableCmd;
      if (subtype === 'AT_DropColumn') return [{ table, column, how: 'dropped' }];
      if (subtype === 'AT_AlterColumnType') return [{ table, column, how: 'overwritten' }];
      return [];
    });
  }
  return [];
}

function tableNamed(node: Node): string {
  const parts = nameParts(node);
  return quotedName({ schema: parts.at(-2), name: parts.at(-1) ?? '' });
}
