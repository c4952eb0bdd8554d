/**
 * Decides from who holds a lock whether to ask for it now: whoever asks and has to wait makes everybody behind him wait.
 *
 * Not while one transaction holds on; where holders come and go, when those of this moment, going by how long such
 * transactions have lasted, will be gone within the time that asking may take.
 */

export interface Holding {
  readonly session: number;
  /** Names the transaction, not the session: a pool's next request is another. */
  readonly transaction: string;
  readonly ageMs: number;
}

/** Most transactions of an application are over before one could look again. */
const YOUNG_MS = 20;
/** Enough ends seen to believe in them. */
const KNOWN = 3;
const LIKELY = 0.7;
const isLikely = (chance: number | undefined): boolean => chance !== undefined && chance >= LIKELY;
/** Looks further apart than this leave it open when a transaction ended. */
const BLIND_MS = 100;
const MOST_REMEMBERED = 500;
const FIRST_GUESS_AFTER_MS = 1_000;
const LONGEST_GUESS_AFTER_MS = 16_000;

interface Seen {
  readonly session: number;
  readonly firstAgeMs: number;
  readonly lastAgeMs: number;
  readonly lastSeenMs: number;
}

/** How old a transaction was when it was first seen, and at most when it ended. */
interface Ended {
  readonly session: number;
  readonly entryMs: number;
  readonly endMs: number;
}

interface Moment {
  readonly atMs: number;
  readonly transactions: ReadonlySet<string>;
}

export class QueueRule {
  /** How long a request may stay in the queue. */
  readonly #queueMs: number;
  readonly #open = new Map<string, Seen>();
  readonly #endedAt = new Map<string, number>();
  #ended: readonly Ended[] = [];
  #moments: readonly Moment[] = [];
  #waits: readonly number[] = [];
  #lastLookMs: number | undefined;
  #guessAfterMs = FIRST_GUESS_AFTER_MS;
  #nextGuessMs: number | undefined;

  constructor(queueMs: number) {
    this.#queueMs = queueMs;
  }

  /** `atMs`: on any clock that only goes forward. */
  look(atMs: number, holdings: readonly Holding[]): 'ask' | 'wait' {
    this.#learn(atMs, holdings);
    this.#nextGuessMs ??= atMs + this.#guessAfterMs;
    const chances = holdings.map((holding) => this.#chanceToEndInTime(holding));
    if (chances.every(isLikely)) return 'ask';
    const oldestMs = Math.max(...holdings.map(({ ageMs }) => ageMs));
    // They come and go, and of some nothing is known: a guess now and then, less and less often.
    const mayGuess = chances.every((chance) => chance === undefined || isLikely(chance));
    if (!mayGuess || oldestMs > 2 * this.#queueMs || atMs < this.#nextGuessMs) return 'wait';
    this.#guessAfterMs = Math.min(2 * this.#guessAfterMs, LONGEST_GUESS_AFTER_MS);
    this.#nextGuessMs = atMs + this.#guessAfterMs;
    return 'ask';
  }

  /**
   * How long asking would have had to wait at the better moments that were seen (the tenth part of them), in ms;
   * undefined where nobody who was seen has ended.
   */
  shortWaitMs(): number | undefined {
    const sorted = [...this.#waits].sort((one, other) => one - other);
    return sorted[Math.floor(sorted.length / 10)];
  }

  /** Undefined where too few like it were seen. */
  #chanceToEndInTime({ session, ageMs }: Holding): number | undefined {
    // Only those that were seen at this age, or before, tell how it goes on from there: short ones mostly go unseen.
    const likeIt = this.#ended.filter(({ entryMs, endMs }) => entryMs <= ageMs && endMs > ageMs);
    const ofSession = likeIt.filter((ended) => ended.session === session);
    const known = ofSession.length >= KNOWN ? ofSession : likeIt;
    const isYoung = ageMs <= YOUNG_MS;
    if (known.length === 0) return isYoung ? 1 : undefined;
    if (known.length < KNOWN && !isYoung) return undefined;
    return known.filter(({ endMs }) => endMs <= ageMs + this.#queueMs).length / known.length;
  }

  #learn(atMs: number, holdings: readonly Holding[]): void {
    const wasBlind = this.#lastLookMs !== undefined && atMs - this.#lastLookMs > BLIND_MS;
    this.#lastLookMs = atMs;
    const present = new Set(holdings.map(({ transaction }) => transaction));
    for (const [transaction, seen] of this.#open) {
      if (present.has(transaction)) continue;
      this.#open.delete(transaction);
      if (wasBlind) continue;
      this.#endedAt.set(transaction, atMs);
      const end = {
        session: seen.session,
        entryMs: seen.firstAgeMs,
        endMs: seen.lastAgeMs + atMs - seen.lastSeenMs,
      };
      this.#ended = [...this.#ended, end].slice(-MOST_REMEMBERED);
    }
    for (const { session, transaction, ageMs } of holdings) {
      const firstAgeMs = this.#open.get(transaction)?.firstAgeMs ?? ageMs;
      this.#open.set(transaction, { session, firstAgeMs, lastAgeMs: ageMs, lastSeenMs: atMs });
    }
    this.#measureWaits(atMs, present);
  }

  /** A moment's wait is known when the last of its holders is gone. */
  #measureWaits(atMs: number, present: ReadonlySet<string>): void {
    const unsettled: Moment[] = [];
    for (const moment of [...this.#moments, { atMs, transactions: present }]) {
      const names = [...moment.transactions];
      if (names.some((name) => this.#open.has(name))) unsettled.push(moment);
      const ends = names.flatMap((name) => this.#endedAt.get(name) ?? []);
      if (names.length > 0 && ends.length === names.length) {
        this.#waits = [...this.#waits, Math.max(...ends) - moment.atMs].slice(-MOST_REMEMBERED);
      }
    }
    this.#moments = unsettled.slice(-MOST_REMEMBERED);
    const needed = new Set(this.#moments.flatMap(({ transactions }) => [...transactions]));
    for (const name of this.#endedAt.keys()) if (!needed.has(name)) this.#endedAt.delete(name);
  }
}
