/** The objects of a database as a history leaves them: found by number, by name, and by what they depend on. */
import type { CatalogFunction } from '../catalog';
import type { QualifiedName } from '../names';
import { BUILT_IN_FUNCTIONS, BUILT_IN_TYPE_NAMES, BUILT_IN_TYPES, CATALOG_SCHEMA } from './built-ins';
import {
  type Address,
  ALL,
  type Dependency,
  type ReplayedConstraint,
  type ReplayedFunction,
  type ReplayedRelation,
  type ReplayedType,
  type Thing,
} from './things';

/** Looked into before any other, whatever `search_path` says. */
export const TEMPORARY_SCHEMA = 'pg_temp';

/** Far above the numbers of what comes with a server. */
const FIRST_OID = 1_000_000;

const keyOf = (space: Thing['class'], { schema, name }: QualifiedName): string =>
  JSON.stringify([space, schema, name]);

/** The table that a thing stands on. */
export const tableOf = (thing: Thing): number | undefined =>
  'table' in thing ? thing.table : thing.class === 'relation' ? thing.index?.table : undefined;

/** `"$user"` names no schema in most databases. */
const NOT_FOR_NEW: readonly string[] = [CATALOG_SCHEMA, TEMPORARY_SCHEMA, '$user'];

type Groups<Key> = Map<Key, ReadonlySet<number>>;

export class ReplayedState {
  searchPath: readonly string[] = [];
  readonly #things = new Map<number, Thing>();
  readonly #byClass = new Map<Thing['class'], Map<number, Thing>>();
  readonly #named: Groups<string> = new Map();
  readonly #onTable: Groups<number> = new Map();
  readonly #children: Groups<number> = new Map();
  readonly #dependents = new Map<number, readonly Dependency[]>();
  readonly #dependencies = new Map<number, readonly Dependency[]>();
  readonly #temporary = new Set<number>();
  readonly #listeners: ((oid: number) => void)[] = [];
  #nextOid = FIRST_OID;

  copy(): ReplayedState {
    const copy = new ReplayedState();
    copy.searchPath = this.searchPath;
    copy.#nextOid = this.#nextOid;
    for (const oid of this.#temporary) copy.#temporary.add(oid);
    for (const [oid, thing] of this.#things) copy.#things.set(oid, thing);
    for (const [space, things] of this.#byClass) copy.#byClass.set(space, new Map(things));
    for (const [key, oids] of this.#named) copy.#named.set(key, oids);
    for (const [oid, oids] of this.#onTable) copy.#onTable.set(oid, oids);
    for (const [oid, oids] of this.#children) copy.#children.set(oid, oids);
    for (const [oid, all] of this.#dependents) copy.#dependents.set(oid, all);
    for (const [oid, all] of this.#dependencies) copy.#dependencies.set(oid, all);
    return copy;
  }

  newOid(): number {
    this.#nextOid += 1;
    return this.#nextOid;
  }

  get lastOid(): number {
    return this.#nextOid;
  }

  /** Numbers up to this one are taken. */
  reserve(oid: number): void {
    this.#nextOid = Math.max(this.#nextOid, oid);
  }

  /** Told of each object that came, changed or went. */
  listen(listener: (oid: number) => void): void {
    this.#listeners.push(listener);
  }

  put(thing: Thing): void {
    this.#forget(thing.oid);
    this.#things.set(thing.oid, thing);
    const same = this.#byClass.get(thing.class) ?? new Map<number, Thing>();
    this.#byClass.set(thing.class, same.set(thing.oid, thing));
    if ('name' in thing) add(this.#named, keyOf(thing.class, named(thing)), thing.oid);
    const table = tableOf(thing);
    if (table !== undefined) add(this.#onTable, table, thing.oid);
    if (thing.class === 'relation')
      for (const parent of thing.parents) add(this.#children, parent, thing.oid);
    if ('schema' in thing && thing.schema === TEMPORARY_SCHEMA) this.#temporary.add(thing.oid);
    this.touch(thing.oid);
  }

  /** With its dependencies, and whoever depends on it left as it is. */
  remove(oid: number): void {
    this.touch(oid);
    this.forgetDependencies((dependency) => dependency.of.oid === oid, oid);
    this.#forget(oid);
  }

  /** Temporary tables, and what else is in their schema. */
  temporary(): readonly Thing[] {
    return [...this.#temporary].flatMap((oid) => this.#things.get(oid) ?? []);
  }

  touch(oid: number): void {
    for (const listener of this.#listeners) listener(oid);
  }

  #forget(oid: number): void {
    const thing = this.#things.get(oid);
    if (thing === undefined) return;
    this.#things.delete(oid);
    this.#byClass.get(thing.class)?.delete(oid);
    this.#temporary.delete(oid);
    if ('name' in thing) take(this.#named, keyOf(thing.class, named(thing)), oid);
    const table = tableOf(thing);
    if (table !== undefined) take(this.#onTable, table, oid);
    if (thing.class === 'relation') for (const parent of thing.parents) take(this.#children, parent, oid);
  }

  thing(oid: number): Thing | undefined {
    return this.#things.get(oid);
  }

  things(): IterableIterator<Thing> {
    return this.#things.values();
  }

  ofClass<Class extends Thing['class']>(space: Class): readonly Extract<Thing, { class: Class }>[] {
    return [...(this.#byClass.get(space)?.values() ?? [])] as Extract<Thing, { class: Class }>[];
  }

  relation(oid: number | undefined): ReplayedRelation | undefined {
    const thing = oid === undefined ? undefined : this.#things.get(oid);
    return thing?.class === 'relation' ? thing : undefined;
  }

  type(oid: number): ReplayedType | undefined {
    const thing = this.#things.get(oid) ?? BUILT_IN_TYPES.get(oid);
    return thing?.class === 'type' ? thing : undefined;
  }

  get #places(): readonly string[] {
    return [TEMPORARY_SCHEMA, ...this.searchPath];
  }

  /** As `search_path` finds it. */
  find<Class extends Thing['class']>(
    space: Class,
    { schema, name }: QualifiedName,
  ): Extract<Thing, { class: Class }> | undefined {
    for (const each of schema === undefined ? this.#places : [schema]) {
      const [found] = this.withName(space, { schema: each, name });
      if (found !== undefined) return found;
    }
    return undefined;
  }

  findType(name: QualifiedName): ReplayedType | undefined {
    const builtIn = BUILT_IN_TYPE_NAMES.get(name.name);
    if (builtIn !== undefined && (name.schema === undefined || name.schema === CATALOG_SCHEMA)) {
      return BUILT_IN_TYPES.get(builtIn);
    }
    return this.find('type', name);
  }

  /** All that its name and any arguments may stand for, without those that came with the server. */
  functions({ schema, name }: QualifiedName): readonly ReplayedFunction[] {
    return (schema === undefined ? this.#places : [schema]).flatMap((each) =>
      this.withName('function', { schema: each, name }),
    );
  }

  functionsNamed(name: QualifiedName): readonly CatalogFunction[] {
    const builtIn = name.schema === undefined || name.schema === CATALOG_SCHEMA;
    const known = builtIn ? BUILT_IN_FUNCTIONS.get(name.name) : undefined;
    return [
      ...(known === undefined ? [] : [known]),
      ...this.functions(name).map(({ schema, name: own, isVolatile }) => ({
        name: { schema, name: own },
        isVolatile,
        isBuiltIn: false,
      })),
    ];
  }

  /** What has no schema of its own is found under none. */
  withName<Class extends Thing['class']>(
    space: Class,
    name: QualifiedName,
  ): readonly Extract<Thing, { class: Class }>[] {
    return [...(this.#named.get(keyOf(space, name)) ?? [])].map(
      (oid) => this.#things.get(oid) as Extract<Thing, { class: Class }>,
    );
  }

  /** Where a name without a schema is made. */
  get currentSchema(): string {
    return this.searchPath.find((schema) => !NOT_FOR_NEW.includes(schema)) ?? 'public';
  }

  partsOf<Class extends Thing['class']>(
    table: number,
    space: Class,
  ): readonly Extract<Thing, { class: Class }>[] {
    return [...(this.#onTable.get(table) ?? [])].flatMap((oid) => {
      const thing = this.#things.get(oid);
      return thing?.class === space ? [thing as Extract<Thing, { class: Class }>] : [];
    });
  }

  constraints(table: number): readonly ReplayedConstraint[] {
    return this.partsOf(table, 'constraint');
  }

  indexes(table: number): readonly ReplayedRelation[] {
    return this.partsOf(table, 'relation');
  }

  children(relation: number): readonly ReplayedRelation[] {
    return [...(this.#children.get(relation) ?? [])].flatMap((oid) => this.relation(oid) ?? []);
  }

  /** The relation, then partitions and children to any depth. */
  family(relation: ReplayedRelation): readonly ReplayedRelation[] {
    const found = new Map([[relation.oid, relation]]);
    for (const member of found.values()) {
      for (const child of this.children(member.oid)) found.set(child.oid, child);
    }
    return [...found.values()];
  }

  depend(of: Address, on: Address, strength: Dependency['strength']): void {
    // What came with the server never goes.
    if (!this.#things.has(on.oid)) return;
    const dependency = { of, on, strength };
    this.#dependents.set(on.oid, [...(this.#dependents.get(on.oid) ?? []), dependency]);
    this.#dependencies.set(of.oid, [...(this.#dependencies.get(of.oid) ?? []), dependency]);
    this.touch(on.oid);
  }

  /** What depends on the object, or with a column's number on that column or the whole. */
  dependents({ oid, column }: Address): readonly Dependency[] {
    const all = this.#dependents.get(oid) ?? [];
    return column === ALL ? all : all.filter(({ on }) => on.column === column);
  }

  dependencies(oid: number): readonly Dependency[] {
    return this.#dependencies.get(oid) ?? [];
  }

  /** Of those of one object. */
  forgetDependencies(isMeant: (dependency: Dependency) => boolean, oid: number): void {
    const gone = this.dependencies(oid).filter(isMeant);
    for (const dependency of gone) {
      const { on } = dependency;
      this.#dependents.set(
        on.oid,
        this.dependents({ oid: on.oid, column: ALL }).filter((one) => one !== dependency),
      );
      this.touch(on.oid);
    }
    this.#dependencies.set(
      oid,
      this.dependencies(oid).filter((one) => !gone.includes(one)),
    );
  }
}

/** What has no schema of its own shares one namespace. */
const named = (thing: Thing & { readonly name: string }): QualifiedName => ({
  schema: 'schema' in thing ? thing.schema : undefined,
  name: thing.name,
});

function add<Key>(groups: Groups<Key>, key: Key, oid: number): void {
  groups.set(key, new Set([...(groups.get(key) ?? []), oid]));
}

function take<Key>(groups: Groups<Key>, key: Key, oid: number): void {
  const rest = new Set(groups.get(key));
  rest.delete(oid);
  if (rest.size === 0) groups.delete(key);
  else groups.set(key, rest);
}
