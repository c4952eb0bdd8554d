/** Counts answers and waits; constant memory, whatever the run's length. */
import type { ApplicationStats } from './messages';

const GROWTH = Math.log(1.02);
const SMALLEST_MS = 0.01;
const MOST_ERROR_KINDS = 5;
const RATE_OVER_MS = 1000;

/** Latencies in buckets that grow by 2 %: a percentile is right to that much. */
export class LatencyHistogram {
  readonly #buckets: number[] = [];
  #count = 0;

  add(ms: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log(ms / SMALLEST_MS) / GROWTH));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** The upper edge of the bucket in which that share of the latencies is reached; 0 while there are none. */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#count * share));
    let seen = 0;
    for (const [bucket, count = 0] of this.#buckets.entries()) {
      seen += count;
      if (seen >= wanted) return SMALLEST_MS * Math.exp(bucket * GROWTH);
    }
    return 0;
  }
}

export class Statistics {
  readonly #latencies = new LatencyHistogram();
  readonly #errorKinds = new Map<string, number>();
  /** When each waiting request was due, in that order: a Map keeps it. */
  readonly #waiting = new Map<number, number>();
  readonly #answeredAt: number[] = [];
  #nextTicket = 0;
  #requests = 0;
  #errors = 0;
  #worstMs = 0;
  #worstMsWindow = 0;

  get inFlight(): number {
    return this.#waiting.size;
  }

  /** Answers a ticket to hand in with the answer. */
  scheduled(dueAt: number): number {
    this.#nextTicket += 1;
    this.#waiting.set(this.#nextTicket, dueAt);
    return this.#nextTicket;
  }

  answered(ticket: number, now: number, error?: string): void {
    const dueAt = this.#waiting.get(ticket);
    if (dueAt === undefined) return;
    this.#waiting.delete(ticket);
    const latency = Math.max(0, now - dueAt);
    this.#requests += 1;
    this.#answeredAt.push(now);
    this.#latencies.add(latency);
    this.#waited(latency);
    if (error !== undefined) this.#failed(error);
  }

  mark(): void {
    this.#worstMsWindow = 0;
  }

  snapshot(now: number): ApplicationStats {
    const oldest = this.#waiting.values().next().value;
    if (oldest !== undefined) this.#waited(now - oldest);
    return {
      requests: this.#requests,
      errors: this.#errors,
      errorSamples: Array.from(this.#errorKinds, ([message, count]) => ({ message, count })),
      worstMs: this.#worstMs,
      worstMsWindow: this.#worstMsWindow,
      p99: this.#latencies.percentile(0.99),
      inFlight: this.#waiting.size,
      requestsPerSecond: this.#answeredInLastSecond(now),
    };
  }

  #waited(ms: number): void {
    this.#worstMs = Math.max(this.#worstMs, ms);
    this.#worstMsWindow = Math.max(this.#worstMsWindow, ms);
  }

  #failed(error: string): void {
    this.#errors += 1;
    const known = this.#errorKinds.get(error);
    if (known !== undefined || this.#errorKinds.size < MOST_ERROR_KINDS) {
      this.#errorKinds.set(error, (known ?? 0) + 1);
    }
  }

  #answeredInLastSecond(now: number): number {
    const first = this.#answeredAt.findIndex((at) => at > now - RATE_OVER_MS);
    this.#answeredAt.splice(0, first === -1 ? this.#answeredAt.length : first);
    return this.#answeredAt.length;
  }
}
