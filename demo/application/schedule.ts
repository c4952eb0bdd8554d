/** Open loop: requests fall due at a fixed rate, whether or not the earlier ones were answered. */

export class Schedule {
  readonly #startedAt: number;
  readonly #intervalMs: number;
  #issued = 0;

  constructor(startedAt: number, ratePerSecond: number) {
    this.#startedAt = startedAt;
    this.#intervalMs = 1000 / ratePerSecond;
  }

  /** Times at which requests fell due since the last call; after a pause of the caller none is left out. */
  takeDue(now: number): readonly number[] {
    const due: number[] = [];
    for (let at = this.nextAt; at <= now; at = this.nextAt) {
      due.push(at);
      this.#issued += 1;
    }
    return due;
  }

  // From the start and not from the last one: rounding does not add up.
  get nextAt(): number {
    return this.#startedAt + this.#issued * this.#intervalMs;
  }
}
