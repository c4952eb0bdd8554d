/** What the benchmark and its processes say to each other. */
import type { CaseName } from './cases';
import type { LoadOptions } from './load';
import type { Sample, Window } from './score';

export const RUNNERS = ['prisma', 'dbmate', 'lock-timeout-retry', 'godwit', 'plain-client'] as const;
export type RunnerName = (typeof RUNNERS)[number];

export interface RunRequest {
  readonly runner: RunnerName;
  readonly case: CaseName;
  readonly url: string;
  /** For files that it needs; somebody else removes it. */
  readonly scratch: string;
  /** Of Godwit's installation, for what is loaded from packages. */
  readonly projectRoot: string;
}

/** `refused`: it gave up, and said so. */
export interface Ran extends Window {
  readonly outcome: 'applied' | 'refused';
  readonly message: string;
}

export type ToChild =
  | { readonly type: 'load'; readonly options: LoadOptions }
  | { readonly type: 'look' }
  | { readonly type: 'stop' }
  | { readonly type: 'prepare'; readonly request: RunRequest }
  | { readonly type: 'run' };

export type FromChild =
  | { readonly type: 'ready' }
  | { readonly type: 'loading' }
  | { readonly type: 'samples'; readonly samples: readonly Sample[] }
  | { readonly type: 'prepared' }
  | { readonly type: 'ran'; readonly ran: Ran }
  | { readonly type: 'failed'; readonly reason: string };
