/** CREATE TABLE in all its forms: from columns, as a partition or child, like another, of a type. */
import type { CreateStmt, TableLikeClause } from 'libpg-query';
import { nameParts, qualifiedName, rangeName } from '../names';
import { defineColumn } from './columns';
import { addConstraint, type NewConstraint } from './constraints';
import { inherit, likeTable } from './inheritance';
import { addColumn, newRelation } from './relations';
import type { ReplayedState } from './state';
import { type ReplayedRelation, whole } from './things';

export function createTable(create: CreateStmt, kind: 'table' | 'foreign table', state: ReplayedState): void {
  const { schemaname, relname: name = '', relpersistence } = create.relation ?? {};
  const schema = relpersistence === 't' ? 'pg_temp' : (schemaname ?? state.currentSchema);
  if (state.withName('relation', { schema, name }).length > 0) return;
  const parents = (create.inhRelations ?? []).flatMap((node) =>
    'RangeVar' in node ? (state.find('relation', rangeName(node.RangeVar)) ?? []) : [],
  );
  const isPartition = create.partbound !== undefined;
  const table = newRelation(
    {
      schema,
      name,
      kind: kind === 'table' && create.partspec !== undefined ? 'partitioned table' : kind,
      parents: parents.map(({ oid }) => oid),
      isPartition,
      isUnlogged: relpersistence === 'u',
      // A partitioned table has no rows of its own, nor a way to keep them.
      accessMethod:
        create.partspec === undefined && kind === 'table'
          ? (create.accessMethod ?? 'heap')
          : create.accessMethod,
      tablespace: create.tablespacename ?? 'pg_default',
    },
    state,
  );
  state.put(table);
  if (create.partbound?.is_default === true) {
    for (const parent of parents) state.put({ ...parent, defaultPartition: table.oid });
  }
  for (const parent of parents) inherit(table.oid, parent.oid, 'columns', state);
  ofType(table, create, state);
  defineElements(table.oid, create, state);
  for (const parent of parents) inherit(table.oid, parent.oid, 'the rest', state);
}

/** Foreign keys come last: they may be to the table itself. */
const LAST: readonly (string | undefined)[] = [
  'CONSTR_PRIMARY',
  'CONSTR_UNIQUE',
  'CONSTR_EXCLUSION',
  'CONSTR_FOREIGN',
];

const rankOf = ({ constraint: { contype } }: NewConstraint): number => LAST.indexOf(contype);

function defineElements(oid: number, create: CreateStmt, state: ReplayedState): void {
  const constraints: NewConstraint[] = [];
  const likes: TableLikeClause[] = [];
  for (const element of create.tableElts ?? []) {
    if ('ColumnDef' in element) {
      constraints.push(...defineColumn(oid, element.ColumnDef, { isOnNewTable: true }, state));
    } else if ('Constraint' in element) {
      constraints.push({ constraint: element.Constraint, column: undefined, isOnNewTable: true });
    } else if ('TableLikeClause' in element) {
      likes.push(element.TableLikeClause);
      likeTable(oid, element.TableLikeClause, 'columns', state);
    }
  }
  for (const added of constraints.toSorted((a, b) => rankOf(a) - rankOf(b))) addConstraint(oid, added, state);
  for (const like of likes) likeTable(oid, like, 'the rest', state);
}

/** A typed table has the columns of its composite type. */
function ofType(table: ReplayedRelation, { ofTypename }: CreateStmt, state: ReplayedState): void {
  if (ofTypename === undefined) return;
  const composite = state.find('relation', qualifiedName((ofTypename.names ?? []).flatMap(nameParts)));
  if (composite?.kind !== 'composite type') return;
  state.put({ ...table, ofType: composite.oid });
  state.depend(whole(table.oid), whole(composite.oid), 'normal');
  for (const column of composite.columns) addColumn(table.oid, column, state);
}
