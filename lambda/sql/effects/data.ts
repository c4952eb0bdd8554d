/** Effects of statements that read and write rows. */
import type { RangeVar } from 'libpg-query';
import type { CatalogRelation } from '../catalog';
import type { LockMode } from '../lock-modes';
import { type QualifiedName, rangeName } from '../names';
import { isTree } from '../search';
import type { EffectsCollector } from './collector';
import { functionsIn, usesIn } from './names';
import { type Rules, rule } from './rules';

/** Everything that a query reads, and what a WITH in it writes. */
export function readRelations(tree: unknown, effects: EffectsCollector): void {
  const mode: LockMode = locksRows(tree) ? 'RowShareLock' : 'AccessShareLock';
  for (const { name, place } of usesIn(tree, [])) {
    for (const relation of behind(effects.find(name), effects)) {
      effects.lock(relation, place === 'from' ? mode : 'RowExclusiveLock');
      if (place === 'field') followForeignKeys(relation, EVERY_WRITE, effects);
    }
  }
  hideCalls(tree, effects);
}

/** Of a query that is stored and not run, only the relations that it names are locked. */
export function parseQuery(tree: unknown, effects: EffectsCollector): void {
  for (const { name, place } of usesIn(tree, [])) {
    effects.lock(effects.find(name), place === 'from' ? 'AccessShareLock' : 'RowExclusiveLock');
  }
}

/** A view's own relations are locked with it. */
export function behind(
  relation: CatalogRelation | undefined,
  effects: EffectsCollector,
): readonly CatalogRelation[] {
  if (relation === undefined) return [];
  const all = effects.catalog.family(relation);
  if (relation.kind !== 'view') return all;
  return [...all, ...relation.reads.flatMap((oid) => behind(effects.catalog.get(oid), effects))];
}

const locksRows = (tree: unknown): boolean =>
  Array.isArray(tree)
    ? tree.some(locksRows)
    : isTree(tree) && (Array.isArray(tree.lockingClause) || Object.values(tree).some(locksRows));

/** Whoever wrote a function may have put anything in it; what came with the server is known to lock nothing of ours. */
function hideCalls(tree: unknown, effects: EffectsCollector): void {
  const isKnown = (name: QualifiedName): boolean => {
    const found = effects.catalog.functionsNamed(name);
    return found.length > 0 && found.every(({ isBuiltIn }) => isBuiltIn) && !MOVING.includes(name.name);
  };
  if (!functionsIn(tree).every(isKnown)) effects.hide();
}

/** These came with the server, and touch relations named in their arguments. */
const MOVING: readonly string[] = ['nextval', 'setval', 'query_to_xml', 'table_to_xml', 'cursor_to_xml'];

type Write = 'INSERT' | 'UPDATE' | 'DELETE';

const EVERY_WRITE: readonly Write[] = ['INSERT', 'UPDATE', 'DELETE'];

function write(
  range: RangeVar | undefined,
  writes: readonly Write[],
  tree: unknown,
  effects: EffectsCollector,
): void {
  effects.once();
  readRelations(tree, effects);
  const named = effects.find(rangeName(range));
  const targets = range?.inh === true ? behind(named, effects) : named === undefined ? [] : [named];
  for (const target of targets) {
    effects.lock(target, 'RowExclusiveLock');
    if (target.hasTriggers || target.hasRules) effects.hide();
    followForeignKeys(target, writes, effects);
    if (!writes.includes('INSERT')) continue;
    // For a column that is left out, its default is asked.
    for (const { oid } of target.sequences) effects.lock(effects.catalog.get(oid), 'RowExclusiveLock');
  }
}

/** The triggers behind foreign keys look at the other table, or write to it. */
function followForeignKeys(
  table: CatalogRelation,
  writes: readonly Write[],
  effects: EffectsCollector,
): void {
  if (writes.includes('INSERT') || writes.includes('UPDATE')) {
    for (const { references } of table.constraints) {
      if (references !== undefined) effects.lockFamily(effects.catalog.get(references), 'RowShareLock');
    }
  }
  for (const { from, constraint } of effects.catalog.referencesTo(table)) {
    const actions = [
      ...(writes.includes('DELETE') ? [constraint.onDelete] : []),
      ...(writes.includes('UPDATE') ? [constraint.onUpdate] : []),
    ];
    if (actions.length === 0) continue;
    effects.lockFamily(from, actions.includes('write') ? 'RowExclusiveLock' : 'RowShareLock');
  }
}

export const DATA_RULES: Rules = {
  ...rule('SelectStmt', (select, effects) => {
    if (select.intoClause !== undefined) effects.once();
    const { intoClause: _, ...rest } = select;
    readRelations(rest, effects);
  }),
  ...rule('InsertStmt', (insert, effects) => {
    const { relation, ...rest } = insert;
    const updates = insert.onConflictClause?.action === 'ONCONFLICT_UPDATE';
    write(relation, updates ? ['INSERT', 'UPDATE'] : ['INSERT'], rest, effects);
  }),
  ...rule('UpdateStmt', ({ relation, ...rest }, effects) => write(relation, ['UPDATE'], rest, effects)),
  ...rule('DeleteStmt', ({ relation, ...rest }, effects) => write(relation, ['DELETE'], rest, effects)),
  ...rule('MergeStmt', ({ relation, ...rest }, effects) => write(relation, EVERY_WRITE, rest, effects)),
  ...rule('CopyStmt', (copy, effects) => {
    const { relation, ...rest } = copy;
    if (copy.is_from === true) write(relation, ['INSERT'], rest, effects);
    else readRelations(copy.query ?? { RangeVar: relation }, effects);
  }),
  ...rule('ExplainStmt', ({ query }, effects) => readRelations(query, effects)),
  ...rule('DeclareCursorStmt', ({ query }, effects) => {
    effects.once();
    readRelations(query, effects);
  }),
};
