/** Parts the budget, the longest that anybody may wait because of the migration, between asking for locks and holding them. */
import type { Clock } from '../../ports/clock';

const SHARE_TO_HOLD = 0.2;
/** A small change of the schema holds its locks for some milliseconds; a busy machine makes more of them. */
const TO_HOLD_MS = 30;

/** Who asks and waits makes others wait from that moment on, until it has finished holding, too. */
export function askingTimeMs(budgetMs: number): number {
  const toHoldMs = Math.max(budgetMs * SHARE_TO_HOLD, Math.min(TO_HOLD_MS, budgetMs / 2));
  // 0 would mean no limit at all.
  return Math.max(1, Math.round(budgetMs - toHoldMs));
}

const ROUND_MS = 50;
const MARGIN_MS = 20;

/** The smallest round budget with which one may ask for so long, and a little more. */
export function budgetToAskFor(waitMs: number): number {
  let budgetMs = ROUND_MS;
  while (askingTimeMs(budgetMs) < waitMs + MARGIN_MS) budgetMs += ROUND_MS;
  return budgetMs;
}

/** Of one transaction: all its requests together, from the first that may make others wait, get the time to ask once. */
export class AskingTime {
  readonly #clock: Clock;
  readonly #wholeMs: number;
  #sinceMs: number | undefined;

  constructor(clock: Clock, budgetMs: number) {
    this.#clock = clock;
    this.#wholeMs = askingTimeMs(budgetMs);
  }

  get hasBegun(): boolean {
    return this.#sinceMs !== undefined;
  }

  begin(): void {
    this.#sinceMs ??= this.#clock.now().getTime();
  }

  /** Never nothing: a lock that is free is granted in no time. */
  leftMs(): number {
    const spentMs = this.#sinceMs === undefined ? 0 : this.#clock.now().getTime() - this.#sinceMs;
    return Math.max(1, Math.round(Math.max(this.#wholeMs / 10, this.#wholeMs - spentMs)));
  }
}
