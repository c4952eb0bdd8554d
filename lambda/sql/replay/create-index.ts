/** CREATE INDEX: on a table, or with one for each of its partitions. */
import type { IndexStmt } from 'libpg-query';
import { rangeName } from '../names';
import { addIndex, elementsOf, type IndexShape } from './indexes';
import { spread } from './inheritance';
import type { ReplayedState } from './state';

export function createIndex(statement: IndexStmt, state: ReplayedState): void {
  const table = state.find('relation', rangeName(statement.relation));
  if (table === undefined) return;
  const { idxname: name, if_not_exists, indexParams, indexIncludingParams, whereClause } = statement;
  if (name !== undefined && state.withName('relation', { schema: table.schema, name }).length > 0) {
    if (if_not_exists === true) return;
  }
  const shape: IndexShape = {
    keys: elementsOf(indexParams),
    included: elementsOf(indexIncludingParams).flatMap((element) => element.name ?? []),
    predicate: whereClause,
    method: statement.accessMethod ?? 'btree',
    isUnique: statement.unique === true,
    isPrimary: false,
    label: 'idx',
    isOfConstraint: false,
  };
  const isOnly = statement.relation?.inh !== true;
  const index = addIndex(table.oid, { name, shape }, state);
  if (index === undefined) return;
  if (!isOnly) spread(index, state);
  else if (index.index !== undefined && index.kind === 'partitioned index') {
    // Until an index of every partition is attached to it.
    state.put({ ...index, index: { ...index.index, isValid: false } });
  }
}
