/** What a restore point holds, read where nobody wrote: whatever is recovered to it must hold exactly that. */
import type { CatalogPicture } from '../checks/catalog';
import type { Contents } from '../checks/table-content';
import type { Readings } from '../domain/invariant';
import type { InvariantFile } from '../domain/migration';
import type { ObjectStore } from '../ports/object-store';

export interface RestorePointProof {
  readonly restorePoint: string;
  /** ISO 8601: the moment that invariants which look at the time were asked for. */
  readonly asOf: string;
  readonly catalog: CatalogPicture;
  readonly readings: Readings;
  /** Absent where the database is too large to read every row. */
  readonly contents?: Contents;
  /** As they were asked: one that was edited since would measure something else. */
  readonly invariants?: readonly InvariantFile[];
  /** `serving`: the database itself, at that very moment; otherwise an instance that was recovered to it. */
  readonly readFrom?: 'serving' | 'instance';
}

const keyOf = (restorePoint: string): string => `proofs/${restorePoint}.json`;

/** The first of a restore point stands. */
export async function keepProof(store: ObjectStore, proof: RestorePointProof): Promise<void> {
  await store.putIfAbsent(keyOf(proof.restorePoint), JSON.stringify(proof));
}

export async function readProof(
  store: ObjectStore,
  restorePoint: string,
): Promise<RestorePointProof | undefined> {
  const stored = await store.get(keyOf(restorePoint));
  return stored ? (JSON.parse(stored.body) as RestorePointProof) : undefined;
}
