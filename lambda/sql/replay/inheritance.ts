/** What partitions and children have from their parents, and what a table made LIKE another has from it. */
import type { TableLikeClause } from 'libpg-query';
import { rangeName } from '../names';
import { identify } from './columns';
import {
  constrain,
  dependOnReferenced,
  type IndexedKind,
  notNullNameOf,
  requireColumn,
} from './constraint-parts';
import { addIndexOf } from './indexes';
import { chooseConstraintName, chooseRelationName } from './object-names';
import { addColumn, changeColumn, numbersIn } from './relations';
import type { ReplayedState } from './state';
import { ALL, type ReplayedConstraint, type ReplayedRelation, whole } from './things';

/** `columns` when the table is made, `the rest` when its own columns are there. */
type Stage = 'columns' | 'the rest';

export function inherit(child: number, parent: number, stage: Stage, state: ReplayedState): void {
  const from = state.relation(parent);
  const to = state.relation(child);
  if (from === undefined || to === undefined) return;
  if (stage === 'columns') {
    state.depend(whole(child), whole(parent), to.isPartition ? 'auto' : 'normal');
    copyColumns(from, child, { defaults: true, generated: true }, state);
    return;
  }
  copyChecks(from, child, state);
  for (const { kind, columns, name, validated } of state.constraints(parent)) {
    if (kind !== 'not null') continue;
    for (const column of namesOf(columns, from)) requireColumn(child, column, { name, validated }, state);
  }
  if (!to.isPartition) return;
  for (const index of state.indexes(parent)) spreadTo(index, child, state);
  for (const key of state.constraints(parent)) if (key.kind === 'foreign key') spreadKeyTo(key, child, state);
  spreadReferencesTo(child, parent, state);
}

const namesOf = (numbers: readonly number[], table: ReplayedRelation): readonly string[] =>
  numbers.flatMap((number) => table.columns.find((column) => column.number === number)?.name ?? []);

/** Numbers of columns of the same names. */
const sameIn = (
  numbers: readonly number[],
  from: ReplayedRelation,
  to: ReplayedRelation,
): readonly number[] =>
  namesOf(numbers, from).flatMap((name) => to.columns.find((column) => column.name === name)?.number ?? []);

function copyColumns(
  from: ReplayedRelation,
  to: number,
  copies: { readonly defaults: boolean; readonly generated: boolean },
  state: ReplayedState,
): void {
  const added = from.columns.filter(({ name, type, typmod, collation }) =>
    addColumn(to, { name, type, typmod, collation }, state),
  );
  for (const column of added) {
    const known = state.partsOf(from.oid, 'default').find((each) => each.column === column.number);
    if (known === undefined || !(known.isGenerated ? copies.generated : copies.defaults)) continue;
    if (known.isGenerated) changeColumn(to, column.name, { generated: column.generated }, state);
    copyDefault(known, { from, to, column: column.name }, state);
  }
}

function copyDefault(
  known: { readonly oid: number; readonly isVolatile: boolean; readonly isGenerated: boolean },
  { from, to, column }: { readonly from: ReplayedRelation; readonly to: number; readonly column: string },
  state: ReplayedState,
): void {
  const target = state.relation(to);
  const number = target?.columns.find(({ name }) => name === column)?.number;
  if (target === undefined || number === undefined) return;
  const oid = state.newOid();
  const { isVolatile, isGenerated } = known;
  state.put({ class: 'default', oid, table: to, column: number, isVolatile, isGenerated });
  for (const { on, strength } of state.dependencies(known.oid)) {
    const columns = on.oid === from.oid ? sameIn([on.column], from, target) : undefined;
    for (const each of columns ?? [on.column]) {
      state.depend(whole(oid), { oid: columns === undefined ? on.oid : to, column: each }, strength);
    }
  }
}

function copyChecks(from: ReplayedRelation, to: number, state: ReplayedState): void {
  for (const check of state.constraints(from.oid)) {
    const taken = state.constraints(to).some(({ name }) => name === check.name);
    if (check.kind !== 'check' || taken) continue;
    // A new table has no rows that could violate it.
    copyConstraint({ ...check, validated: check.isEnforced }, from, to, state);
  }
}

function copyConstraint(
  constraint: ReplayedConstraint,
  from: ReplayedRelation,
  to: number,
  state: ReplayedState,
): ReplayedConstraint | undefined {
  const target = state.relation(to);
  if (target === undefined) return undefined;
  const copy: ReplayedConstraint = {
    ...constraint,
    oid: state.newOid(),
    table: to,
    columns: sameIn(constraint.columns, from, target),
    notNullColumns: sameIn(constraint.notNullColumns, from, target),
  };
  state.put(copy);
  for (const column of copy.columns.length === 0 ? [ALL] : copy.columns) {
    state.depend(whole(copy.oid), { oid: to, column }, 'auto');
  }
  return copy;
}

/** To the partitions of its table, and theirs. */
export function spread(index: ReplayedRelation, state: ReplayedState): void {
  if (index.index === undefined) return;
  for (const child of state.children(index.index.table))
    if (child.isPartition) spreadTo(index, child.oid, state);
}

/** One that is like it is taken for it; otherwise it is made. */
function spreadTo(index: ReplayedRelation, child: number, state: ReplayedState): void {
  const from = state.relation(index.index?.table);
  if (from === undefined || index.index === undefined) return;
  const constraint = state
    .constraints(from.oid)
    .find(({ index: own, kind }) => own === index.oid && isIndexed(kind));
  const known = state.indexes(child).find((each) => isAlike(each, index, state));
  const made = known ?? addIndexOf(index, child, state);
  if (made === undefined) return;
  state.put({ ...made, parents: [index.oid], isPartition: true });
  state.depend(whole(made.oid), whole(index.oid), 'auto');
  if (constraint === undefined) return;
  if (!state.constraints(child).some(({ index: own }) => own === made.oid)) {
    if (constraint.kind === 'primary key') {
      const keys = namesOf(constraint.columns, from);
      for (const key of keys) {
        const name = notNullNameOf(from, key, state);
        requireColumn(child, key, { name, validated: true }, state);
      }
    }
    constrain(child, made, constraint.kind as IndexedKind, state);
  }
  const own = state.constraints(child).find(({ index: each }) => each === made.oid);
  if (own !== undefined) state.depend(whole(own.oid), whole(constraint.oid), 'auto');
}

const isIndexed = (kind: ReplayedConstraint['kind']): boolean =>
  kind === 'primary key' || kind === 'unique' || kind === 'exclusion';

function isAlike(one: ReplayedRelation, other: ReplayedRelation, state: ReplayedState): boolean {
  if (one.index === undefined || other.index === undefined || one.parents.length > 0) return false;
  const [own, others] = [state.relation(one.index.table), state.relation(other.index.table)];
  if (own === undefined || others === undefined || one.index.isComputed || other.index.isComputed)
    return false;
  const keys = ({ keys: all }: typeof one.index, table: ReplayedRelation) =>
    JSON.stringify(all.map((key) => (key === undefined ? undefined : namesOf([key], table))));
  return (
    one.index.isUnique === other.index.isUnique &&
    one.index.isPrimary === other.index.isPrimary &&
    one.index.method === other.index.method &&
    keys(one.index, own) === keys(other.index, others)
  );
}

/** A foreign key goes to the partitions of its table under its own name. */
export function spreadKey(key: ReplayedConstraint, state: ReplayedState): void {
  for (const child of state.children(key.table)) if (child.isPartition) spreadKeyTo(key, child.oid, state);
}

function spreadKeyTo(key: ReplayedConstraint, child: number, state: ReplayedState): void {
  const from = state.relation(key.table);
  if (from === undefined || state.constraints(child).some(({ name }) => name === key.name)) return;
  const copy = copyConstraint(key, from, child, state);
  if (copy === undefined) return;
  dependOnReferenced(copy, state);
  state.depend(whole(copy.oid), whole(key.oid), 'auto');
  spreadKey(copy, state);
}

/** A foreign key to a partitioned table is one to each partition besides. */
export function spreadReference(key: ReplayedConstraint, state: ReplayedState): void {
  if (key.references === undefined) return;
  const partitions = state.children(key.references).filter(({ isPartition }) => isPartition);
  const inOrder = partitions.toSorted((a, b) => Number(isDefault(a, state)) - Number(isDefault(b, state)));
  for (const { oid } of inOrder) spreadReferenceTo(key, oid, state);
}

const isDefault = ({ oid, parents }: ReplayedRelation, state: ReplayedState): boolean =>
  state.relation(parents[0])?.defaultPartition === oid;

function spreadReferenceTo(key: ReplayedConstraint, partition: number, state: ReplayedState): void {
  const [table, from, to] = [key.table, key.references, partition].map((oid) => state.relation(oid));
  if (table === undefined || from === undefined || to === undefined) return;
  const copy: ReplayedConstraint = {
    ...key,
    oid: state.newOid(),
    name: chooseConstraintName({ table: key.name, label: '' }, table.schema, state),
    references: partition,
    referencedColumns: sameIn(key.referencedColumns, from, to),
    index: state.indexes(partition).find(({ parents }) => parents.includes(key.index ?? 0))?.oid,
  };
  state.put(copy);
  for (const column of copy.columns) state.depend(whole(copy.oid), { oid: copy.table, column }, 'auto');
  dependOnReferenced(copy, state);
  state.depend(whole(copy.oid), whole(key.oid), 'internal');
  spreadReference(copy, state);
}

/** Keys of others that reference the whole table. */
function spreadReferencesTo(partition: number, parent: number, state: ReplayedState): void {
  const keys = state.dependents(whole(parent)).flatMap(({ of }) => {
    const thing = state.thing(of.oid);
    return thing?.class === 'constraint' && thing.references === parent ? [thing] : [];
  });
  for (const key of new Set(keys)) spreadReferenceTo(key, partition, state);
}

function copyStatistics(from: ReplayedRelation, to: number, state: ReplayedState): void {
  const target = state.relation(to);
  if (target === undefined) return;
  for (const { oid } of state.partsOf(from.oid, 'statistics')) {
    const numbers = state.dependencies(oid).map(({ on }) => on.column);
    const columns = namesOf(
      numbers.toSorted((a, b) => a - b),
      from,
    );
    const { schema } = target;
    const name = chooseRelationName({ table: target.name, columns, label: 'stat' }, { schema }, state);
    const copy = { class: 'statistics', oid: state.newOid(), schema, name, table: to } as const;
    state.put(copy);
    for (const column of numbersIn(target, columns))
      state.depend(whole(copy.oid), { oid: to, column }, 'auto');
  }
}

/** Bits of `TableLikeOption` in parsenodes.h. */
const LIKE = {
  constraints: 4,
  defaults: 8,
  generated: 16,
  identity: 32,
  indexes: 64,
  statistics: 128,
} as const;

export function likeTable(
  oid: number,
  { relation, options = 0 }: TableLikeClause,
  stage: Stage,
  state: ReplayedState,
): void {
  const from = state.find('relation', rangeName(relation));
  if (from === undefined) return;
  const has = (bit: number): boolean => (options & bit) !== 0;
  if (stage === 'columns') {
    copyColumns(from, oid, { defaults: has(LIKE.defaults), generated: has(LIKE.generated) }, state);
    return;
  }
  for (const { kind, columns, name } of state.constraints(from.oid)) {
    if (kind !== 'not null') continue;
    for (const column of namesOf(columns, from)) requireColumn(oid, column, { name, validated: true }, state);
  }
  for (const { name, identity } of from.columns) {
    if (identity && has(LIKE.identity)) identify(oid, name, undefined, state);
  }
  if (has(LIKE.constraints)) copyChecks(from, oid, state);
  if (has(LIKE.statistics)) copyStatistics(from, oid, state);
  if (!has(LIKE.indexes)) return;
  for (const index of state.indexes(from.oid)) {
    const made = addIndexOf(index, oid, state);
    const constraint = state
      .constraints(from.oid)
      .find(({ index: own, kind }) => own === index.oid && isIndexed(kind));
    if (made !== undefined && constraint !== undefined)
      constrain(oid, made, constraint.kind as IndexedKind, state);
  }
}
