/** Work that goes on after the call that began it: joined by name, cancellable, its failure kept for whoever asks. */
import { messageOf } from '../../domain/errors';

export interface WorkProgress {
  doneBytes: number;
  totalBytes: number;
  message: string;
}

export type WorkState =
  | { readonly state: 'running'; readonly progress: Readonly<WorkProgress> }
  | { readonly state: 'failed'; readonly reason: string };

interface Item {
  readonly abort: AbortController;
  readonly progress: WorkProgress;
  readonly settled: Promise<void>;
  failure: string | undefined;
}

export class Background {
  readonly #items = new Map<string, Item>();

  /** Nothing under this name runs: the caller has looked, without awaiting anything since. */
  begin(name: string, work: (signal: AbortSignal, progress: WorkProgress) => Promise<void>): void {
    const abort = new AbortController();
    const progress: WorkProgress = { doneBytes: 0, totalBytes: 0, message: '' };
    const settled = work(abort.signal, progress).then(
      () => {
        this.#items.delete(name);
      },
      (error: unknown) => {
        item.failure = messageOf(error);
      },
    );
    const item: Item = { abort, progress, settled, failure: undefined };
    this.#items.set(name, item);
  }

  state(name: string): WorkState | undefined {
    const item = this.#items.get(name);
    if (item === undefined) return undefined;
    if (item.failure !== undefined) return { state: 'failed', reason: item.failure };
    return { state: 'running', progress: item.progress };
  }

  isRunning(name: string): boolean {
    return this.state(name)?.state === 'running';
  }

  /** Ends the work and forgets its failure; resolves once nothing of it goes on. */
  async cancel(name: string, reason: unknown): Promise<void> {
    const item = this.#items.get(name);
    if (item === undefined) return;
    item.abort.abort(reason);
    await item.settled;
    if (this.#items.get(name) === item) this.#items.delete(name);
  }

  async cancelAll(reason: unknown): Promise<void> {
    await Promise.all([...this.#items.keys()].map((name) => this.cancel(name, reason)));
  }
}
