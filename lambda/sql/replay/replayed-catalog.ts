/** The catalog as a history leaves it, statement by statement, without a database. */
import { Catalog } from '../catalog';
import type { SqlStatement } from '../parse';
import { goneWith, remove } from './gone';
import { LivingCatalog } from './living-catalog';
import { followSearchPath } from './search-path';
import { stateOf } from './start';
import type { ReplayedState } from './state';
import { applyTo, unclearIn } from './statements';
import { whole } from './things';

export interface UnclearStatement {
  readonly line: number;
  readonly reason: string;
}

export class ReplayedCatalog {
  /** As it is now: once more is applied, the same object tells of that. A {@link copy} keeps what was. */
  readonly catalog: Catalog;
  readonly #start: Catalog;
  readonly #state: ReplayedState;
  readonly #unclear: UnclearStatement[];

  private constructor(state: ReplayedState, start: Catalog, unclear: readonly UnclearStatement[]) {
    this.#state = state;
    this.#start = start;
    this.#unclear = [...unclear];
    this.catalog = new LivingCatalog(state, start);
  }

  /** Empty, or begun with what `readCatalog` found for the checks of all statements to come. */
  static from(start: Catalog = Catalog.EMPTY): ReplayedCatalog {
    return new ReplayedCatalog(stateOf(start), start, []);
  }

  /** What is applied to either, the other does not see. */
  copy(): ReplayedCatalog {
    return new ReplayedCatalog(this.#state.copy(), this.#start, this.#unclear);
  }

  /** Statements whose outcome could not be followed: what they may have made is unknown. */
  get unclear(): readonly UnclearStatement[] {
    return this.#unclear;
  }

  /** Whatever is made from now on has a higher number. */
  get lastOid(): number {
    return this.#state.lastOid;
  }

  /** What it does not understand it leaves as it is. */
  apply(statement: SqlStatement): void {
    const reason = unclearIn(statement, this.#state);
    if (reason !== undefined) this.#unclear.push({ line: statement.line, reason });
    followSearchPath(statement.node, this.#start.rows.searchPath, this.#state);
    applyTo(statement, this.#state);
  }

  /** The next migration runs in a session without the settings and temporary tables of this one. */
  endMigration(): void {
    this.#state.searchPath = this.#start.rows.searchPath;
    const gone = goneWith(
      this.#state.temporary().map(({ oid }) => whole(oid)),
      this.#state,
    );
    remove(gone, this.#state);
  }
}
