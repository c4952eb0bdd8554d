/** Rules on statements that write rows which are there already. */

import { writeOf } from '../../sql/backfill';
import type { CatalogRelation } from '../../sql/catalog';
import { lossOf } from '../../sql/losses';
import { nameParts, rangeName } from '../../sql/names';
import type { Node } from '../../sql/parse';
import { isColumnAddedHere, listWords, tableWords } from './read';
import type { Fault, Rule, RuleContext } from './rule';

const ORDERS =
  'CREATE TABLE "Order" (id int PRIMARY KEY, total int, state text); CREATE TABLE "Item" (id int PRIMARY KEY, "orderId" int REFERENCES "Order" (id) ON DELETE CASCADE); INSERT INTO "Order" VALUES (1, 10, \'open\'), (2, 20, \'paid\'); INSERT INTO "Item" VALUES (1, 1);';

/** An UPDATE or DELETE, not marked as a backfill, of a table that was there before. */
function writtenAtOnce(context: RuleContext) {
  const write = writeOf(context.statement);
  if (write === undefined || context.statement.backfill !== undefined) return undefined;
  const table = context.catalog.find(write.table);
  return table === undefined || context.isNew(table.oid) ? undefined : { ...write, relation: table };
}

const REMEDY =
  'Put `-- godwit:backfill` on a line above it: Godwit then writes in batches of a few milliseconds, in the order of the primary key, and goes on where it was interrupted.';

const writeOfAllRows: Rule = {
  id: 'write-of-all-rows',
  on: ['UpdateStmt', 'DeleteStmt'],
  severity: 'error',
  title: 'UPDATE or DELETE of all rows in one statement',
  condition:
    'A table that was there before the migration is updated, or its rows are deleted, without a WHERE, or with one that leaves out no row that is there.',
  effect:
    'Every row stays locked until the commit: writers of any of them wait for the whole of it, and so does whoever waits for vacuum to remove the old versions.',
  remedy: REMEDY,
  weight: 'work',
  bad: { before: ORDERS, sql: 'UPDATE "Order" SET total = total * 100;' },
  good: { before: ORDERS, sql: '-- godwit:backfill\nUPDATE "Order" SET total = total * 100;' },
  find(context) {
    const write = writtenAtOnce(context);
    if (write === undefined || !meetsAll(context, write.where, write.relation)) return [];
    const lost = write.command === 'DELETE' ? ' All rows of the table are gone for good.' : '';
    return [{ subject: tableWords(write.table), effect: `${this.effect}${lost}` }];
  },
};

const writeOfManyRows: Rule = {
  id: 'write-of-many-rows',
  on: ['UpdateStmt', 'DeleteStmt', 'MergeStmt'],
  severity: 'warning',
  title: 'UPDATE or DELETE of any number of rows in one statement',
  condition:
    'A table that was there before the migration is updated, or rows of it are deleted, where a condition holds that is not a key.',
  effect:
    'All rows that match stay locked until the commit, however many they are: writers of any of them wait.',
  remedy: REMEDY,
  weight: 'work',
  bad: { before: ORDERS, sql: 'DELETE FROM "Order" WHERE state = \'paid\';' },
  good: { before: ORDERS, sql: 'DELETE FROM "Item" WHERE id = 1;' },
  find(context) {
    if (context.statement.kind === 'MergeStmt') return mergeOf(context);
    const write = writtenAtOnce(context);
    if (write?.where === undefined || meetsAll(context, write.where, write.relation)) return [];
    if (isByKey(context, write.where, write.relation) || isLimited(write.where)) return [];
    return [{ subject: tableWords(write.table) }];
  },
};

/** Of new rows only, it is an INSERT. */
function mergeOf(context: RuleContext): readonly Fault[] {
  const { node } = context.statement;
  if (!('MergeStmt' in node) || lossOf(node) === undefined) return [];
  const name = rangeName(node.MergeStmt.relation);
  const table = context.catalog.find(name);
  if (table === undefined || context.isNew(table.oid)) return [];
  return [{ subject: tableWords(name), remedy: `Write it as an UPDATE. ${REMEDY}` }];
}

/** `WHERE "new column" IS NULL` leaves out no row; of an old column it may not either. */
function meetsAll(context: RuleContext, where: Node | undefined, table: CatalogRelation): boolean {
  if (where === undefined) return true;
  if ('A_Const' in where) return where.A_Const.boolval?.boolval === true;
  if ('NullTest' in where && where.NullTest.nulltesttype === 'IS_NULL') {
    const column = columnOf(where.NullTest.arg);
    return column !== undefined && isColumnAddedHere(context, table.name, column);
  }
  if (!('A_Expr' in where)) return false;
  const { lexpr, rexpr, name = [] } = where.A_Expr;
  const isConstant = lexpr !== undefined && rexpr !== undefined && 'A_Const' in lexpr && 'A_Const' in rexpr;
  return (
    isConstant &&
    name.flatMap(nameParts).at(-1) === '=' &&
    JSON.stringify(lexpr.A_Const.ival) === JSON.stringify(rexpr.A_Const.ival)
  );
}

const columnOf = (node: Node | undefined): string | undefined =>
  node !== undefined && 'ColumnRef' in node ? nameParts(node.ColumnRef.fields?.at(-1)).at(-1) : undefined;

/** Columns that the condition holds to given values: `a = 1`, `a IN (1, 2)`, joined by AND. */
function fixedColumns(where: Node): readonly string[] {
  if ('BoolExpr' in where && where.BoolExpr.boolop === 'AND_EXPR') {
    return (where.BoolExpr.args ?? []).flatMap(fixedColumns);
  }
  if (!('A_Expr' in where)) return [];
  const { kind, name = [], lexpr, rexpr } = where.A_Expr;
  const isEquality = name.flatMap(nameParts).at(-1) === '=' && (kind === 'AEXPR_OP' || kind === 'AEXPR_IN');
  const column = columnOf(lexpr) ?? columnOf(rexpr);
  const value = columnOf(lexpr) === undefined ? lexpr : rexpr;
  return isEquality && column !== undefined && value !== undefined && isGiven(value) ? [column] : [];
}

const isGiven = (value: Node): boolean =>
  'A_Const' in value ||
  ('TypeCast' in value && value.TypeCast.arg !== undefined && isGiven(value.TypeCast.arg)) ||
  ('List' in value && (value.List.items ?? []).every(isGiven));

/** Of a table whose keys are not known, a column called as Prisma calls the key is taken for it. */
function isByKey(context: RuleContext, where: Node, table: CatalogRelation): boolean {
  const fixed = fixedColumns(where);
  const keys = context.catalog
    .indexesOf(table)
    .flatMap(({ index }) => (index?.isUnique === true && !index.isPartial ? [index.keys] : []));
  if (context.isAssumed(table.oid) && keys.length === 0) return fixed.includes('id');
  return keys.some(
    (key) => key.length > 0 && key.every((column) => column !== undefined && fixed.includes(column)),
  );
}

/** `WHERE id IN (SELECT … LIMIT 1000)` */
function isLimited(where: Node): boolean {
  if ('BoolExpr' in where && where.BoolExpr.boolop === 'AND_EXPR')
    return (where.BoolExpr.args ?? []).some(isLimited);
  if (!('SubLink' in where) || where.SubLink.subLinkType !== 'ANY_SUBLINK') return false;
  const query = where.SubLink.subselect;
  return query !== undefined && 'SelectStmt' in query && query.SelectStmt.limitCount !== undefined;
}

const truncate: Rule = {
  id: 'truncate',
  on: ['TruncateStmt'],
  severity: 'error',
  title: 'TRUNCATE',
  condition: 'A table that was there before the migration is emptied.',
  effect:
    'All its rows are gone for good, under AccessExclusiveLock, and with CASCADE those of every table that references it.',
  remedy:
    'Delete what must go with a marked DELETE (`-- godwit:backfill`), by a condition that says which rows.',
  bad: { before: ORDERS, sql: 'TRUNCATE "Order" CASCADE;' },
  good: { before: ORDERS, sql: '-- godwit:backfill\nDELETE FROM "Item" WHERE "orderId" = 2;' },
  find(context) {
    const { node } = context.statement;
    if (!('TruncateStmt' in node)) return [];
    const named = (node.TruncateStmt.relations ?? []).flatMap((relation) =>
      'RangeVar' in relation ? (context.catalog.find(rangeName(relation.RangeVar)) ?? []) : [],
    );
    const existing = named.filter(({ oid }) => !context.isNew(oid));
    const oids = named.map(({ oid }) => oid);
    const others = context.effects.locks
      .filter(
        ({ oid, kind, mode }) => kind === 'table' && mode === 'AccessExclusiveLock' && !oids.includes(oid),
      )
      .map(({ relation }) => tableWords(relation));
    return existing.map(({ name }): Fault => {
      const effect =
        others.length === 0
          ? this.effect
          : `All its rows are gone for good, and with them those of ${listWords(others)}.`;
      return { subject: tableWords(name), effect };
    });
  },
};

const deleteCascades: Rule = {
  id: 'delete-cascades',
  on: ['DeleteStmt'],
  severity: 'warning',
  title: 'A DELETE that reaches other tables',
  condition:
    'Rows are deleted from a table that others reference with ON DELETE CASCADE, SET NULL or SET DEFAULT.',
  effect: 'Rows of those tables are deleted or changed with them, and theirs in turn.',
  remedy: 'Delete or keep the rows of the other tables first, by statements that say so.',
  bad: { before: ORDERS, sql: 'DELETE FROM "Order" WHERE id = 1;' },
  good: { before: ORDERS, sql: 'DELETE FROM "Item" WHERE id = 1;' },
  find(context) {
    const { node } = context.statement;
    if (!('DeleteStmt' in node)) return [];
    const table = context.catalog.find(rangeName(node.DeleteStmt.relation));
    if (table === undefined || context.isNew(table.oid)) return [];
    const reached = reachedFrom(context, table);
    return reached.length === 0
      ? []
      : [
          {
            subject: tableWords(table.name),
            effect: `It also deletes or changes rows of ${listWords(reached)}.`,
          },
        ];
  },
};

/** Tables whose rows change when one of the table is deleted, at any distance. */
export function reachedFrom(
  { catalog }: Pick<RuleContext, 'catalog'>,
  table: CatalogRelation,
): readonly string[] {
  const found = new Map<number, CatalogRelation>([[table.oid, table]]);
  const words: string[] = [];
  for (const each of found.values()) {
    for (const { from, constraint } of catalog.referencesTo(each)) {
      if (constraint.onDelete !== 'write' || found.has(from.oid)) continue;
      words.push(`${tableWords(from.name)} (${(constraint.deleteAction ?? 'cascade').toUpperCase()})`);
      // What is only set to NULL stays, and what references it with it.
      if (constraint.deleteAction === 'cascade') found.set(from.oid, from);
    }
  }
  return words;
}

export const DATA_RULES: readonly Rule[] = [writeOfAllRows, writeOfManyRows, truncate, deleteCascades];
