/** Knows which statement the executor is at, and tells how far it has come where the server says. */
import type { StatementEvent } from '../migrate/executor';
import type { Build } from '../migrate/watch/vitals';

const RUNS: ReadonlySet<StatementEvent['status']> = new Set(['started', 'progress']);

export class RunningStatement {
  readonly #tell: (event: StatementEvent) => void;
  #last: StatementEvent | undefined;
  #told: string | undefined;

  constructor(tell: (event: StatementEvent) => void) {
    this.#tell = tell;
  }

  follow(event: StatementEvent): void {
    this.#last = event;
    this.#told = undefined;
    this.#tell(event);
  }

  /** Locks outlast their statement: the last one that was heard of stands for its transaction. */
  get described(): string | undefined {
    if (this.#last === undefined) return undefined;
    const { migration, line, sql } = this.#last;
    return `${migration}, line ${line}: ${sql}`;
  }

  tellBuild(build: Build | undefined): void {
    if (build === undefined || this.#last === undefined || !RUNS.has(this.#last.status)) return;
    const message = buildText(build);
    if (message === this.#told) return;
    this.#told = message;
    const { migration, statement, of, line, sql } = this.#last;
    const { done, total, unit } = build;
    const amount = total === 0 ? {} : { done, total, unit };
    this.#tell({ migration, statement, of, line, sql, status: 'progress', message, ...amount });
  }
}

/** In the server's words: `building index: scanning table, 45 %`. */
export function buildText({ phase, done, total, unit }: Build): string {
  if (total === 0) return phase;
  if (unit === 'sessions') return `${phase}, ${done} of ${total} done`;
  return `${phase}, ${Math.floor((Math.min(done, total) / total) * 100)} %`;
}
