/** Tells which relations a statement makes, under names that another one may have. */
import { type QualifiedName, rangeName } from './names';
import type { Node } from './parse';

export function namesMade(node: Node): readonly QualifiedName[] {
  if ('CreateStmt' in node) return [rangeName(node.CreateStmt.relation)];
  if ('ViewStmt' in node) return [rangeName(node.ViewStmt.view)];
  if ('CreateSeqStmt' in node) return [rangeName(node.CreateSeqStmt.sequence)];
  if ('CreateTableAsStmt' in node) return [rangeName(node.CreateTableAsStmt.into?.rel)];
  if (!('IndexStmt' in node) || node.IndexStmt.idxname === undefined) return [];
  // An index is in its table's schema.
  return [{ schema: node.IndexStmt.relation?.schemaname, name: node.IndexStmt.idxname }];
}

/** `IF NOT EXISTS` and `OR REPLACE` pass over, or take the place of, what has the name. */
export function mayBeTaken(node: Node): boolean {
  if ('CreateStmt' in node) return node.CreateStmt.if_not_exists === true;
  if ('ViewStmt' in node) return node.ViewStmt.replace === true;
  if ('CreateSeqStmt' in node) return node.CreateSeqStmt.if_not_exists === true;
  if ('CreateTableAsStmt' in node) return node.CreateTableAsStmt.if_not_exists === true;
  return 'IndexStmt' in node && node.IndexStmt.if_not_exists === true;
}
