/** What a restore point holds, read where nobody wrote: whatever is recovered to it must hold exactly that. */
import type { CatalogPicture } from '../checks/catalog';
import type { SequencePositions } from '../checks/sequences';
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
  /** None of them may stand further back. Absent in proofs of a version that did not look. */
  readonly sequences?: SequencePositions;
  /** As they were asked: one that was edited since would measure something else. */
  readonly invariants?: readonly InvariantFile[];
  /**
   * `serving`: the database itself, at that very moment; `drill`: an instance that a drill recovered to it and found sound;
   * otherwise the one that a run's rehearsal recovered to it.
   */
  readonly readFrom?: 'serving' | 'instance' | 'drill';
}

const keyOf = (restorePoint: string): string => `proofs/${restorePoint}.json`;
/** Beside it: a drill's own finding keeps no better proof from being recorded. */
const drilledKeyOf = (restorePoint: string): string => `proofs/${restorePoint}.drill.json`;

/** The first of a restore point stands. */
export async function keepProof(store: ObjectStore, proof: RestorePointProof): Promise<void> {
  const key = (proof.readFrom === 'drill' ? drilledKeyOf : keyOf)(proof.restorePoint);
  await store.putIfAbsent(key, JSON.stringify(proof));
}

export const readProof = (store: ObjectStore, restorePoint: string): Promise<RestorePointProof | undefined> =>
  readAt(store, keyOf(restorePoint));

/** What an earlier drill found: that it comes back again shows that the recovery is repeatable, and no more. */
export const readDrilled = (
  store: ObjectStore,
  restorePoint: string,
): Promise<RestorePointProof | undefined> => readAt(store, drilledKeyOf(restorePoint));

async function readAt(store: ObjectStore, key: string): Promise<RestorePointProof | undefined> {
  const stored = await store.get(key);
  return stored ? (JSON.parse(stored.body) as RestorePointProof) : undefined;
}
