/** What a rehearsal measured of its migrations beyond the time that they took. */

/** What a statement cost the clone. */
export interface StatementCost {
  /** Spent on looking at it, and no part of its time. */
  readonly observedMs: number;
  readonly walBytes: number;
  /** Of the database's files; within a transaction what is replaced is not given back yet. */
  readonly grownBytes: number;
  /** Of the database as a whole, when the statement was done. */
  readonly databaseBytes: number;
}

/** How the server did otherwise than was foretold from the statement and the catalog. */
export interface Unforeseen {
  /** `no-…`: foretold, and not seen. */
  readonly what: 'lock' | 'no-lock' | 'rewrite' | 'no-rewrite';
  readonly relation: string;
  /** Of a lock. */
  readonly mode?: string;
  /** The mode that was foretold; absent where none was. */
  readonly foretold?: string;
  /** The statement runs code that its text does not show, of which nothing can be foretold. */
  readonly isHidden: boolean;
}

export interface DiskUse {
  readonly walBytes: number;
  /** By which the database is larger afterwards; negative where it is smaller. */
  readonly grownBytes: number;
  /** By which it was larger at most while the migrations ran. */
  readonly peakBytes: number;
  /** Written into temporary files, as sorts do; absent where the server does not tell. */
  readonly temporaryBytes?: number;
}

/** How much of what the migrations read had been read on the clone before: a restored volume is slow at the first touch. */
export interface Warmth {
  readonly state: 'warm' | 'partly' | 'cold';
  /** Tables that were not read before. */
  readonly unread: readonly string[];
  /** What the migrations waited for storage nevertheless; absent where the server does not tell. */
  readonly readMs?: number;
}

/** How the plan of a watched query changed. */
export interface PlanChange {
  /** Relative to the Prisma folder, e.g. `watched/portfolio_totals.sql`. */
  readonly file: string;
  readonly verdict: 'same' | 'better' | 'worse' | 'worse-until-analyze' | 'fails' | 'unclear';
  /** The planner's estimate in its own unit, of which reading a page in sequence costs 1. */
  readonly costBefore?: number;
  readonly costAfter?: number;
  /** The node that made it so, or why there is no plan. */
  readonly reason: string;
  /** Of which statistics would help, as SQL writes them. */
  readonly tables?: readonly string[];
}
