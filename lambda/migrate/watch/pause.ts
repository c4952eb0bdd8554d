/** A rest that can be cut shorter while it lasts, and ends for good at once. */
export class Pause {
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #endsAt = 0;
  #isEnded = false;

  get isEnded(): boolean {
    return this.#isEnded;
  }

  for(ms: number): Promise<void> {
    if (this.#isEnded) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#wakeAfter(ms);
    });
  }

  /** It lasts no longer than that from now on. */
  shorten(ms: number): void {
    if (this.#wake !== undefined && this.#endsAt - performance.now() > ms) this.#wakeAfter(ms);
  }

  end(): void {
    this.#isEnded = true;
    this.#awake();
  }

  #wakeAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#endsAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#awake(), ms);
  }

  #awake(): void {
    clearTimeout(this.#timer);
    this.#wake?.();
    this.#wake = undefined;
  }
}
