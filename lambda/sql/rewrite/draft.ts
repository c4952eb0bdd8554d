/** What the rewriting of one statement answers, and what it may know to do so. */
import type { Catalog, CatalogRelation } from '../catalog';
import type { Names } from './names';
import type { Unit } from './units';

/**
 * `expand`: before the application's new release; `switch`: that release is there, and the old form is kept for the way
 * back; `contract`: nobody needs the old form any more.
 */
export type Stage = 'expand' | 'switch' | 'contract';

export const STAGES: readonly Stage[] = ['expand', 'switch', 'contract'];

/**
 * How statements hang together. `apart`: each in a transaction of its own, so that no lock outlasts its statement;
 * `together`: all in one; `either`: as the file's other statements need it.
 */
export type Bond = 'apart' | 'together' | 'either';

export interface Group {
  readonly stage: Stage;
  readonly bond: Bond;
  /** In order; each with comments of its own above it. */
  readonly statements: readonly string[];
}

export interface Rewritten {
  readonly groups: readonly Group[];
  readonly rule: string;
  readonly reason: string;
  /** Later units that name one of these have to wait for that stage. */
  readonly waitFor?: { readonly names: readonly string[]; readonly stage: Stage };
}

export type Answer =
  | Rewritten
  | { readonly refused: string }
  /** It is done where that later unit stands. */
  | { readonly joins: Unit }
  | undefined;

export interface Situation {
  /** Before the unit. */
  readonly catalog: Catalog;
  /** Units of the script before and behind it. */
  readonly before: readonly Unit[];
  readonly rest: readonly Unit[];
  /** Earlier units that are to be done with this one. */
  readonly joined: readonly Unit[];
  readonly names: Names;
  /** Made by this migration: empty, and used by nobody. */
  isNew(relation: CatalogRelation): boolean;
}

/** Asked of each unit in turn; the first that answers is taken. */
export type Rewriter = (unit: Unit, situation: Situation) => Answer | Promise<Answer>;

const inStage =
  (stage: Stage) =>
  (bond: Bond, statements: readonly string[]): Group => ({ stage, bond, statements });

export const expanding = inStage('expand');
export const switching = inStage('switch');
export const contracting = inStage('contract');
