/** A new relation of any kind, as it is made where nothing else is said. */
import type { ReplayedState } from './state';
import type { ReplayedColumn, ReplayedRelation } from './things';
import { whole } from './things';
import type { TypeOfColumn } from './types';

/** LOCK TABLE refuses the others. */
const LOCKABLE: readonly ReplayedRelation['kind'][] = ['table', 'partitioned table', 'view'];

const STORED: readonly ReplayedRelation['kind'][] = ['table', 'materialized view'];

export const newRelation = (
  relation: Pick<ReplayedRelation, 'schema' | 'name' | 'kind'> & Partial<ReplayedRelation>,
  state: ReplayedState,
): ReplayedRelation => ({
  class: 'relation',
  oid: state.newOid(),
  columns: [],
  lastColumn: 0,
  parents: [],
  isPartition: false,
  defaultPartition: undefined,
  lockable: LOCKABLE.includes(relation.kind),
  pages: 0,
  index: undefined,
  isUnlogged: false,
  accessMethod: STORED.includes(relation.kind) ? 'heap' : undefined,
  tablespace: 'pg_default',
  ofType: undefined,
  ...relation,
});

/** Without default, NOT NULL and what else a constraint makes of it. */
export function addColumn(
  oid: number,
  { name, ...type }: TypeOfColumn & { readonly name: string },
  state: ReplayedState,
): ReplayedColumn | undefined {
  const table = state.relation(oid);
  if (table === undefined || table.columns.some((column) => column.name === name)) return undefined;
  const number = table.lastColumn + 1;
  const column: ReplayedColumn = {
    number,
    name,
    notNull: false,
    generated: undefined,
    identity: false,
    ...type,
  };
  state.put({ ...table, lastColumn: number, columns: [...table.columns, column] });
  state.depend({ oid, column: number }, whole(column.type), 'normal');
  return column;
}

export function changeColumn(
  oid: number,
  name: string | undefined,
  change: Partial<ReplayedColumn>,
  state: ReplayedState,
): void {
  const table = state.relation(oid);
  if (table === undefined) return;
  const columns = table.columns.map((column) => (column.name === name ? { ...column, ...change } : column));
  state.put({ ...table, columns });
}

export const numbersIn = (
  relation: ReplayedRelation | undefined,
  names: readonly string[],
): readonly number[] =>
  names.flatMap((name) => relation?.columns.find((column) => column.name === name)?.number ?? []);
