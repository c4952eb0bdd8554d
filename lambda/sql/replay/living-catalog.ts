/** A {@link Catalog} over a replayed state: it always tells what the state is at the moment of asking. */
import {
  Catalog,
  type CatalogConstraint,
  type CatalogDependent,
  type CatalogFunction,
  type CatalogLoss,
  type CatalogRelation,
  type CatalogRows,
  type CatalogType,
  dependentsIn,
  type ForeignKeyAction,
} from '../catalog';
import { type Doomed, keyOf } from '../effects/mentions';
import type { QualifiedName } from '../names';
import { BUILT_IN_TYPES } from './built-ins';
import { dependenciesOn } from './dependents';
import { goneWith, lossesIn, named } from './gone';
import type { ReplayedState } from './state';
import { HAS_COLUMNS, type ReplayedConstraint, type ReplayedRelation, type ReplayedType } from './things';
import { typeNameOf } from './types';

const isPresent = <T>(value: T | undefined): value is T => value !== undefined;

export class LivingCatalog extends Catalog {
  readonly #state: ReplayedState;
  readonly #start: Catalog;
  readonly #rendered = new Map<number, CatalogRelation>();
  #all: readonly CatalogRelation[] | undefined;

  constructor(state: ReplayedState, start: Catalog) {
    super(Catalog.EMPTY.rows);
    this.#state = state;
    this.#start = start;
    state.listen((oid) => this.#forget(oid));
  }

  /** A relation shows names of columns of the tables that it references, and of its type's. */
  #forget(oid: number): void {
    const thing = this.#state.thing(oid);
    this.#all = undefined;
    this.#rendered.delete(oid);
    if (thing === undefined) return;
    if (thing.class === 'type') {
      this.#rendered.clear();
      return;
    }
    if ('table' in thing) this.#rendered.delete(thing.table);
    for (const index of this.#state.indexes(oid)) this.#rendered.delete(index.oid);
    for (const { of } of this.#state.dependents({ oid, column: 0 })) {
      const dependent = this.#state.thing(of.oid);
      if (dependent !== undefined && 'table' in dependent) this.#rendered.delete(dependent.table);
      else this.#rendered.delete(of.oid);
    }
  }

  override get rows(): CatalogRows {
    const catalog = this;
    const start = this.#start.rows;
    return {
      get relations() {
        return catalog.#relations();
      },
      named: [],
      get types() {
        return [...BUILT_IN_TYPES.values(), ...catalog.#own('type')].map((type) => catalog.#renderType(type));
      },
      namedTypes: [],
      get functions() {
        return catalog.#own('function').map(({ schema, name, isVolatile }) => ({
          name: { schema, name },
          isVolatile,
          isBuiltIn: false,
        }));
      },
      losses: [],
      get dependencies() {
        return catalog.#own('relation').flatMap((relation) => dependenciesOn(relation, catalog.#state));
      },
      searchPath: this.#state.searchPath,
      isTimeZoneUtc: start.isTimeZoneUtc,
    };
  }

  #own<Class extends 'type' | 'function' | 'relation'>(space: Class) {
    return this.#state.ofClass(space);
  }

  #relations(): readonly CatalogRelation[] {
    this.#all ??= this.#own('relation').map((relation) => this.#render(relation));
    return this.#all;
  }

  override find(name: QualifiedName): CatalogRelation | undefined {
    const relation = this.#state.find('relation', name);
    return relation === undefined ? undefined : this.#render(relation);
  }

  override get(oid: number): CatalogRelation | undefined {
    const relation = this.#state.relation(oid);
    return relation === undefined ? undefined : this.#render(relation);
  }

  override findType(name: QualifiedName): CatalogType | undefined {
    const type = this.#state.findType(name);
    return type === undefined ? undefined : this.#renderType(type);
  }

  override type(oid: number): CatalogType | undefined {
    const type = this.#state.type(oid);
    return type === undefined ? undefined : this.#renderType(type);
  }

  override domainsOn(domain: CatalogType): readonly CatalogType[] {
    const above = this.#state
      .dependents({ oid: domain.oid, column: 0 })
      .map(({ of }) => this.type(of.oid))
      .filter(isPresent)
      .filter(({ kind, base }) => kind === 'domain' && base === domain.oid);
    return [domain, ...above.flatMap((other) => this.domainsOn(other))];
  }

  override functionsNamed(name: QualifiedName): readonly CatalogFunction[] {
    return this.#state.functionsNamed(name);
  }

  override family(relation: CatalogRelation): readonly CatalogRelation[] {
    const found = this.#state.relation(relation.oid);
    return found === undefined ? [relation] : this.#state.family(found).map((member) => this.#render(member));
  }

  override indexesOf(table: CatalogRelation): readonly CatalogRelation[] {
    return this.#state.indexes(table.oid).map((index) => this.#render(index));
  }

  override referencesTo(
    table: CatalogRelation,
  ): readonly { readonly from: CatalogRelation; readonly constraint: CatalogConstraint }[] {
    const froms = this.#state.dependents({ oid: table.oid, column: 0 }).flatMap(({ of }) => {
      const thing = this.#state.thing(of.oid);
      return thing?.class === 'constraint' && thing.references === table.oid ? [thing.table] : [];
    });
    return [...new Set(froms)].flatMap((oid) => {
      const from = this.get(oid);
      return (from?.constraints ?? [])
        .filter(({ references }) => references === table.oid)
        .flatMap((constraint) => (from === undefined ? [] : [{ from, constraint }]));
    });
  }

  override dependentsOf(relation: CatalogRelation, column?: string): readonly CatalogDependent[] {
    const found = this.#state.relation(relation.oid);
    return found === undefined ? [] : dependentsIn(dependenciesOn(found, this.#state), column);
  }

  /** With what the database itself told of these objects, as far as it is still there. */
  override lossesOf(doomed: readonly Doomed[]): readonly CatalogLoss[] {
    const told = this.#start
      .lossesOf(doomed)
      .filter(({ relation }) => this.#state.relation(relation) !== undefined);
    const followed = doomed.flatMap((object) => {
      const seeds = named(object, this.#state);
      const gone = goneWith(seeds, this.#state);
      return lossesIn(gone, this.#state).map((loss) => ({ of: keyOf(object), ...loss }));
    });
    return [...followed, ...told];
  }

  #render(relation: ReplayedRelation): CatalogRelation {
    const known = this.#rendered.get(relation.oid);
    if (known !== undefined) return known;
    const rendered = renderRelation(relation, this.#state);
    this.#rendered.set(relation.oid, rendered);
    return rendered;
  }

  #renderType(type: ReplayedType): CatalogType {
    const { oid, schema, name, kind, array, collation, base, baseTypmod, hasDefault, binaryTo, values } =
      type;
    return {
      oid,
      name: { schema, name },
      kind,
      array,
      collation,
      base,
      baseTypmod,
      isConstrained: kind === 'domain' && (type.notNull || type.checks.length > 0),
      hasDefault,
      binaryTo,
      users: kind === 'domain' ? this.#users(type) : [],
      values,
    };
  }

  #users({ oid }: ReplayedType): readonly number[] {
    const users = this.#state.dependents({ oid, column: 0 }).map(({ of }) => of.oid);
    return [...new Set(users.filter((user) => this.#state.relation(user) !== undefined))];
  }
}

function renderRelation(relation: ReplayedRelation, state: ReplayedState): CatalogRelation {
  const { oid, schema, name, kind } = relation;
  const defaults = state.partsOf(oid, 'default');
  return {
    oid,
    name: { schema, name },
    kind,
    lockable: relation.lockable,
    parents: relation.parents,
    isPartition: relation.isPartition,
    defaultPartition: relation.defaultPartition,
    pages: relation.pages,
    columns: HAS_COLUMNS.includes(kind)
      ? relation.columns.map((column) => {
          const { type, typmod, collation, notNull, generated, identity } = column;
          const found = defaults.find((each) => each.column === column.number);
          return {
            name: column.name,
            type,
            typmod,
            collation,
            notNull,
            typeName: typeNameOf(column, state),
            hasDefault: found !== undefined,
            isDefaultVolatile: found?.isVolatile === true,
            generated,
            identity,
          };
        })
      : [],
    constraints: state.constraints(oid).map((constraint) => renderConstraint(constraint, relation, state)),
    hasTriggers: state.partsOf(oid, 'trigger').length > 0,
    hasRules: ['view', 'materialized view'].includes(kind) || state.partsOf(oid, 'rule').length > 0,
    sequences: sequencesOf(relation, state),
    index: renderIndex(relation, state),
    reads: readsOf(relation, state),
    isUnlogged: relation.isUnlogged,
    accessMethod: relation.accessMethod,
    tablespace: relation.tablespace,
    ofType: relation.ofType,
  };
}

const namesOf = (numbers: readonly number[], table: ReplayedRelation | undefined): readonly string[] =>
  numbers.flatMap((number) => nameOf(number, table) ?? []);

const nameOf = (number: number, table: ReplayedRelation | undefined): string | undefined =>
  table?.columns.find((column) => column.number === number)?.name;

function renderConstraint(
  constraint: ReplayedConstraint,
  table: ReplayedRelation,
  state: ReplayedState,
): CatalogConstraint {
  const { name, kind, validated, columns, references, referencedColumns, index } = constraint;
  return {
    name,
    kind,
    validated,
    columns: namesOf(columns, table),
    references,
    referencedColumns: namesOf(referencedColumns, state.relation(references)),
    index,
    onDelete: actionOf(constraint.deleteAction),
    onUpdate: actionOf(constraint.updateAction),
    deleteAction: constraint.deleteAction,
    provesNotNull: validated ? namesOf(constraint.notNullColumns, table) : [],
  };
}

const actionOf = (action: ForeignKeyAction | undefined): 'check' | 'write' | undefined =>
  action === undefined ? undefined : ['no action', 'restrict'].includes(action) ? 'check' : 'write';

function renderIndex({ index }: ReplayedRelation, state: ReplayedState): CatalogRelation['index'] {
  if (index === undefined) return undefined;
  const table = state.relation(index.table);
  const { included: _, labels: __, ...same } = index;
  return {
    ...same,
    columns: namesOf(index.columns, table),
    keys: index.keys.map((key) => (key === undefined ? undefined : nameOf(key, table))),
  };
}

function sequencesOf(table: ReplayedRelation, state: ReplayedState): CatalogRelation['sequences'] {
  return state.dependents({ oid: table.oid, column: 0 }).flatMap(({ of, on, strength }) => {
    const column = nameOf(on.column, table);
    const isOwned = strength !== 'normal' && state.relation(of.oid)?.kind === 'sequence';
    return isOwned && column !== undefined ? [{ oid: of.oid, column }] : [];
  });
}

function readsOf({ oid, kind }: ReplayedRelation, state: ReplayedState): readonly number[] {
  if (kind !== 'view' && kind !== 'materialized view') return [];
  const read = state.dependencies(oid).map(({ on }) => on.oid);
  return [...new Set(read.filter((each) => state.relation(each) !== undefined))];
}
