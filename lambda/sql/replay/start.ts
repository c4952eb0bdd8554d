/** Begins a replay with what a database's catalog has. */
import type { Catalog, CatalogColumn, CatalogRelation, CatalogType, ForeignKeyAction } from '../catalog';
import { BUILT_IN_TYPES } from './built-ins';
import { nameIn } from './expressions';
import { addColumn, newRelation, numbersIn } from './relations';
import { putDependency } from './start-dependents';
import { ReplayedState } from './state';
import { ALL, type ReplayedColumn, type ReplayedConstraint, type ReplayedRelation, whole } from './things';

export function stateOf(start: Catalog): ReplayedState {
  const { relations, types, functions, dependencies, searchPath } = start.rows;
  const state = new ReplayedState();
  state.searchPath = searchPath;
  state.reserve(
    Math.max(0, ...relations.map(({ oid }) => oid), ...types.map(({ oid, array }) => Math.max(oid, array))),
  );
  for (const type of types) putType(type, state);
  for (const { columns } of relations) for (const column of columns) putUnknownType(column, state);
  for (const relation of relations) putRelation(relation, state);
  for (const type of types)
    if (type.base !== undefined) state.depend(whole(type.oid), whole(type.base), 'normal');
  for (const relation of relations) {
    for (const column of relation.index?.columns ?? []) seeColumn(relation.index?.table, column, state);
  }
  for (const { relation, column } of dependencies)
    if (column !== undefined) seeColumn(relation, column, state);
  for (const relation of relations) putIndex(relation, state);
  for (const relation of relations) putParts(relation, state);
  for (const relation of relations) joinPartition(relation, state);
  for (const { name, isVolatile, isBuiltIn } of functions) {
    if (isBuiltIn || state.withName('function', name).length > 0) continue;
    state.put({
      class: 'function',
      oid: state.newOid(),
      ...name,
      arguments: [],
      isVolatile,
      words: undefined,
    });
  }
  for (const dependency of dependencies) putDependency(dependency, state);
  return state;
}

function putType(type: CatalogType, state: ReplayedState): void {
  if (BUILT_IN_TYPES.has(type.oid)) return;
  const { name, users: _, isConstrained, ...same } = type;
  const own = { ...same, ...name, class: 'type' as const, element: undefined, notNull: false };
  // Whether by NOT NULL or by CHECK, and by which, is not asked.
  state.put({ ...own, checks: isConstrained ? [''] : [] });
  if (type.array === 0 || state.type(type.array) !== undefined) return;
  state.put({
    ...own,
    oid: type.array,
    array: 0,
    name: `_${name.name}`,
    kind: 'base',
    element: type.oid,
    checks: [],
  });
}

/** Of some columns' types no more is known than how they are written. */
function putUnknownType({ type, typeName, collation }: CatalogColumn, state: ReplayedState): void {
  if (type === 0 || state.type(type) !== undefined) return;
  const { schema = state.currentSchema, name } = nameIn(typeName);
  state.put({
    class: 'type',
    oid: type,
    schema,
    name,
    kind: 'base',
    array: 0,
    element: undefined,
    collation,
    base: undefined,
    baseTypmod: -1,
    notNull: false,
    checks: [],
    hasDefault: false,
    binaryTo: [],
    values: [],
  });
}

function putRelation({ name, index: _, columns, ...relation }: CatalogRelation, state: ReplayedState): void {
  const { oid, kind, lockable, pages, parents, isPartition, defaultPartition } = relation;
  const { isUnlogged, accessMethod, tablespace, ofType } = relation;
  const numbered = columns.map((column, index): ReplayedColumn => {
    const { typeName: _name, hasDefault: _has, isDefaultVolatile: _is, ...same } = column;
    return { ...same, number: index + 1 };
  });
  state.put({
    ...newRelation({ ...name, kind }, state),
    ...{ oid, lockable, pages, parents, isPartition, defaultPartition },
    ...{ isUnlogged, accessMethod, tablespace, ofType },
    columns: numbered,
    lastColumn: numbered.length,
  });
}

/** Columns of views are not asked, and known where something depends on them. */
function seeColumn(oid: number | undefined, name: string, state: ReplayedState): void {
  if (oid !== undefined) addColumn(oid, { name, type: 0, typmod: -1, collation: 0 }, state);
}

function putParts(relation: CatalogRelation, state: ReplayedState): void {
  const own = state.relation(relation.oid);
  if (own === undefined) return;
  for (const column of own.columns)
    state.depend({ oid: own.oid, column: column.number }, whole(column.type), 'normal');
  for (const parent of own.parents)
    state.depend(whole(own.oid), whole(parent), own.isPartition ? 'auto' : 'normal');
  for (const read of relation.reads) state.depend(whole(own.oid), whole(read), 'normal');
  if (own.ofType !== undefined) state.depend(whole(own.oid), whole(own.ofType), 'normal');
  putDefaults(relation, own, state);
  putConstraints(relation, own, state);
  for (const { oid, column } of relation.sequences) {
    const [number = ALL] = numbersIn(own, [column]);
    const isIdentity = own.columns.some(({ name, identity }) => name === column && identity);
    state.depend(whole(oid), { oid: own.oid, column: number }, isIdentity ? 'internal' : 'auto');
  }
}

function putIndex({ oid, index }: CatalogRelation, state: ReplayedState): void {
  const own = state.relation(oid);
  const table = state.relation(index?.table);
  if (index === undefined || own === undefined || table === undefined) return;
  const columns = numbersIn(table, index.columns);
  const keys = index.keys.map((key) => (key === undefined ? undefined : numbersIn(table, [key])[0]));
  const labels = index.keys.map((key) => key ?? 'expr');
  state.put({ ...own, index: { ...index, columns, keys, included: [], labels } });
  for (const column of columns.length === 0 ? [ALL] : columns) {
    state.depend(whole(own.oid), { oid: table.oid, column }, 'auto');
  }
}

function putDefaults({ columns }: CatalogRelation, own: ReplayedRelation, state: ReplayedState): void {
  for (const { name, hasDefault, isDefaultVolatile, generated } of columns) {
    const [column] = numbersIn(own, [name]);
    if (!hasDefault || column === undefined) continue;
    const oid = state.newOid();
    const isGenerated = generated !== undefined;
    state.put({ class: 'default', oid, table: own.oid, column, isVolatile: isDefaultVolatile, isGenerated });
    state.depend(whole(oid), { oid: own.oid, column }, isGenerated ? 'internal' : 'auto');
  }
}

const UPDATES: Readonly<Record<string, ForeignKeyAction>> = { check: 'no action', write: 'cascade' };

function putConstraints({ constraints }: CatalogRelation, own: ReplayedRelation, state: ReplayedState): void {
  for (const constraint of constraints) {
    const { name, kind, validated, references, index, deleteAction, onUpdate } = constraint;
    const referenced = state.relation(references);
    const oid = state.newOid();
    const columns = numbersIn(own, constraint.columns);
    const referencedColumns = numbersIn(referenced, constraint.referencedColumns);
    state.put({
      ...{
        class: 'constraint',
        oid,
        table: own.oid,
        name,
        kind,
        validated,
        columns,
        references,
        referencedColumns,
      },
      ...{ index, deleteAction, isEnforced: true },
      updateAction: UPDATES[onUpdate ?? ''],
      notNullColumns: numbersIn(own, constraint.provesNotNull),
    });
    for (const column of columns.length === 0 ? [ALL] : columns) {
      state.depend(whole(oid), { oid: own.oid, column }, 'auto');
    }
    for (const column of referencedColumns) {
      state.depend(whole(oid), { oid: references ?? 0, column }, 'normal');
    }
    if (index === undefined) continue;
    if (references !== undefined) state.depend(whole(oid), whole(index), 'normal');
    else {
      state.forgetDependencies(({ on }) => on.oid === own.oid, index);
      state.depend(whole(index), whole(oid), 'internal');
    }
  }
}

/** A partition's indexes and constraints are parts of the whole table's, and so is a foreign key to a partition. */
function joinPartition({ oid, index, parents }: CatalogRelation, state: ReplayedState): void {
  for (const key of state.constraints(oid)) {
    const above = key.references === undefined ? undefined : wholeOf(key, state);
    if (above !== undefined) state.depend(whole(key.oid), whole(above.oid), 'internal');
    for (const parent of key.references === undefined ? [] : parents) {
      const same = state.constraints(parent).find(({ name, kind }) => name === key.name && kind === key.kind);
      if (same !== undefined) state.depend(whole(key.oid), whole(same.oid), 'auto');
    }
  }
  const own = ownerOf(oid, index?.table, state);
  for (const parent of index === undefined ? [] : parents) {
    const above = ownerOf(parent, state.relation(parent)?.index?.table, state);
    if (own !== undefined && above !== undefined) state.depend(whole(own.oid), whole(above.oid), 'auto');
  }
}

const ownerOf = (
  index: number,
  table: number | undefined,
  state: ReplayedState,
): ReplayedConstraint | undefined =>
  state.constraints(table ?? 0).find((each) => each.index === index && each.references === undefined);

/** Of the same table, a key to the parent of what this one references. */
function wholeOf(key: ReplayedConstraint, state: ReplayedState): ReplayedConstraint | undefined {
  const referenced = state.relation(key.references);
  const index = state.relation(key.index);
  return state
    .constraints(key.table)
    .find(
      (each) =>
        referenced?.parents.includes(each.references ?? 0) === true &&
        index?.parents.includes(each.index ?? 0) === true &&
        each.columns.join() === key.columns.join(),
    );
}
