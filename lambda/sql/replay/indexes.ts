/** New indexes on a replayed table, and on its partitions. */
import type { IndexElem } from 'libpg-query';
import { nameParts } from '../names';
import type { Node } from '../parse';
import { isTree } from '../search';
import { columnsIn, objectsIn } from './expressions';
import { chooseRelationName } from './object-names';
import { addColumn, newRelation } from './relations';
import type { ReplayedState } from './state';
import { ALL, type ReplayedRelation, whole } from './things';

export interface IndexShape {
  readonly keys: readonly Pick<IndexElem, 'name' | 'expr'>[];
  readonly included: readonly string[];
  readonly predicate: Node | undefined;
  readonly method: string;
  readonly isUnique: boolean;
  readonly isPrimary: boolean;
  readonly label: string;
  readonly isOfConstraint: boolean;
}

export const elementsOf = (nodes: readonly Node[] | undefined): readonly IndexElem[] =>
  (nodes ?? []).flatMap((node) => ('IndexElem' in node ? [node.IndexElem] : []));

export function addIndex(
  oid: number,
  { name, shape }: { readonly name: string | undefined; readonly shape: IndexShape },
  state: ReplayedState,
): ReplayedRelation | undefined {
  for (const { name: column } of state.relation(oid)?.kind === 'materialized view' ? shape.keys : []) {
    // Of a database's view, columns are not asked.
    if (column !== undefined) addColumn(oid, { name: column, type: 0, typmod: -1, collation: 0 }, state);
  }
  const table = state.relation(oid);
  if (table === undefined) return undefined;
  const isPartitioned = table.kind === 'partitioned table';
  const keys = shape.keys.map(
    ({ name: column }) => table.columns.find((each) => each.name === column)?.number,
  );
  const included = shape.included.flatMap(
    (column) => table.columns.find((each) => each.name === column)?.number ?? [],
  );
  const computed = columnsIn([shape.keys.map(({ expr }) => expr), shape.predicate], table);
  const columns = [...new Set([...keys.flatMap((key) => key ?? []), ...included, ...computed])];
  const index = newRelation(
    {
      schema: table.schema,
      name: name ?? chooseIndexName(table, shape, state),
      kind: isPartitioned ? 'partitioned index' : 'index',
      accessMethod: shape.method,
      tablespace: table.tablespace,
      isUnlogged: table.isUnlogged,
      index: {
        table: oid,
        columns: columns.sort((a, b) => a - b),
        keys,
        isPrimary: shape.isPrimary,
        isUnique: shape.isUnique,
        included,
        labels: shape.keys.map(columnLabel),
        isValid: true,
        isComputed: shape.predicate !== undefined || keys.includes(undefined),
        isPartial: shape.predicate !== undefined,
        method: shape.method,
      },
    },
    state,
  );
  state.put(index);
  for (const column of columns.length === 0 ? [ALL] : columns)
    state.depend(whole(index.oid), { oid, column }, 'auto');
  const expressions = [shape.keys.map(({ expr }) => expr), shape.predicate];
  for (const object of objectsIn(expressions, state)) state.depend(whole(index.oid), object, 'normal');
  return index;
}

/** The same over columns of the same names; `undefined` where they are not all there. */
export function addIndexOf(
  index: ReplayedRelation,
  oid: number,
  state: ReplayedState,
): ReplayedRelation | undefined {
  const [from, to] = [state.relation(index.index?.table), state.relation(oid)];
  if (index.index === undefined || from === undefined || to === undefined) return undefined;
  const { keys, included, columns, labels, isPrimary, isUnique } = index.index;
  const same = (number: number): number | undefined => {
    const name = from.columns.find((column) => column.number === number)?.name;
    return to.columns.find((column) => column.name === name)?.number;
  };
  const names = (numbers: readonly number[]) =>
    numbers.flatMap((number) => from.columns.find((column) => column.number === number)?.name ?? []);
  const constraint = state
    .constraints(from.oid)
    .find((each) => each.index === index.oid && each.references === undefined);
  const label = constraint === undefined ? 'idx' : isPrimary ? 'pkey' : isUnique ? 'key' : 'excl';
  const parts = keys.map(
    (key, place) => (key === undefined ? [] : names([key]))[0] ?? labels[place] ?? 'expr',
  );
  const name = chooseRelationName(
    { table: to.name, columns: isPrimary ? [] : distinct([...parts, ...names(included)]), label },
    { schema: to.schema, isConstraint: constraint !== undefined },
    state,
  );
  const copy = newRelation(
    {
      ...index,
      oid: state.newOid(),
      schema: to.schema,
      name,
      kind: to.kind === 'partitioned table' ? 'partitioned index' : 'index',
      parents: [],
      isPartition: false,
      isUnlogged: to.isUnlogged,
      tablespace: to.tablespace,
      index: {
        ...index.index,
        table: oid,
        isValid: true,
        columns: columns.flatMap((number) => same(number) ?? []),
        keys: keys.map((key) => (key === undefined ? undefined : same(key))),
        included: included.flatMap((number) => same(number) ?? []),
      },
    },
    state,
  );
  state.put(copy);
  for (const column of copy.index?.columns ?? []) state.depend(whole(copy.oid), { oid, column }, 'auto');
  return copy;
}

export const indexNamed = (
  table: ReplayedRelation,
  name: string | undefined,
  state: ReplayedState,
): ReplayedRelation | undefined => state.indexes(table.oid).find((index) => index.name === name);

function chooseIndexName(table: ReplayedRelation, shape: IndexShape, state: ReplayedState): string {
  const columns = [...shape.keys.map(columnLabel), ...shape.included];
  return chooseRelationName(
    { table: table.name, columns: shape.isPrimary ? [] : distinct(columns), label: shape.label },
    { schema: table.schema, isConstraint: shape.isOfConstraint },
    state,
  );
}

/** `ChooseIndexColumnNames`: a number tells the second of the same name apart. */
function distinct(names: readonly string[]): readonly string[] {
  const chosen: string[] = [];
  for (const name of names) {
    let candidate = name;
    for (let number = 1; chosen.includes(candidate); number += 1) candidate = `${name}${number}`;
    chosen.push(candidate);
  }
  return chosen;
}

const columnLabel = ({ name, expr }: Pick<IndexElem, 'name' | 'expr'>): string =>
  name ?? labelOf(expr) ?? 'expr';

/** `FigureColname` in parse_target.c, as far as index expressions go. */
function labelOf(expression: unknown): string | undefined {
  if (!isTree(expression)) return undefined;
  const { ColumnRef, FuncCall, TypeCast, CollateClause, CoalesceExpr, CaseExpr, A_ArrayExpr } = expression;
  if (isTree(ColumnRef)) return lastName(ColumnRef.fields);
  if (isTree(FuncCall)) return lastName(FuncCall.funcname);
  if (isTree(CollateClause)) return labelOf(CollateClause.arg);
  if (isTree(TypeCast)) {
    return (
      labelOf(TypeCast.arg) ?? (isTree(TypeCast.typeName) ? lastName(TypeCast.typeName.names) : undefined)
    );
  }
  if (isTree(CoalesceExpr)) return 'coalesce';
  if (isTree(CaseExpr)) return labelOf(CaseExpr.defresult) ?? 'case';
  return isTree(A_ArrayExpr) ? 'array' : undefined;
}

const lastName = (nodes: unknown): string | undefined =>
  (Array.isArray(nodes) ? nodes : []).flatMap(nameParts).at(-1);
