/** What views and tables made from a query have: columns by its output, and dependencies on all that it reads. */
import type { CreateTableAsStmt, SelectStmt, ViewStmt } from 'libpg-query';
import { usesIn } from '../effects/names';
import { nameParts } from '../names';
import type { Node } from '../parse';
import { isTree } from '../search';
import { addressesIn } from './expressions';
import { addColumn, newRelation } from './relations';
import type { ReplayedState } from './state';
import { type ReplayedRelation, whole } from './things';
import { resolveType, type TypeOfColumn, UNLIMITED } from './types';

export function createView({ view, aliases, query, replace }: ViewStmt, state: ReplayedState): void {
  const schema = view?.schemaname ?? (view?.relpersistence === 't' ? 'pg_temp' : state.currentSchema);
  const name = view?.relname ?? '';
  const [known] = state.withName('relation', { schema, name });
  if (known !== undefined && replace !== true) return;
  const relation = known ?? newRelation({ schema, name, kind: 'view' }, state);
  state.forgetDependencies(() => true, relation.oid);
  state.put({ ...relation, columns: [], lastColumn: 0 });
  store(relation.oid, { query, names: (aliases ?? []).flatMap(nameParts) }, state);
  for (const address of addressesIn(query, state)) state.depend(whole(relation.oid), address, 'normal');
}

export function createTableAs(create: CreateTableAsStmt, state: ReplayedState): void {
  const { into, objtype, query } = create;
  if (into?.rel === undefined || query === undefined) return;
  makeFrom(query, into, objtype === 'OBJECT_MATVIEW' ? 'materialized view' : 'table', state);
}

export function selectInto(select: SelectStmt, state: ReplayedState): void {
  const { intoClause, ...query } = select;
  if (intoClause?.rel !== undefined) makeFrom({ SelectStmt: query }, intoClause, 'table', state);
}

function makeFrom(
  query: Node,
  into: NonNullable<CreateTableAsStmt['into']>,
  kind: 'table' | 'materialized view',
  state: ReplayedState,
): void {
  const schema = into.rel?.schemaname ?? (into.rel?.relpersistence === 't' ? 'pg_temp' : state.currentSchema);
  const name = into.rel?.relname ?? '';
  if (state.withName('relation', { schema, name }).length > 0) return;
  const relation = newRelation({ schema, name, kind, isUnlogged: into.rel?.relpersistence === 'u' }, state);
  state.put(relation);
  store(relation.oid, { query, names: (into.colNames ?? []).flatMap(nameParts) }, state);
  if (kind === 'table') return;
  for (const address of addressesIn(query, state)) state.depend(whole(relation.oid), address, 'normal');
}

const UNKNOWN: TypeOfColumn = { type: 0, typmod: UNLIMITED, collation: 0 };

function store(
  oid: number,
  { query, names }: { readonly query: Node | undefined; readonly names: readonly string[] },
  state: ReplayedState,
): void {
  for (const [index, column] of outputOf(query, state).entries()) {
    addColumn(oid, { ...column, name: names[index] ?? column.name }, state);
  }
}

/** A type is told of columns and casts; what an expression yields is not computed. */
function outputOf(
  query: Node | undefined,
  state: ReplayedState,
): readonly (TypeOfColumn & { readonly name: string })[] {
  if (query === undefined || !('SelectStmt' in query)) return [];
  const { larg, targetList } = query.SelectStmt;
  if (larg !== undefined) return outputOf({ SelectStmt: larg }, state);
  const sources = usesIn(query.SelectStmt.fromClause, []).flatMap(
    ({ name }) => state.find('relation', name) ?? [],
  );
  return (targetList ?? []).flatMap((target) => {
    if (!('ResTarget' in target)) return [];
    const { name, val } = target.ResTarget;
    if (isStar(val)) {
      const columns = sources.flatMap((source) => source.columns);
      return columns.map((column) => ({ ...typeOf(column), name: column.name }));
    }
    const found = typeIn(val, sources, state);
    return [{ ...found.type, name: name ?? found.name }];
  });
}

const typeOf = ({ type, typmod, collation }: TypeOfColumn): TypeOfColumn => ({ type, typmod, collation });

const isStar = (value: Node | undefined): boolean =>
  value !== undefined &&
  'ColumnRef' in value &&
  (value.ColumnRef.fields ?? []).some((field) => isTree(field) && 'A_Star' in field);

function typeIn(
  value: Node | undefined,
  sources: readonly ReplayedRelation[],
  state: ReplayedState,
): { readonly type: TypeOfColumn; readonly name: string } {
  if (value !== undefined && 'ColumnRef' in value) {
    const name = (value.ColumnRef.fields ?? []).flatMap(nameParts).at(-1) ?? '';
    const column = sources.flatMap(({ columns }) => columns).find((each) => each.name === name);
    if (column === undefined) return { type: UNKNOWN, name };
    return { type: typeOf(column), name };
  }
  if (value !== undefined && 'TypeCast' in value) {
    const { name } = typeIn(value.TypeCast.arg, sources, state);
    return { type: resolveType(value.TypeCast.typeName, state), name };
  }
  if (value !== undefined && 'FuncCall' in value) {
    return { type: UNKNOWN, name: (value.FuncCall.funcname ?? []).flatMap(nameParts).at(-1) ?? '' };
  }
  return { type: UNKNOWN, name: '?column?' };
}
