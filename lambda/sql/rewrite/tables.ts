/** What the rewritings ask of the tables that a statement names. */
import type { Catalog, CatalogColumn, CatalogRelation } from '../catalog';
import { effectsOf } from '../effects/effects';
import { quoted, quotedName, rangeName, shown, shownName } from '../names';
import type { Situation } from './draft';
import type { Unit } from './units';

/** The table of an ALTER TABLE that was there before the migration, and whose rows somebody uses. */
export function tableInUse(unit: Unit, { catalog, isNew }: Situation): CatalogRelation | undefined {
  const { node } = unit.statement;
  if (!('AlterTableStmt' in node)) return undefined;
  const table = catalog.find(rangeName(node.AlterTableStmt.relation));
  return table === undefined || isNew(table) ? undefined : table;
}

/** Reads a table in full, or writes it anew, under its locks: one that was there before. */
export function touchesRows(unit: Unit, { catalog, isNew }: Situation): boolean {
  const { scans, rewrites } = effectsOf(unit.statement, catalog);
  return [...scans, ...rewrites].some((name) => {
    const relation = catalog.find(name);
    return relation !== undefined && !isNew(relation);
  });
}

/** As the unit writes it: with its schema only where it has one. */
export function tableText(unit: Unit): string {
  const { node } = unit.statement;
  return 'AlterTableStmt' in node ? quotedName(rangeName(node.AlterTableStmt.relation)) : '';
}

export const columnOf = (table: CatalogRelation, name: string | undefined): CatalogColumn | undefined =>
  table.columns.find((column) => column.name === name);

export const shownTable = ({ name }: CatalogRelation): string =>
  shownName(name.schema === 'public' ? { ...name, schema: undefined } : name);

export const shownColumn = (table: CatalogRelation, column: string): string =>
  `${shownTable(table)}.${shown(column)}`;

/** Backfills walk along a unique key without NULLs: without one there is no order to take the rows in. */
export function hasKey(table: CatalogRelation, catalog: Catalog): boolean {
  return catalog.indexesOf(table).some(({ index }) => {
    if (index === undefined || !index.isUnique || index.isComputed || index.columns.length === 0)
      return false;
    return index.columns.every((name) => columnOf(table, name)?.notNull === true);
  });
}

/** Why rows of the table cannot be written in batches behind the application's back. */
export function backfillObstacle(table: CatalogRelation, catalog: Catalog): string | undefined {
  if (table.kind !== 'table' || catalog.family(table).length > 1 || table.isPartition) {
    return `${shownTable(table)} has partitions or children: write a backfill for each of them`;
  }
  if (!hasKey(table, catalog)) {
    return `${shownTable(table)} has no unique key without NULLs along which a backfill could walk: give it a primary key first`;
  }
  if (table.hasTriggers || table.hasRules) {
    return `${shownTable(table)} has triggers or rules, which a backfill would run for every row and the statement does not`;
  }
  return undefined;
}

export const alter = (table: string, ...actions: readonly string[]): string =>
  `ALTER TABLE ${table} ${actions.join(', ')}`;

export const column = quoted;

/** Whether a name stands somewhere in it by itself. */
export function says(tree: unknown, name: string): boolean {
  if (typeof tree === 'string') return tree === name;
  if (typeof tree !== 'object' || tree === null) return false;
  return Object.values(tree).some((branch) => says(branch, name));
}
