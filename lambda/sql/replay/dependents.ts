/** What in a replayed state depends on a relation and on each of its columns. */
import {
  type CatalogDependency,
  type CatalogName,
  type DependentKind,
  type RelationKind,
  shownDependent,
} from '../catalog';
import type { QualifiedName } from '../names';
import { mentionedIn } from '../words';
import type { ReplayedState } from './state';
import { ALL, type Dependency, HAS_COLUMNS, type ReplayedRelation, type Thing } from './things';

export function dependenciesOn(
  relation: ReplayedRelation,
  state: ReplayedState,
): readonly CatalogDependency[] {
  return [
    ...state.dependents({ oid: relation.oid, column: ALL }).flatMap((one) => known(one, relation, state)),
    ...publishing(relation, state),
    ...mentioning(relation, state),
  ];
}

function known(
  { of, on, strength }: Dependency,
  relation: ReplayedRelation,
  state: ReplayedState,
): readonly CatalogDependency[] {
  const thing = state.thing(of.oid);
  const object = thing === undefined || isOfItself(thing, on) ? undefined : objectOf(thing, relation, state);
  if (thing === undefined || object === undefined) return [];
  const dependency: CatalogDependency = {
    ...object,
    name: shownDependent(object.object, object.standsOn),
    relation: relation.oid,
    column: relation.columns.find(({ number }) => number === on.column)?.name,
    certain: strength !== 'mention',
    goesAlong: strength === 'auto' || strength === 'internal',
  };
  // A table takes its columns along.
  const isPart = thing.class === 'default' && thing.table === on.oid;
  return isPart ? [dependency, { ...dependency, column: undefined, goesAlong: true }] : [dependency];
}

const isOfItself = (thing: Thing, on: Dependency['on']): boolean =>
  thing.class === 'default' && thing.table === on.oid && thing.column === on.column;

interface DependentObject {
  readonly kind: DependentKind;
  readonly object: QualifiedName;
  readonly standsOn: CatalogName | undefined;
}

const RELATIONS: Partial<Readonly<Record<RelationKind, DependentKind>>> = {
  table: 'table',
  'partitioned table': 'table',
  'foreign table': 'table',
  view: 'view',
  'materialized view': 'materialized view',
  index: 'index',
  'partitioned index': 'index',
  sequence: 'sequence',
};

/** A partition's index within the whole table's, and a typed table, whose type it is that its relation depends on. */
const isSharedIn = (relation: ReplayedRelation, on: ReplayedRelation): boolean =>
  on.index !== undefined ||
  on.kind === 'composite type' ||
  (relation.index !== undefined && relation.index.table !== on.oid);

function objectOf(thing: Thing, on: ReplayedRelation, state: ReplayedState): DependentObject | undefined {
  const alone = (kind: DependentKind | undefined, { schema, name }: QualifiedName) =>
    kind === undefined ? undefined : { kind, object: { schema, name }, standsOn: undefined };
  const part = (kind: DependentKind, name: string, table: number) => ({
    kind,
    object: { schema: undefined, name },
    standsOn: nameOf(table, state),
  });
  switch (thing.class) {
    case 'relation':
      return isSharedIn(thing, on) ? undefined : alone(RELATIONS[thing.kind], thing);
    case 'function':
    case 'statistics':
      return alone(thing.class, thing);
    case 'constraint':
      return thing.kind === 'not null' ? undefined : part('constraint', thing.name, thing.table);
    case 'trigger':
    case 'rule':
    case 'policy':
      return part(thing.class, thing.name, thing.table);
    case 'publication entry':
      return alone('publication', { schema: undefined, name: thing.name });
    case 'default': {
      const column = state.relation(thing.table)?.columns.find(({ number }) => number === thing.column);
      return part(thing.isGenerated ? 'generated column' : 'default', column?.name ?? '', thing.table);
    }
    default:
      return undefined;
  }
}

function nameOf(oid: number, state: ReplayedState): CatalogName | undefined {
  const relation = state.relation(oid);
  return relation && { schema: relation.schema, name: relation.name };
}

/** Publications that have every table of the database, or of its schema. */
function publishing(
  { oid, schema, kind }: ReplayedRelation,
  state: ReplayedState,
): readonly CatalogDependency[] {
  if (kind !== 'table' && kind !== 'partitioned table') return [];
  return state.ofClass('publication').flatMap(({ name, isForAllTables, schemas }) => {
    if (!isForAllTables && !schemas.includes(schema)) return [];
    const object = { schema: undefined, name };
    return [
      {
        kind: 'publication' as const,
        name: shownDependent(object, undefined),
        object,
        standsOn: undefined,
        relation: oid,
        column: undefined,
        certain: true,
        goesAlong: true,
      },
    ];
  });
}

function mentioning(relation: ReplayedRelation, state: ReplayedState): readonly CatalogDependency[] {
  const { oid, name } = relation;
  const columns = HAS_COLUMNS.includes(relation.kind) ? relation.columns.map((column) => column.name) : [];
  return state.ofClass('function').flatMap((thing) => {
    if (thing.words === undefined) return [];
    const triggersOn = state.dependents({ oid: thing.oid, column: ALL }).flatMap(({ of }) => {
      const trigger = state.thing(of.oid);
      return trigger?.class === 'trigger' ? [trigger.table] : [];
    });
    const object = { schema: thing.schema, name: thing.name };
    return mentionedIn({ words: thing.words, triggersOn }, { oid, name, columns }).map((column) => ({
      kind: 'function' as const,
      name: shownDependent(object, undefined),
      object,
      standsOn: undefined,
      relation: oid,
      column,
      certain: false,
      goesAlong: false,
    }));
  });
}
