/** What the application's process and its parent say to each other. */

export interface ApplicationStats {
  /** Answered, with success or an error. */
  readonly requests: number;
  readonly errors: number;
  /** The first message of each kind of error with its count. */
  readonly errorSamples: readonly { readonly message: string; readonly count: number }[];
  /** Longest wait of any request so far, those still waiting included. */
  readonly worstMs: number;
  /** The same since the last mark; a request that was waiting at the mark counts in full. */
  readonly worstMsWindow: number;
  /** 99th percentile of the latency of answered requests, in ms. */
  readonly p99: number;
  readonly inFlight: number;
  /** Answered in the last second. */
  readonly requestsPerSecond: number;
}

export type ToApplication =
  | {
      readonly type: 'start';
      readonly url: string;
      readonly ratePerSecond: number;
      readonly poolSize: number;
      readonly seed: number;
    }
  | { readonly type: 'mark' }
  | { readonly type: 'stop' };

export type FromApplication =
  | { readonly type: 'ready' }
  | { readonly type: 'started' }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'stats'; readonly stats: ApplicationStats }
  | { readonly type: 'stopped'; readonly stats: ApplicationStats };
