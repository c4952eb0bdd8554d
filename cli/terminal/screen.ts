/** The live frame at the foot of a terminal, and permanent lines above it. */
import type { Outlet } from './outlet';

type LogUpdate = ReturnType<typeof import('log-update')['createLogUpdate']>;

const REDRAW_MS = 80;

export class Screen {
  readonly #outlet: Outlet;
  readonly #draw: (tick: number) => readonly string[];
  readonly #timer: NodeJS.Timeout;
  #live: LogUpdate | undefined;
  #tick = 0;
  #paused = false;
  #held: string[] = [];
  #closed = false;

  constructor(outlet: Outlet, draw: (tick: number) => readonly string[]) {
    this.#outlet = outlet;
    this.#draw = draw;
    this.#timer = setInterval(() => {
      this.#tick += 1;
      this.redraw();
    }, REDRAW_MS);
    this.#timer.unref();
    void this.#load();
  }

  /** Until the frame can be drawn, permanent lines are written all the same. */
  async #load(): Promise<void> {
    try {
      const { createLogUpdate } = await import('log-update');
      if (this.#closed) return;
      this.#live = createLogUpdate(this.#outlet.stream as unknown as NodeJS.WritableStream);
      this.redraw();
    } catch {
      // Without it there is no frame, and the log above it says everything.
    }
  }

  redraw(): void {
    if (!this.#live || this.#paused || this.#closed || !this.#outlet.open) return;
    const lines = this.#draw(this.#tick);
    if (lines.length === 0) this.#live.clear();
    else this.#live(lines.join('\n'));
  }

  persist(lines: readonly string[]): void {
    if (lines.length === 0) return;
    if (this.#paused) {
      this.#held.push(...lines);
      return;
    }
    this.#live?.clear();
    for (const line of lines) this.#outlet.line(line);
    this.redraw();
  }

  /** Takes the frame away while somebody else writes; permanent lines are held back until then. */
  pause(): void {
    this.#paused = true;
    this.#live?.clear();
    this.#live?.done();
  }

  resume(): void {
    this.#paused = false;
    this.persist(this.#held.splice(0));
    this.redraw();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    for (const line of this.#held.splice(0)) this.#outlet.line(line);
    if (!this.#outlet.open) return;
    this.#live?.clear();
    this.#live?.done();
  }
}
