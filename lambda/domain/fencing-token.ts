/** What a lease hands to its holder, so that whatever is worked on can tell who came later. */

export interface FencingToken {
  /**
   * Names the line of leases that counted it, and is new with every lease that begins at one: in another journal, or
   * where the old lease was deleted. Numbers of two lines say nothing about each other.
   */
  readonly realm: string;
  /** Grows with every change of hands. */
  readonly number: number;
}
