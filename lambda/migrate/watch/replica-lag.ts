/** Measures from the primary how long a replica has been behind: `replay_lag` stands still while a replica does. */

interface Written {
  readonly atMs: number;
  readonly position: number;
}

const MOST_KEPT = 5_000;

export class ReplicaLag {
  #written: readonly Written[] = [];

  /** Positions in the WAL: how far it is written, and replayed by the replica furthest behind. */
  lagMs(atMs: number, written: number, replayed: number): number {
    const missing = this.#written.filter(({ position }) => position > replayed);
    this.#written = written > replayed ? [...missing, { atMs, position: written }].slice(0, MOST_KEPT) : [];
    const first = this.#written[0];
    return first === undefined ? 0 : atMs - first.atMs;
  }
}
