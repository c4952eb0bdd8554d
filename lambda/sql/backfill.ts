/** Decides which UPDATE or DELETE may run in batches and still do what it would have done as one statement. */
import type { RangeVar, ResTarget, WithClause } from 'libpg-query';
import type { BackfillMark } from './directives';
import { type QualifiedName, quoted, quotedName, rangeName, shown, shownName } from './names';
import type { Node, SqlStatement } from './parse';
import { some } from './search';
import { summaryOf } from './summary';

export type { BackfillMark } from './directives';

/** Present where the statement shall run in batches. */
export const backfillOf = (statement: SqlStatement): BackfillMark | undefined => statement.backfill;

/** An UPDATE or DELETE, whichever it is. */
export interface Write {
  readonly command: 'UPDATE' | 'DELETE';
  readonly table: QualifiedName;
  /** `ONLY`: without the tables that inherit from it. */
  readonly only: boolean;
  /** How the statement's clauses call the table, ready for SQL. */
  readonly reference: string;
  readonly where: Node | undefined;
  readonly assignments: readonly ResTarget[];
}

export function writeOf(statement: SqlStatement): Write | undefined {
  const { node } = statement;
  if ('UpdateStmt' in node && node.UpdateStmt.relation !== undefined) {
    const { relation, whereClause, targetList = [] } = node.UpdateStmt;
    const assignments = targetList.flatMap((target) => ('ResTarget' in target ? [target.ResTarget] : []));
    return { command: 'UPDATE', ...targetOf(relation), where: whereClause, assignments };
  }
  if ('DeleteStmt' in node && node.DeleteStmt.relation !== undefined) {
    const { relation, whereClause } = node.DeleteStmt;
    return { command: 'DELETE', ...targetOf(relation), where: whereClause, assignments: [] };
  }
  return undefined;
}

function targetOf(relation: RangeVar): Pick<Write, 'table' | 'only' | 'reference'> {
  const table = rangeName(relation);
  const alias = relation.alias?.aliasname;
  return {
    table,
    only: relation.inh !== true,
    reference: alias === undefined ? quotedName(table) : quoted(alias),
  };
}

/** Why a marked statement cannot run in batches, as far as its text tells; undefined for one that can or is not marked. */
export function backfillProblem(statement: SqlStatement): string | undefined {
  const { backfill, node } = statement;
  if (backfill === undefined) return undefined;
  const write = writeOf(statement);
  if (write === undefined) {
    return `\`godwit:backfill\` stands above ${summaryOf(statement)}. Only an UPDATE or a DELETE runs in batches: move or remove the mark.`;
  }
  const reason = mismatch(backfill, write) ?? obstacle(node, write);
  return reason === undefined ? undefined : `${summaryOf(statement)} cannot run as a backfill: ${reason}`;
}

function mismatch({ table, key }: BackfillMark, write: Write): string | undefined {
  if (table !== undefined && !mayBeSame(table, write.table)) {
    return `the mark names the table ${shownName(table)}, and the statement writes ${shownName(write.table)}.`;
  }
  const assigned = (key ?? []).filter((column) => write.assignments.some(({ name }) => name === column));
  return assigned.length === 0 ? undefined : assignsKey(assigned);
}

export const assignsKey = (columns: readonly string[]): string =>
  `it assigns ${columns.map(shown).join(', ')}, by which its batches are parted. Name another unique key: \`-- godwit:backfill by "column"\`.`;

/** A name without a schema may be found in any. */
const mayBeSame = (one: QualifiedName, other: QualifiedName): boolean =>
  one.name === other.name &&
  (one.schema === undefined || other.schema === undefined || one.schema === other.schema);

function obstacle(node: Node, write: Write): string | undefined {
  const root = 'UpdateStmt' in node ? node.UpdateStmt : 'DeleteStmt' in node ? node.DeleteStmt : undefined;
  if (root === undefined) return undefined;
  if (root.returningClause !== undefined) return 'RETURNING has nobody to return rows to. Remove it.';
  if (root.whereClause !== undefined && 'CurrentOfExpr' in root.whereClause) {
    return 'WHERE CURRENT OF needs a cursor, which does not outlive a batch. Write a condition instead.';
  }
  if (some(root, (branch) => 'ParamRef' in branch))
    return 'it has a parameter ($1), and nobody to give it a value.';
  if (writesInWith(root.withClause)) {
    return 'its WITH writes, too, and would do so once a batch. Make that a statement of its own.';
  }
  const { relation: _, ...rest } = root;
  if (some(rest, (branch) => readsTable(branch, write.table))) {
    return (
      `it reads ${shownName(write.table)} a second time, and a batch would see there what earlier batches wrote. ` +
      'Put what it needs of that table into another one first, or run it without the mark.'
    );
  }
  const { targetList: __, ...choosing } = 'targetList' in rest ? rest : { ...rest, targetList: [] };
  if (some(choosing, isArbitraryChoice)) {
    return 'a LIMIT without ORDER BY chooses other rows for each batch. Add an ORDER BY by a unique key.';
  }
  return undefined;
}

function writesInWith(clause: WithClause | undefined): boolean {
  return some(clause?.ctes ?? [], (branch) =>
    ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].some((kind) => kind in branch),
  );
}

function readsTable(branch: object, table: QualifiedName): boolean {
  return 'RangeVar' in branch && mayBeSame(rangeName((branch as { RangeVar: RangeVar }).RangeVar), table);
}

function isArbitraryChoice(branch: object): boolean {
  return 'limitCount' in branch && !('sortClause' in branch);
}
