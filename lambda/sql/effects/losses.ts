/** The locks that dropping takes: on whatever goes, and on tables of which a part goes. */
import type { CatalogRelation } from '../catalog';
import type { EffectsCollector } from './collector';

export function lockLosses(effects: EffectsCollector): void {
  const { catalog } = effects;
  const gone = new Set<number>();
  for (const { relation: oid, what } of effects.losses) {
    const relation = catalog.get(oid);
    effects.lock(relation, what === 'beside' ? 'ShareUpdateExclusiveLock' : 'AccessExclusiveLock');
    if (what === 'itself' && relation !== undefined) gone.add(oid);
  }
  for (const oid of gone) lockParents(catalog.get(oid), effects);
}

/** That a partition is gone changes the parent's plans, and what its default partition may hold. */
function lockParents(relation: CatalogRelation | undefined, effects: EffectsCollector): void {
  if (relation?.isPartition !== true || relation.index !== undefined) return;
  for (const oid of relation.parents) {
    const parent = effects.catalog.get(oid);
    effects.lock(parent, 'AccessExclusiveLock');
    if (parent?.defaultPartition !== undefined) {
      effects.lock(effects.catalog.get(parent.defaultPartition), 'AccessExclusiveLock');
    }
  }
}

/** Typed tables change with their composite type. */
export function lockTyped(type: CatalogRelation, effects: EffectsCollector): void {
  for (const table of effects.catalog.rows.relations) {
    if (table.ofType === type.oid) effects.lockFamily(table, 'AccessExclusiveLock');
  }
}
