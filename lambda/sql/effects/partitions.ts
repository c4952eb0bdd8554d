/** Effects of making a table a partition of another, and of taking it away. */
import type { CatalogRelation } from '../catalog';
import type { EffectsCollector } from './collector';

/** What partition and parent share from then on: indexes, foreign keys in both directions, and the default partition's bounds. */
export function lockForNewPartition(parent: CatalogRelation, effects: EffectsCollector): void {
  const { catalog } = effects;
  const rest = parent.defaultPartition === undefined ? undefined : catalog.get(parent.defaultPartition);
  effects.lockFamily(rest, 'AccessExclusiveLock');
  effects.scanFamily(rest);
  for (const index of catalog.indexesOf(parent)) effects.lock(index, 'ShareUpdateExclusiveLock');
  for (const { references } of parent.constraints) {
    if (references !== undefined) effects.lockFamily(catalog.get(references), 'ShareRowExclusiveLock');
  }
  for (const { from } of catalog.referencesTo(parent)) effects.lockFamily(from, 'ShareRowExclusiveLock');
}

/** Its rows are read, unless a CHECK proves that they are within the bounds. */
export function attach(
  parent: CatalogRelation | undefined,
  partition: CatalogRelation | undefined,
  effects: EffectsCollector,
): void {
  effects.once();
  if (parent === undefined) return;
  effects.lockFamily(partition, 'AccessExclusiveLock');
  effects.scanFamily(partition);
  lockForNewPartition(parent, effects);
  for (const { references } of parent.constraints) {
    if (references !== undefined) effects.scanFamily(effects.catalog.get(references));
  }
}

/** An index has nothing to be read; the tables are looked at. */
export function attachIndex(
  parent: CatalogRelation | undefined,
  partition: CatalogRelation | undefined,
  effects: EffectsCollector,
): void {
  effects.lock(partition, 'AccessExclusiveLock');
  for (const index of [parent, partition]) {
    if (index?.index !== undefined) effects.lock(effects.catalog.get(index.index.table), 'AccessShareLock');
  }
}

/** Tables that reference the parent must hold no reference to the partition: they are read to see that. */
export function detach(
  parent: CatalogRelation | undefined,
  partition: CatalogRelation | undefined,
  effects: EffectsCollector,
): void {
  if (parent === undefined || partition === undefined) return;
  const { catalog } = effects;
  effects.lock(partition, 'AccessExclusiveLock');
  if (parent.defaultPartition !== undefined) {
    effects.lock(catalog.get(parent.defaultPartition), 'AccessExclusiveLock');
  }
  for (const index of catalog.indexesOf(partition)) {
    if (index.parents.length > 0) effects.lock(index, 'AccessExclusiveLock');
  }
  for (const { references } of partition.constraints) {
    if (references !== undefined) effects.lockFamily(catalog.get(references), 'ShareRowExclusiveLock');
  }
  for (const { from } of catalog.referencesTo(parent)) {
    effects.lockFamily(from, 'AccessExclusiveLock');
    effects.scanFamily(from);
    effects.scan(partition);
  }
}

/** It waits for all who use the table and only then marks the partition; queries go on meanwhile. */
export function detachConcurrently(
  parent: CatalogRelation | undefined,
  partition: CatalogRelation | undefined,
  effects: EffectsCollector,
): void {
  effects.lock(parent, 'ShareUpdateExclusiveLock');
  effects.lock(partition, 'AccessExclusiveLock');
}
