/** A clock that stands still until a test lets time pass, and what happens when it does. */
import type { Clock } from '../../lambda/ports/clock';

export class Timeline implements Clock {
  #ms: number;
  readonly #due: { readonly at: number; readonly happen: () => void }[] = [];

  constructor(start: Date) {
    this.#ms = start.getTime();
  }

  now(): Date {
    return new Date(this.#ms);
  }

  async sleep(ms: number): Promise<void> {
    this.advance(ms);
  }

  after(ms: number, happen: () => void): void {
    this.#due.push({ at: this.#ms + ms, happen });
    this.#due.sort((left, right) => left.at - right.at);
  }

  /** What becomes due on the way happens at its own time, and may bring about more. */
  advance(ms: number): void {
    const until = this.#ms + ms;
    for (let next = this.#due[0]; next !== undefined && next.at <= until; next = this.#due[0]) {
      this.#due.shift();
      this.#ms = next.at;
      next.happen();
    }
    this.#ms = until;
  }
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** How long RDS takes in the tests; the order of what happens matters, not the minutes. */
export const TAKES = {
  toBeSeen: 3 * SECOND,
  toReact: 5 * SECOND,
  creating: 8 * MINUTE,
  firstBackup: 2 * MINUTE,
  snapshot: 4 * MINUTE,
  snapshotMoment: 20 * SECOND,
  backingUp: MINUTE,
  modifying: MINUTE,
  standby: 3 * MINUTE,
  monitoring: 40 * SECOND,
  password: 30 * SECOND,
  passwordInForce: 20 * SECOND,
  renaming: 40 * SECOND,
  nameless: 10 * SECOND,
  rebooting: 30 * SECOND,
  stopping: 2 * MINUTE,
  deleting: 2 * MINUTE,
  logs: 5 * MINUTE,
} as const;
