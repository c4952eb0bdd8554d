/** Writes to a stream for as long as somebody reads it; a reader that goes away never stops a migration. */

export interface Output {
  write(text: string): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  readonly columns?: number;
  readonly rows?: number;
  readonly isTTY?: boolean;
}

export class Outlet {
  readonly stream: Output;
  #open = true;

  constructor(stream: Output) {
    this.stream = stream;
    // Kept for good: EPIPE may arrive long after the last write, and without a listener it ends the process.
    stream.on?.('error', () => {
      this.#open = false;
    });
  }

  get open(): boolean {
    return this.#open;
  }

  line(text: string): void {
    this.raw(`${text}\n`);
  }

  raw(text: string): void {
    if (!this.#open) return;
    try {
      this.stream.write(text);
    } catch {
      this.#open = false;
    }
  }
}
