/** Parts of constraints, which tables, partitions and copies of tables get in different ways. */
import { chooseConstraintName } from './object-names';
import type { ReplayedState } from './state';
import { ALL, type ReplayedConstraint, type ReplayedRelation, whole } from './things';

/** With its dependencies on columns of its own table. */
export function putConstraint(
  constraint: Pick<ReplayedConstraint, 'table' | 'name' | 'kind' | 'validated' | 'columns'> &
    Partial<ReplayedConstraint>,
  state: ReplayedState,
): ReplayedConstraint {
  const added: ReplayedConstraint = {
    class: 'constraint',
    oid: state.newOid(),
    isEnforced: true,
    references: undefined,
    referencedColumns: [],
    index: undefined,
    deleteAction: undefined,
    updateAction: undefined,
    notNullColumns: [],
    ...constraint,
  };
  state.put(added);
  const columns = added.columns.length === 0 ? [ALL] : added.columns;
  for (const column of columns) state.depend(whole(added.oid), { oid: added.table, column }, 'auto');
  return added;
}

/** Since Postgres 18 that a column is NOT NULL is a constraint with a name. */
export function requireColumn(
  oid: number,
  column: string,
  { name, validated }: { readonly name?: string | undefined; readonly validated: boolean },
  state: ReplayedState,
): void {
  const table = state.relation(oid);
  const found = table?.columns.find((each) => each.name === column);
  if (table === undefined || found === undefined) return;
  const known = state
    .constraints(oid)
    .find(({ kind, columns }) => kind === 'not null' && columns.includes(found.number));
  if (known !== undefined) {
    if (validated && !known.validated) state.put({ ...known, validated });
    return;
  }
  const columns = table.columns.map((each) => (each === found ? { ...each, notNull: true } : each));
  state.put({ ...table, columns });
  const chosen =
    name ??
    chooseConstraintName({ table: table.name, columns: [column], label: 'not_null' }, table.schema, state);
  putConstraint({ table: oid, name: chosen, kind: 'not null', validated, columns: [found.number] }, state);
}

export function notNullNameOf(
  table: ReplayedRelation | undefined,
  column: string,
  state: ReplayedState,
): string | undefined {
  const number = table?.columns.find(({ name }) => name === column)?.number;
  if (table === undefined || number === undefined) return undefined;
  return state
    .constraints(table.oid)
    .find(({ kind, columns }) => kind === 'not null' && columns.includes(number))?.name;
}

export type IndexedKind = 'primary key' | 'unique' | 'exclusion';

/** The index belongs to the constraint from then on. */
export function constrain(
  table: number,
  index: ReplayedRelation,
  kind: IndexedKind,
  state: ReplayedState,
): void {
  const keys = (index.index?.keys ?? []).filter((key) => key !== undefined);
  const constraint = putConstraint(
    { table, name: index.name, kind, validated: true, columns: keys, index: index.oid },
    state,
  );
  state.forgetDependencies(({ on }) => on.oid === table, index.oid);
  state.depend(whole(index.oid), whole(constraint.oid), 'internal');
}

export function dependOnReferenced(key: ReplayedConstraint, state: ReplayedState): void {
  if (key.references === undefined) return;
  for (const column of key.referencedColumns) {
    state.depend(whole(key.oid), { oid: key.references, column }, 'normal');
  }
  if (key.index !== undefined) state.depend(whole(key.oid), whole(key.index), 'normal');
}
