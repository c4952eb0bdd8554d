/** Effects of ALTER COLUMN … TYPE: what is written anew, which indexes and constraints are made again, and who else is locked. */
import type { CatalogColumn, CatalogRelation } from '../catalog';
import type { Action } from './actions';
import type { EffectsCollector } from './collector';
import { type TypeChange, typeChangeOf } from './types';

export function typeChange({ command, table, family }: Action, effects: EffectsCollector): void {
  const definition =
    command.def !== undefined && 'ColumnDef' in command.def ? command.def.ColumnDef : undefined;
  const column = table?.columns.find(({ name }) => name === command.name);
  if (table === undefined || column === undefined || definition === undefined) return;
  const change = typeChangeOf(column, definition, effects.catalog);
  if (change !== 'same') effects.changeResultType(table, column.name);
  effects.phase(change === 'rewrite' ? 'contract' : 'neutral');
  for (const member of family) {
    if (change === 'rewrite') effects.rewriteTable(member);
    renewIndexes(member, { column, change }, effects);
    renewConstraints(member, { column, change }, effects);
  }
}

function renewIndexes(
  table: CatalogRelation,
  { column, change }: { column: CatalogColumn; change: TypeChange },
  effects: EffectsCollector,
): void {
  for (const index of effects.catalog.indexesOf(table)) {
    if (index.index?.columns.includes(column.name) !== true) continue;
    effects.lock(index, 'AccessExclusiveLock');
    if (change !== 'rewrite' && (index.index.isComputed || change === 'order')) {
      effects.rewrite(index);
      effects.scan(table);
    }
  }
}

function renewConstraints(
  table: CatalogRelation,
  { column, change }: { column: CatalogColumn; change: TypeChange },
  effects: EffectsCollector,
): void {
  for (const { kind, columns, references, validated } of table.constraints) {
    if (!columns.includes(column.name)) continue;
    if (references !== undefined) effects.lockFamily(effects.catalog.get(references), 'AccessExclusiveLock');
    if (kind === 'check' && validated && change !== 'same') effects.scan(table);
  }
  for (const { from, constraint } of effects.catalog.referencesTo(table)) {
    if (!constraint.referencedColumns.includes(column.name)) continue;
    effects.lockFamily(from, 'AccessExclusiveLock');
    if (change === 'rewrite') effects.scanFamily(from);
  }
}
