/** New constraints on a replayed table, with the names and dependencies that Postgres gives them. */
import type { Constraint } from 'libpg-query';
import type { ForeignKeyAction } from '../catalog';
import { provesNotNull } from '../effects/proof';
import { nameParts, rangeName } from '../names';
import type { Node } from '../parse';
import {
  constrain,
  dependOnReferenced,
  type IndexedKind,
  putConstraint,
  requireColumn,
} from './constraint-parts';
import { columnsIn, objectsIn } from './expressions';
import { addIndex, type IndexShape, indexNamed } from './indexes';
import { spread, spreadKey, spreadReference } from './inheritance';
import { chooseConstraintName } from './object-names';
import { numbersIn } from './relations';
import type { ReplayedState } from './state';
import { type ReplayedRelation, whole } from './things';

export interface NewConstraint {
  readonly constraint: Constraint;
  /** The column behind which it is written. */
  readonly column: string | undefined;
  /** A new table has no rows that could violate it. */
  readonly isOnNewTable: boolean;
}

export const namesIn = (nodes: readonly Node[] | undefined): readonly string[] =>
  (nodes ?? []).flatMap(nameParts);

/** Postgres's own column order, whatever the statement's. */
const ascending = (numbers: readonly number[]): readonly number[] =>
  [...new Set(numbers)].sort((a, b) => a - b);

/** On the one table: partitions and children get theirs by another call. */
export function addConstraint(oid: number, added: NewConstraint, state: ReplayedState): void {
  const table = state.relation(oid);
  if (table === undefined) return;
  switch (added.constraint.contype) {
    case 'CONSTR_CHECK':
      addCheck(table, added, state);
      break;
    case 'CONSTR_NOTNULL': {
      const { conname, skip_validation } = added.constraint;
      const columns = added.column === undefined ? namesIn(added.constraint.keys) : [added.column];
      const validated = added.isOnNewTable || skip_validation !== true;
      for (const column of columns) requireColumn(oid, column, { name: conname, validated }, state);
      break;
    }
    case 'CONSTR_PRIMARY':
    case 'CONSTR_UNIQUE':
    case 'CONSTR_EXCLUSION':
      addIndexed(table, added, state);
      break;
    case 'CONSTR_FOREIGN':
      addForeignKey(table, added, state);
  }
}

/** Left out where it is false. */
const isEnforced = ({ is_enforced }: Constraint): boolean => is_enforced === true;

const isValidated = ({ constraint, isOnNewTable }: NewConstraint): boolean =>
  isEnforced(constraint) && (isOnNewTable || constraint.skip_validation !== true);

function addCheck(table: ReplayedRelation, added: NewConstraint, state: ReplayedState): void {
  const { constraint } = added;
  const columns = ascending(columnsIn(constraint.raw_expr, table));
  const [only, ...more] = columns.map((number) => columnName(number, table));
  const name =
    constraint.conname ??
    chooseConstraintName(
      { table: table.name, columns: only === undefined || more.length > 0 ? [] : [only], label: 'check' },
      table.schema,
      state,
    );
  // A child may have it already, and then the two are one.
  if (state.constraints(table.oid).some((known) => known.name === name)) return;
  const check = putConstraint(
    {
      table: table.oid,
      name,
      kind: 'check',
      validated: isValidated(added),
      isEnforced: isEnforced(constraint),
      columns,
      notNullColumns: numbersIn(table, provesNotNull(asAddition(constraint))),
    },
    state,
  );
  for (const object of objectsIn(constraint.raw_expr, state))
    state.depend(whole(check.oid), object, 'normal');
}

const columnName = (number: number, table: ReplayedRelation): string =>
  table.columns.find((column) => column.number === number)?.name ?? '';

const asAddition = (constraint: Constraint): Node => ({
  AlterTableStmt: { cmds: [{ AlterTableCmd: { def: { Constraint: constraint } } }] },
});

function addIndexed(
  table: ReplayedRelation,
  { constraint, column }: NewConstraint,
  state: ReplayedState,
): void {
  const kind = INDEXED[constraint.contype ?? ''] ?? 'unique';
  const isPrimary = kind === 'primary key';
  if (constraint.indexname !== undefined) {
    adoptIndex(table, constraint, { kind, isPrimary }, state);
    return;
  }
  const keys = column === undefined ? namesIn(constraint.keys) : [column];
  if (isPrimary) for (const key of keys) requireColumn(table.oid, key, { validated: true }, state);
  const shape: IndexShape = {
    keys: kind === 'exclusion' ? excluded(constraint) : keys.map((name) => ({ name })),
    included: namesIn(constraint.including),
    predicate: constraint.where_clause,
    method: constraint.access_method ?? 'btree',
    isUnique: kind !== 'exclusion',
    isPrimary,
    label: LABELS[kind],
    isOfConstraint: true,
  };
  const index = addIndex(table.oid, { name: constraint.conname, shape }, state);
  if (index === undefined) return;
  constrain(table.oid, index, kind, state);
  spread(index, state);
}

const INDEXED: Readonly<Record<string, IndexedKind>> = {
  CONSTR_PRIMARY: 'primary key',
  CONSTR_EXCLUSION: 'exclusion',
};

const LABELS = { 'primary key': 'pkey', unique: 'key', exclusion: 'excl' } as const;

const excluded = ({ exclusions }: Constraint): IndexShape['keys'] =>
  (exclusions ?? []).flatMap((node) => {
    const element = 'List' in node ? node.List.items?.[0] : undefined;
    return element !== undefined && 'IndexElem' in element ? [element.IndexElem] : [];
  });

function adoptIndex(
  table: ReplayedRelation,
  constraint: Constraint,
  { kind, isPrimary }: { readonly kind: IndexedKind; readonly isPrimary: boolean },
  state: ReplayedState,
): void {
  const index = indexNamed(table, constraint.indexname, state);
  if (index?.index === undefined) return;
  const keys = index.index.keys.flatMap((key) => (key === undefined ? [] : columnName(key, table)));
  if (isPrimary) for (const key of keys) requireColumn(table.oid, key, { validated: true }, state);
  const adopted = {
    ...index,
    name: constraint.conname ?? index.name,
    index: { ...index.index, isPrimary },
  };
  state.put(adopted);
  constrain(table.oid, adopted, kind, state);
}

const ACTIONS: Readonly<Record<string, ForeignKeyAction>> = {
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
};

function addForeignKey(table: ReplayedRelation, added: NewConstraint, state: ReplayedState): void {
  const { constraint, column } = added;
  const referenced = state.find('relation', rangeName(constraint.pktable));
  const names = column === undefined ? namesIn(constraint.fk_attrs) : [column];
  const name =
    constraint.conname ??
    chooseConstraintName({ table: table.name, columns: names, label: 'fkey' }, table.schema, state);
  if (referenced === undefined || state.constraints(table.oid).some((known) => known.name === name)) return;
  const written = numbersIn(referenced, namesIn(constraint.pk_attrs));
  const primary = state.constraints(referenced.oid).find(({ kind }) => kind === 'primary key');
  const referencedColumns = written.length > 0 ? written : (primary?.columns ?? []);
  const index = keyOver(referenced, referencedColumns, state);
  const key = putConstraint(
    {
      table: table.oid,
      name,
      kind: 'foreign key',
      validated: isValidated(added),
      isEnforced: isEnforced(constraint),
      columns: numbersIn(table, names),
      references: referenced.oid,
      referencedColumns,
      index: index?.oid,
      deleteAction: ACTIONS[constraint.fk_del_action ?? ''] ?? 'no action',
      updateAction: ACTIONS[constraint.fk_upd_action ?? ''] ?? 'no action',
    },
    state,
  );
  dependOnReferenced(key, state);
  spreadReference(key, state);
  spreadKey(key, state);
}

/** The unique index that tells which row is referenced. */
function keyOver(
  table: ReplayedRelation,
  columns: readonly number[],
  state: ReplayedState,
): ReplayedRelation | undefined {
  const wanted = ascending(columns).join();
  return state
    .indexes(table.oid)
    .find(
      ({ index }) =>
        index?.isUnique === true &&
        !index.isPartial &&
        ascending(index.keys.flatMap((key) => key ?? [])).join() === wanted,
    );
}
