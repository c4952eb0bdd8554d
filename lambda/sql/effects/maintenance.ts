/** Effects of statements that tend tables as a whole: TRUNCATE, LOCK, VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH. */
import type { CatalogRelation } from '../catalog';
import { isConcurrent } from '../facts';
import { LOCK_MODES } from '../lock-modes';
import { rangeName } from '../names';
import type { Node } from '../parse';
import type { EffectsCollector } from './collector';
import { behind } from './data';
import { type Rules, rule } from './rules';

const rangesOf = (nodes: readonly Node[] | undefined, effects: EffectsCollector) =>
  (nodes ?? []).flatMap((node) => {
    if (!('RangeVar' in node)) return [];
    const relation = effects.find(rangeName(node.RangeVar));
    return relation === undefined ? [] : [{ relation, isOnly: node.RangeVar.inh !== true }];
  });

function truncate(relation: CatalogRelation, effects: EffectsCollector): void {
  effects.lock(relation, 'AccessExclusiveLock');
  effects.rewrite(relation);
  if (relation.kind !== 'table') return;
  for (const index of effects.catalog.indexesOf(relation)) {
    effects.lock(index, 'AccessExclusiveLock');
    effects.rewrite(index);
  }
}

/** Tables that reference one of these, those that reference them, and so on. */
function withReferencing(
  tables: readonly CatalogRelation[],
  effects: EffectsCollector,
): readonly CatalogRelation[] {
  const found = new Map(tables.map((table) => [table.oid, table]));
  for (const table of found.values()) {
    for (const { from } of effects.catalog.referencesTo(table)) {
      for (const member of effects.catalog.family(from)) found.set(member.oid, member);
    }
  }
  return [...found.values()];
}

function vacuum(table: CatalogRelation, isFull: boolean, effects: EffectsCollector): void {
  for (const member of effects.catalog.family(table)) {
    effects.lock(member, isFull ? 'AccessExclusiveLock' : 'ShareUpdateExclusiveLock');
    if (isFull) effects.rewriteTable(member);
  }
}

function reindexTable(table: CatalogRelation, concurrently: boolean, effects: EffectsCollector): void {
  for (const member of effects.catalog.family(table)) {
    effects.lock(member, concurrently ? 'ShareUpdateExclusiveLock' : 'ShareLock');
    effects.scan(member);
    for (const index of effects.catalog.indexesOf(member)) {
      effects.lock(index, concurrently ? 'ShareUpdateExclusiveLock' : 'AccessExclusiveLock');
      effects.rewrite(index);
    }
  }
}

const isOn = (options: readonly Node[] | undefined, name: string): boolean =>
  (options ?? []).some((option) => 'DefElem' in option && option.DefElem.defname === name);

export const MAINTENANCE_RULES: Rules = {
  ...rule('TruncateStmt', ({ relations, behavior, restart_seqs }, effects) => {
    effects.phase('contract');
    const named = rangesOf(relations, effects).flatMap(({ relation, isOnly }) =>
      isOnly ? [relation] : effects.catalog.family(relation),
    );
    const all = behavior === 'DROP_CASCADE' ? withReferencing(named, effects) : named;
    for (const table of all) {
      truncate(table, effects);
      if (restart_seqs !== true) continue;
      for (const { oid } of table.sequences) {
        const sequence = effects.catalog.get(oid);
        effects.lock(sequence, 'AccessExclusiveLock');
      }
    }
  }),
  ...rule('LockStmt', ({ relations, mode = 0 }, effects) => {
    const name = LOCK_MODES[mode - 1];
    if (name === undefined) return;
    for (const { relation, isOnly } of rangesOf(relations, effects)) {
      if (isOnly) effects.lock(relation, name);
      else for (const member of behind(relation, effects)) effects.lock(member, name);
    }
  }),
  ...rule('VacuumStmt', ({ rels, options, is_vacuumcmd }, effects) => {
    const isFull = is_vacuumcmd === true && isOn(options, 'full');
    // Without a table it takes every table of the database, one after another.
    if ((rels ?? []).length === 0) effects.hide();
    for (const node of rels ?? []) {
      const table =
        'VacuumRelation' in node ? effects.find(rangeName(node.VacuumRelation.relation)) : undefined;
      if (table !== undefined) vacuum(table, isFull, effects);
    }
  }),
  ...rule('ClusterStmt', ({ relation }, effects) => {
    if (relation === undefined) {
      effects.hide();
      return;
    }
    const table = effects.find(rangeName(relation));
    effects.lock(table, 'AccessExclusiveLock');
    effects.rewriteTable(table);
  }),
  ...rule('ReindexStmt', (reindex, effects) => {
    const concurrently = isConcurrent({ ReindexStmt: reindex });
    if (reindex.kind === 'REINDEX_OBJECT_SYSTEM' || reindex.kind === 'REINDEX_OBJECT_DATABASE') {
      effects.hide();
      return;
    }
    if (reindex.relation === undefined) {
      for (const table of effects.catalog.rows.relations) {
        if (table.name.schema === reindex.name && table.kind !== 'sequence' && table.index === undefined) {
          reindexTable(table, concurrently, effects);
        }
      }
      return;
    }
    const relation = effects.find(rangeName(reindex.relation));
    if (relation?.index === undefined) {
      if (relation !== undefined) reindexTable(relation, concurrently, effects);
      return;
    }
    const table = effects.catalog.get(relation.index.table);
    effects.lock(table, concurrently ? 'ShareUpdateExclusiveLock' : 'ShareLock');
    effects.scan(table);
    effects.lock(relation, concurrently ? 'ShareUpdateExclusiveLock' : 'AccessExclusiveLock');
    effects.rewrite(relation);
  }),
  ...rule('RefreshMatViewStmt', ({ relation, concurrent, skipData }, effects) => {
    const view = effects.find(rangeName(relation));
    if (view === undefined) return;
    effects.lock(view, concurrent === true ? 'ExclusiveLock' : 'AccessExclusiveLock');
    if (concurrent !== true) {
      effects.rewrite(view);
      for (const index of effects.catalog.indexesOf(view)) {
        effects.lock(index, 'AccessExclusiveLock');
        effects.rewrite(index);
      }
    }
    if (skipData === true) return;
    for (const oid of view.reads) effects.lockFamily(effects.catalog.get(oid), 'AccessShareLock');
  }),
};
