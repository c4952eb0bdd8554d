/** Tells in words what data a statement loses: nothing that it removes can be had back but from a restore point. */
import type { AlterTableStmt, DropStmt } from 'libpg-query';
import { nameParts, rangeName, shown, shownName, shownParts } from './names';
import type { Node } from './parse';
import { objectWords } from './summary';

/** `undefined` where nothing is lost. */
export function lossOf(node: Node): string | undefined {
  if ('DropStmt' in node) return ofDrop(node.DropStmt);
  if ('AlterTableStmt' in node) return ofAlterTable(node.AlterTableStmt);
  if ('TruncateStmt' in node) {
    const names = (node.TruncateStmt.relations ?? []).map((relation) => shownParts(nameParts(relation)));
    const cascade =
      node.TruncateStmt.behavior === 'DROP_CASCADE' ? ', and of every table that references it' : '';
    return `all rows of ${names.join(', ')}${cascade}`;
  }
  if ('DeleteStmt' in node) {
    const name = shownName(rangeName(node.DeleteStmt.relation));
    return node.DeleteStmt.whereClause === undefined
      ? `all rows of ${name}`
      : `the rows of ${name} that match`;
  }
  // With a WHERE it is how every backfill looks; which values it replaces, only the data can tell.
  if ('UpdateStmt' in node && node.UpdateStmt.whereClause === undefined) {
    const columns = (node.UpdateStmt.targetList ?? []).flatMap((target) =>
      'ResTarget' in target ? [shown(target.ResTarget.name ?? '')] : [],
    );
    return `the former values of ${columns.join(', ')} in every row of ${shownName(rangeName(node.UpdateStmt.relation))}`;
  }
  if ('MergeStmt' in node) return mergeLoss(node.MergeStmt.relation, node.MergeStmt.mergeWhenClauses ?? []);
  if ('DropOwnedStmt' in node) return 'every object that the roles own in this database, with its data';
  if ('DropdbStmt' in node)
    return `the database ${shown(node.DropdbStmt.dbname ?? '')} with all that it holds`;
  return undefined;
}

function ofDrop(drop: DropStmt): string | undefined {
  const names = (drop.objects ?? []).map((object) => shownParts(nameParts(object))).join(', ');
  const cascades = drop.behavior === 'DROP_CASCADE';
  switch (drop.removeType) {
    case 'OBJECT_TABLE':
    case 'OBJECT_FOREIGN_TABLE':
      return `${cascades ? 'all rows, and every object that depends on it, of' : 'all rows of'} ${names}`;
    case 'OBJECT_MATVIEW':
      return `the stored rows of ${names}`;
    case 'OBJECT_SEQUENCE':
      return `the position of ${names}`;
    case 'OBJECT_SCHEMA':
      return cascades ? `every table of the schema ${names} with its rows` : undefined;
    case 'OBJECT_TYPE':
    case 'OBJECT_DOMAIN':
    case 'OBJECT_EXTENSION':
      return cascades
        ? `every column that uses the ${objectWords(drop.removeType).toLowerCase()} ${names}`
        : undefined;
    default:
      return undefined;
  }
}

function ofAlterTable(alter: AlterTableStmt): string | undefined {
  const table = shownName(rangeName(alter.relation));
  const losses = (alter.cmds ?? []).flatMap((node) => {
    if (!('AlterTableCmd' in node)) return [];
    const { subtype, name = '' } = node.AlterTableCmd;
    if (subtype === 'AT_DropColumn') return [`the values of ${table}.${shown(name)}`];
    // A cast may round, cut or normalize: numeric(36,18) to numeric(10,2), timestamp to date.
    if (subtype === 'AT_AlterColumnType')
      return [`whatever the new type of ${table}.${shown(name)} cannot hold`];
    return [];
  });
  return losses.length === 0 ? undefined : losses.join('; ');
}

function mergeLoss(relation: Parameters<typeof rangeName>[0], clauses: readonly Node[]): string | undefined {
  const commands = clauses.flatMap((clause) =>
    'MergeWhenClause' in clause ? [clause.MergeWhenClause.commandType] : [],
  );
  if (commands.includes('CMD_DELETE'))
    return `the rows of ${shownName(rangeName(relation))} that the merge deletes`;
  if (commands.includes('CMD_UPDATE')) return `former values of ${shownName(rangeName(relation))}`;
  return undefined;
}
