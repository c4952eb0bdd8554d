/** An UPDATE or DELETE of many rows is marked as a backfill: it then runs in batches, each of which locks its rows for a moment. */

import { backfillProblem, writeOf } from '../backfill';
import type { CatalogRelation } from '../catalog';
import { nameParts } from '../names';
import type { Node } from '../parse';
import { type Answer, expanding, type Rewriter } from './draft';
import { columnOf, hasKey, shownTable } from './tables';

const MARK = '-- godwit:backfill';

export const write: Rewriter = (unit, { catalog, isNew }): Answer => {
  const { statement } = unit;
  const written = writeOf(statement);
  if (written === undefined || statement.backfill !== undefined) return undefined;
  const table = catalog.find(written.table);
  if (table === undefined || isNew(table)) return undefined;
  const indexes = catalog.indexesOf(table).flatMap(({ index }) => index ?? []);
  const keys = indexes.filter((index) => index.isUnique && !index.isComputed).map(({ columns }) => columns);
  if (keys.some((key) => isPinned(key, written.where))) return undefined;
  const problem = backfillProblem({ ...statement, backfill: { line: statement.line } });
  if (problem !== undefined) return { refused: problem };
  if (table.kind !== 'table' || catalog.family(table).length > 1) {
    return {
      refused: `${shownTable(table)} has partitions or children: write each of them in a statement of its own`,
    };
  }
  if (!hasKey(table, catalog)) {
    return {
      refused: `${shownTable(table)} has no unique key without NULLs along which a backfill could walk: give it a primary key first`,
    };
  }
  const assigned = written.assignments.map(({ name }) => name ?? '');
  const primary = indexes.find(({ isPrimary }) => isPrimary)?.columns ?? [];
  if (assigned.some((name) => primary.includes(name))) {
    return { refused: 'it assigns the primary key, by which its batches would be parted' };
  }
  return {
    groups: [expanding('apart', [`${MARK}\n${statement.sql}`])],
    rule: 'write-of-many-rows',
    reason: `every row that ${written.command} writes stays locked until it ends: in batches, each is locked for a moment`,
  };
};

/** It concerns one row, or a few that are written out. */
function isPinned(key: readonly string[], where: Node | undefined): boolean {
  const pinned = conjunctsOf(where).flatMap(pinnedColumn);
  return key.length > 0 && key.every((column) => pinned.includes(column));
}

function conjunctsOf(where: Node | undefined): readonly Node[] {
  if (where === undefined) return [];
  if ('BoolExpr' in where && where.BoolExpr.boolop === 'AND_EXPR') {
    return (where.BoolExpr.args ?? []).flatMap(conjunctsOf);
  }
  return [where];
}

/** `column = constant` or `column IN (constants)` */
function pinnedColumn(node: Node): readonly string[] {
  if (!('A_Expr' in node)) return [];
  const { kind, lexpr, rexpr, name = [] } = node.A_Expr;
  const isEquality = (kind === 'AEXPR_OP' || kind === 'AEXPR_IN') && name.flatMap(nameParts).at(-1) === '=';
  if (!isEquality || lexpr === undefined || rexpr === undefined || !('ColumnRef' in lexpr)) return [];
  return isConstant(rexpr) ? (lexpr.ColumnRef.fields ?? []).flatMap(nameParts).slice(-1) : [];
}

function isConstant(node: Node): boolean {
  if ('A_Const' in node) return true;
  if ('TypeCast' in node) return node.TypeCast.arg !== undefined && isConstant(node.TypeCast.arg);
  return 'List' in node && (node.List.items ?? []).every(isConstant);
}

export const isRequired = (table: CatalogRelation, name: string): boolean =>
  columnOf(table, name)?.notNull === true;
