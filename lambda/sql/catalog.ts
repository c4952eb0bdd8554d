/** What a statement's effects depend on, as the database's catalog has it: the relations concerned, and how they hang together. */
import { type Doomed, keyOf } from './effects/mentions';
import { type QualifiedName, shown, shownBriefly } from './names';

export type RelationKind =
  | 'table'
  | 'partitioned table'
  | 'index'
  | 'partitioned index'
  | 'sequence'
  | 'view'
  | 'materialized view'
  | 'foreign table'
  | 'composite type';

/** `schema` is always set. */
export interface CatalogName extends QualifiedName {
  readonly schema: string;
}

export interface CatalogRelation {
  readonly oid: number;
  readonly name: CatalogName;
  readonly kind: RelationKind;
  /** LOCK TABLE works on it for the current role. */
  readonly lockable: boolean;
  /** Partitions' or children's parents; for a partition, exactly one. */
  readonly parents: readonly number[];
  readonly isPartition: boolean;
  /** Of a partitioned table. */
  readonly defaultPartition: number | undefined;
  /** Pages on disk, as of the last VACUUM or ANALYZE. */
  readonly pages: number;
  readonly columns: readonly CatalogColumn[];
  readonly constraints: readonly CatalogConstraint[];
  /** Triggers of the application, as opposed to those that enforce foreign keys. */
  readonly hasTriggers: boolean;
  /** Rules other than a view's own. */
  readonly hasRules: boolean;
  /** Sequences that belong to a column. */
  readonly sequences: readonly { readonly oid: number; readonly column: string }[];
  /** For an index. */
  readonly index: CatalogIndex | undefined;
  /** Relations that a view or materialized view reads. */
  readonly reads: readonly number[];
  readonly isUnlogged: boolean;
  readonly accessMethod: string | undefined;
  readonly tablespace: string | undefined;
  /** The composite type that a typed table is of. */
  readonly ofType: number | undefined;
}

export interface CatalogColumn {
  readonly name: string;
  readonly type: number;
  readonly typmod: number;
  readonly collation: number;
  readonly notNull: boolean;
  /** As psql prints it, e.g. `character varying(42)`. */
  readonly typeName: string;
  readonly hasDefault: boolean;
  /** Its default gives each row a value of its own. */
  readonly isDefaultVolatile: boolean;
  readonly generated: 'stored' | 'virtual' | undefined;
  readonly identity: boolean;
}

export interface CatalogConstraint {
  readonly name: string;
  readonly kind: 'check' | 'foreign key' | 'primary key' | 'unique' | 'exclusion' | 'not null' | 'trigger';
  readonly validated: boolean;
  readonly columns: readonly string[];
  /** The table that a foreign key references. */
  readonly references: number | undefined;
  readonly referencedColumns: readonly string[];
  readonly index: number | undefined;
  /** Whether a write of the referenced row writes here too: CASCADE, SET NULL, SET DEFAULT. */
  readonly onDelete: 'check' | 'write' | undefined;
  readonly onUpdate: 'check' | 'write' | undefined;
  /** What becomes of the rows here when the row that they reference is deleted. */
  readonly deleteAction: ForeignKeyAction | undefined;
  /** Columns that a CHECK lets be NULL in no row. */
  readonly provesNotNull: readonly string[];
}

export type ForeignKeyAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';

export interface CatalogIndex {
  readonly table: number;
  /** Every column that it depends on, those of expressions, of the predicate and of INCLUDE among them. */
  readonly columns: readonly string[];
  /** What it is sorted by, in order: a column, or `undefined` for an expression. */
  readonly keys: readonly (string | undefined)[];
  readonly isPartial: boolean;
  /** `btree`, `gin`, … */
  readonly method: string;
  readonly isPrimary: boolean;
  readonly isUnique: boolean;
  readonly isValid: boolean;
  /** It indexes an expression, or has a predicate. */
  readonly isComputed: boolean;
}

export interface CatalogType {
  readonly oid: number;
  readonly name: CatalogName;
  readonly kind: 'base' | 'domain' | 'enum' | 'composite' | 'range' | 'pseudo';
  readonly array: number;
  readonly collation: number;
  /** Of a domain. */
  readonly base: number | undefined;
  readonly baseTypmod: number;
  /** A domain that refuses values: by NOT NULL or CHECK, its own or of a domain below it. */
  readonly isConstrained: boolean;
  readonly hasDefault: boolean;
  /** Types to which its values can be turned without touching their bytes. */
  readonly binaryTo: readonly number[];
  /** Tables with a column of this type, for a domain. */
  readonly users: readonly number[];
  /** Of an enum, in order. */
  readonly values: readonly string[];
}

/** What a DROP takes with it. */
export interface CatalogLoss {
  /** The key of the object that the statement names. */
  readonly of: string;
  readonly relation: number;
  /** `itself`: the relation goes; `part`: a column, constraint, trigger, rule or policy of it; `beside`: statistics or a publication's entry. */
  readonly what: 'itself' | 'part' | 'beside';
}

export type DependentKind =
  | 'view'
  | 'materialized view'
  | 'function'
  | 'trigger'
  | 'rule'
  | 'policy'
  | 'publication'
  | 'generated column'
  | 'default'
  | 'index'
  | 'constraint'
  | 'statistics'
  | 'sequence'
  | 'table';

/** An object that would not work, or not be, without a relation or column. */
export interface CatalogDependent {
  readonly kind: DependentKind;
  /** As people write it, e.g. `"Wallet_chainId_fkey" on "Wallet"`. */
  readonly name: string;
  /** `false`: the text of a function mentions the name, whatever it means there. */
  readonly certain: boolean;
  /** DROP takes it along without being told to CASCADE. */
  readonly goesAlong: boolean;
}

/** A dependent, with the relation or column that it depends on. */
export interface CatalogDependency extends CatalogDependent {
  /** What `name` is made of: the object's own name, and that of the table that it stands on. */
  readonly object: QualifiedName;
  readonly standsOn: CatalogName | undefined;
  readonly relation: number;
  /** `undefined`: the relation as a whole. */
  readonly column: string | undefined;
}

/** The rows of one reading; {@link Catalog} looks things up in them. */
export interface CatalogRows {
  readonly relations: readonly CatalogRelation[];
  readonly named: readonly { readonly mention: QualifiedName; readonly oid: number }[];
  readonly types: readonly CatalogType[];
  readonly namedTypes: readonly { readonly mention: QualifiedName; readonly oid: number }[];
  /** Functions that the statement calls, as far as they exist. */
  readonly functions: readonly CatalogFunction[];
  readonly losses: readonly CatalogLoss[];
  /** Asked for checks only. */
  readonly dependencies: readonly CatalogDependency[];
  /** Schemas in which names without one are looked for, in order. */
  readonly searchPath: readonly string[];
  /** Settings that decide whether a change of type rewrites. */
  readonly isTimeZoneUtc: boolean;
}

export interface CatalogFunction {
  readonly name: CatalogName;
  readonly isVolatile: boolean;
  /** Came with the server. */
  readonly isBuiltIn: boolean;
}

const key = ({ schema, name }: QualifiedName): string => JSON.stringify([schema, name]);

export class Catalog {
  readonly #rows: CatalogRows;
  readonly #relations: ReadonlyMap<number, CatalogRelation>;
  readonly #named: ReadonlyMap<string, number>;
  readonly #types: ReadonlyMap<number, CatalogType>;
  readonly #namedTypes: ReadonlyMap<string, number>;

  static readonly EMPTY = new Catalog({
    relations: [],
    named: [],
    types: [],
    namedTypes: [],
    functions: [],
    losses: [],
    dependencies: [],
    searchPath: ['pg_catalog', 'public'],
    isTimeZoneUtc: false,
  });

  constructor(rows: CatalogRows) {
    this.#rows = rows;
    this.#relations = new Map(rows.relations.map((relation) => [relation.oid, relation]));
    this.#named = new Map(rows.named.map(({ mention, oid }) => [key(mention), oid]));
    this.#types = new Map(rows.types.map((type) => [type.oid, type]));
    this.#namedTypes = new Map(rows.namedTypes.map(({ mention, oid }) => [key(mention), oid]));
  }

  get rows(): CatalogRows {
    return this.#rows;
  }

  /** By a name as the statement writes it: without a schema, as `search_path` finds it. */
  find(name: QualifiedName): CatalogRelation | undefined {
    const oid = this.#named.get(key(name));
    return oid === undefined ? undefined : this.#relations.get(oid);
  }

  get(oid: number): CatalogRelation | undefined {
    return this.#relations.get(oid);
  }

  findType(name: QualifiedName): CatalogType | undefined {
    const oid = this.#namedTypes.get(key(name));
    return oid === undefined ? undefined : this.#types.get(oid);
  }

  type(oid: number): CatalogType | undefined {
    return this.#types.get(oid);
  }

  /** The domain, and domains that rest on it. */
  domainsOn(domain: CatalogType): readonly CatalogType[] {
    const above = this.rows.types.filter(({ kind, base }) => kind === 'domain' && base === domain.oid);
    return [domain, ...above.flatMap((other) => this.domainsOn(other))];
  }

  /** All that its name and any arguments may stand for. */
  functionsNamed({ schema, name }: QualifiedName): readonly CatalogFunction[] {
    return this.rows.functions.filter(
      ({ name: known }) => known.name === name && (schema === undefined || known.schema === schema),
    );
  }

  /** The relation, then partitions and inheritance children to any depth. */
  family(relation: CatalogRelation): readonly CatalogRelation[] {
    const found = new Map([[relation.oid, relation]]);
    for (const member of found.values()) {
      for (const child of this.rows.relations.filter(({ parents }) => parents.includes(member.oid))) {
        found.set(child.oid, child);
      }
    }
    return [...found.values()];
  }

  indexesOf(table: CatalogRelation): readonly CatalogRelation[] {
    return this.rows.relations.filter(({ index }) => index?.table === table.oid);
  }

  /** What depends on the relation or any part of it, or on one column; in the order of kind and name. */
  dependentsOf(relation: CatalogRelation, column?: string): readonly CatalogDependent[] {
    return dependentsIn(
      this.rows.dependencies.filter((dependency) => dependency.relation === relation.oid),
      column,
    );
  }

  /** What goes with these objects. */
  lossesOf(doomed: readonly Doomed[]): readonly CatalogLoss[] {
    const keys = doomed.map(keyOf);
    return this.rows.losses.filter((loss) => keys.includes(loss.of));
  }

  /** Foreign keys of other tables, or its own, that reference the table. */
  referencesTo(
    table: CatalogRelation,
  ): readonly { readonly from: CatalogRelation; readonly constraint: CatalogConstraint }[] {
    return this.rows.relations.flatMap((from) =>
      from.constraints
        .filter(({ references }) => references === table.oid)
        .map((constraint) => ({ from, constraint })),
    );
  }
}

/** Each once, however many columns it depends on, and taken along wherever one of its dependencies says so: as DROP does it. */
export function dependentsIn(
  dependencies: readonly CatalogDependency[],
  column: string | undefined,
): readonly CatalogDependent[] {
  const found = new Map<string, CatalogDependent>();
  for (const { kind, name, certain, goesAlong, column: on } of dependencies) {
    if (column !== undefined && on !== column) continue;
    const key = `${kind} ${name}`;
    const known = found.get(key);
    found.set(key, {
      kind,
      name,
      certain: certain || known?.certain === true,
      goesAlong: goesAlong || known?.goesAlong === true,
    });
  }
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, dependent]) => dependent);
}

/** @param standsOn the table that the object is a part of. */
export const shownDependent = (object: QualifiedName, standsOn: CatalogName | undefined): string =>
  standsOn === undefined ? shownBriefly(object) : `${shown(object.name)} on ${shownBriefly(standsOn)}`;
