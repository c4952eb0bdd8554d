/** What a replayed catalog is made of: the objects of a database, and which of them depends on which. */
import type {
  CatalogColumn,
  CatalogConstraint,
  CatalogIndex,
  CatalogType,
  ForeignKeyAction,
  RelationKind,
} from '../catalog';

/** Columns go by numbers here, which outlast their names, as in Postgres. */
export interface ReplayedColumn {
  readonly number: number;
  readonly name: string;
  readonly type: number;
  readonly typmod: number;
  readonly collation: number;
  readonly notNull: boolean;
  readonly generated: CatalogColumn['generated'];
  readonly identity: boolean;
}

export interface ReplayedIndex extends Omit<CatalogIndex, 'columns' | 'keys'> {
  readonly columns: readonly number[];
  readonly keys: readonly (number | undefined)[];
  readonly included: readonly number[];
  /** What stands for each key in the name of an index like it. */
  readonly labels: readonly string[];
}

export interface ReplayedRelation {
  readonly class: 'relation';
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  readonly columns: readonly ReplayedColumn[];
  /** The highest number that a column ever had. */
  readonly lastColumn: number;
  readonly parents: readonly number[];
  readonly isPartition: boolean;
  readonly defaultPartition: number | undefined;
  readonly lockable: boolean;
  readonly pages: number;
  readonly index: ReplayedIndex | undefined;
  readonly isUnlogged: boolean;
  readonly accessMethod: string | undefined;
  readonly tablespace: string | undefined;
  readonly ofType: number | undefined;
}

export interface ReplayedConstraint {
  readonly class: 'constraint';
  readonly oid: number;
  readonly table: number;
  readonly name: string;
  readonly kind: CatalogConstraint['kind'];
  readonly validated: boolean;
  readonly isEnforced: boolean;
  readonly columns: readonly number[];
  readonly references: number | undefined;
  readonly referencedColumns: readonly number[];
  readonly index: number | undefined;
  readonly deleteAction: ForeignKeyAction | undefined;
  readonly updateAction: ForeignKeyAction | undefined;
  /** Columns that it lets be NULL in no row, once it is validated. */
  readonly notNullColumns: readonly number[];
}

export interface ReplayedDefault {
  readonly class: 'default';
  readonly oid: number;
  readonly table: number;
  readonly column: number;
  readonly isVolatile: boolean;
  readonly isGenerated: boolean;
}

/** What stands on a table, and goes with it. */
export interface ReplayedPart {
  readonly class: 'trigger' | 'rule' | 'policy' | 'publication entry';
  readonly oid: number;
  readonly table: number;
  readonly name: string;
}

export interface ReplayedStatistics {
  readonly class: 'statistics';
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly table: number;
}

export interface ReplayedType {
  readonly class: 'type';
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: CatalogType['kind'];
  readonly array: number;
  /** Of an array, the type of its elements. */
  readonly element: number | undefined;
  readonly collation: number;
  readonly base: number | undefined;
  readonly baseTypmod: number;
  readonly notNull: boolean;
  /** Names of a domain's CHECK constraints. */
  readonly checks: readonly string[];
  readonly hasDefault: boolean;
  readonly binaryTo: readonly number[];
  readonly values: readonly string[];
}

export interface ReplayedFunction {
  readonly class: 'function';
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** Types of its arguments, as oids: what tells it from others of its name. */
  readonly arguments: readonly number[];
  readonly isVolatile: boolean;
  /** Words of a body that Postgres does not look into before it runs. */
  readonly words: ReadonlySet<string> | undefined;
}

export interface ReplayedPublication {
  readonly class: 'publication';
  readonly oid: number;
  readonly name: string;
  readonly isForAllTables: boolean;
  readonly schemas: readonly string[];
}

export type Thing =
  | ReplayedRelation
  | ReplayedConstraint
  | ReplayedDefault
  | ReplayedPart
  | ReplayedStatistics
  | ReplayedType
  | ReplayedFunction
  | ReplayedPublication;

/** An object, or with a column's number a part of a relation. */
export interface Address {
  readonly oid: number;
  readonly column: number;
}

/** As in `pg_depend`: `of` needs `on`. */
export interface Dependency {
  readonly of: Address;
  readonly on: Address;
  /**
   * `normal`: DROP refuses without CASCADE; `auto`: it takes `of` along; `internal`: `of` is a part of `on`;
   * `mention`: the text of `of` has the name of `on` in it, of which DROP knows nothing.
   */
  readonly strength: 'normal' | 'auto' | 'internal' | 'mention';
}

/** Of the others, names of columns serve to find out what depends on them. */
export const HAS_COLUMNS: readonly RelationKind[] = [
  'table',
  'partitioned table',
  'foreign table',
  'composite type',
];

/** The whole of an object. */
export const ALL = 0;

export const whole = (oid: number): Address => ({ oid, column: ALL });
