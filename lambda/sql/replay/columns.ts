/** New columns of a replayed table, with defaults, sequences and generated values. */
import type { ColumnDef, Constraint } from 'libpg-query';
import { nameParts, qualifiedName, rangeName } from '../names';
import type { Node } from '../parse';
import { requireColumn } from './constraint-parts';
import type { NewConstraint } from './constraints';
import { callsVolatile, columnsIn, objectsIn } from './expressions';
import { chooseRelationName } from './object-names';
import { addColumn, changeColumn, newRelation } from './relations';
import type { ReplayedState } from './state';
import { whole } from './things';
import { resolveType, serialOf, UNLIMITED } from './types';

/** Adds the column; what constraints are left for the table as a whole is answered. */
export function defineColumn(
  oid: number,
  definition: ColumnDef,
  { isOnNewTable }: { readonly isOnNewTable: boolean },
  state: ReplayedState,
): readonly NewConstraint[] {
  const name = definition.colname ?? '';
  const type = resolveType(definition.typeName, state);
  const collation = collationOf(definition.collClause?.collname, type.collation);
  const column = addColumn(oid, { name, ...type, collation }, state);
  if (column === undefined) return [];
  if (serialOf(definition.typeName) !== undefined) {
    ownSequence(oid, name, 'serial', state);
    requireColumn(oid, name, { validated: true }, state);
  }
  const constraints = constraintsOf(definition);
  for (const constraint of constraints) {
    switch (constraint.contype) {
      case 'CONSTR_DEFAULT':
        setDefault(oid, name, constraint.raw_expr, state);
        break;
      case 'CONSTR_GENERATED':
        generate(oid, name, constraint, state);
        break;
      case 'CONSTR_IDENTITY':
        identify(oid, name, constraint.options, state);
    }
  }
  return constraints.map((constraint) => ({ constraint, column: name, isOnNewTable }));
}

/** `NOT ENFORCED` stands behind its constraint, as one of its own. */
function constraintsOf({ constraints = [] }: ColumnDef): readonly Constraint[] {
  const all = constraints.flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
  return all.map((constraint, index) => {
    const later = all.slice(index + 1);
    const end = later.findIndex(({ contype }) => contype?.startsWith('CONSTR_ATTR_') !== true);
    const attributes = end < 0 ? later : later.slice(0, end);
    const isUnenforced = attributes.some(({ contype }) => contype === 'CONSTR_ATTR_NOT_ENFORCED');
    return isUnenforced ? { ...constraint, is_enforced: false } : constraint;
  });
}

/** Numbers of collations that are the same on every server; another gets one that no other has. */
const COLLATIONS: Readonly<Record<string, number>> = { default: 100, C: 950, POSIX: 951 };
const OTHER_COLLATION = 1;

export function collationOf(name: readonly Node[] | undefined, otherwise: number): number {
  const { name: own } = qualifiedName((name ?? []).flatMap(nameParts));
  return name === undefined ? otherwise : (COLLATIONS[own] ?? OTHER_COLLATION);
}

const numberOf = (oid: number, column: string | undefined, state: ReplayedState): number | undefined =>
  state.relation(oid)?.columns.find(({ name }) => name === column)?.number;

export function dropDefault(oid: number, column: string | undefined, state: ReplayedState): void {
  const number = numberOf(oid, column, state);
  for (const known of state.partsOf(oid, 'default')) if (known.column === number) state.remove(known.oid);
}

export function setDefault(
  oid: number,
  column: string | undefined,
  expression: Node | undefined,
  state: ReplayedState,
): void {
  dropDefault(oid, column, state);
  if (expression === undefined || (isNull(expression) && isStoredAsIs(oid, column, state))) return;
  addDefault(oid, column, { expression, isGenerated: false }, state);
}

/** A default that is NULL is kept as none at all, unless a limit (an interval's is looked at earlier) or a domain has to see it. */
function isStoredAsIs(oid: number, name: string | undefined, state: ReplayedState): boolean {
  const column = state.relation(oid)?.columns.find((each) => each.name === name);
  const type = column && state.type(column.type);
  return type?.kind !== 'domain' && (column?.typmod === UNLIMITED || type?.name === 'interval');
}

const isNull = (expression: Node): boolean => 'A_Const' in expression && expression.A_Const.isnull === true;

function addDefault(
  oid: number,
  column: string | undefined,
  { expression, isGenerated }: { readonly expression: Node | undefined; readonly isGenerated: boolean },
  state: ReplayedState,
): void {
  const table = state.relation(oid);
  const number = numberOf(oid, column, state);
  if (table === undefined || number === undefined) return;
  const isVolatile = callsVolatile(expression, state);
  const added = {
    class: 'default',
    oid: state.newOid(),
    table: oid,
    column: number,
    isVolatile,
    isGenerated,
  } as const;
  state.put(added);
  state.depend(whole(added.oid), { oid, column: number }, isGenerated ? 'internal' : 'auto');
  for (const base of isGenerated ? columnsIn(expression, table) : []) {
    state.depend(whole(added.oid), { oid, column: base }, 'normal');
  }
  for (const object of objectsIn(expression, state)) state.depend(whole(added.oid), object, 'normal');
}

export function generate(
  oid: number,
  column: string | undefined,
  { raw_expr: expression, generated_kind: kind }: Pick<Constraint, 'raw_expr' | 'generated_kind'>,
  state: ReplayedState,
): void {
  dropDefault(oid, column, state);
  if (kind !== undefined)
    changeColumn(oid, column, { generated: kind === 'v' ? 'virtual' : 'stored' }, state);
  addDefault(oid, column, { expression, isGenerated: true }, state);
}

/** Values stay, and are computed no more. */
export function stopGenerating(oid: number, column: string | undefined, state: ReplayedState): void {
  dropDefault(oid, column, state);
  changeColumn(oid, column, { generated: undefined }, state);
}

export function identify(
  oid: number,
  column: string,
  options: readonly Node[] | undefined,
  state: ReplayedState,
): void {
  changeColumn(oid, column, { identity: true }, state);
  ownSequence(oid, column, 'identity', state, sequenceNameIn(options));
  requireColumn(oid, column, { validated: true }, state);
}

const sequenceNameIn = (options: readonly Node[] | undefined): string | undefined => {
  const option = (options ?? []).find(
    (node) => 'DefElem' in node && node.DefElem.defname === 'sequence_name',
  );
  return option !== undefined && 'DefElem' in option ? nameParts(option.DefElem.arg).at(-1) : undefined;
};

function ownSequence(
  oid: number,
  column: string,
  reason: 'serial' | 'identity',
  state: ReplayedState,
  named?: string,
): void {
  const table = state.relation(oid);
  const number = numberOf(oid, column, state);
  if (table === undefined || number === undefined) return;
  const { schema, isUnlogged } = table;
  const name =
    named ?? chooseRelationName({ table: table.name, columns: [column], label: 'seq' }, { schema }, state);
  const sequence = newRelation({ schema, name, kind: 'sequence', isUnlogged }, state);
  state.put(sequence);
  state.depend(whole(sequence.oid), { oid, column: number }, reason === 'serial' ? 'auto' : 'internal');
  if (reason === 'identity') return;
  const added = state.newOid();
  state.put({
    class: 'default',
    oid: added,
    table: oid,
    column: number,
    isVolatile: true,
    isGenerated: false,
  });
  state.depend(whole(added), { oid, column: number }, 'auto');
  state.depend(whole(added), whole(sequence.oid), 'normal');
}

export function dropIdentity(oid: number, column: string | undefined, state: ReplayedState): void {
  const number = numberOf(oid, column, state);
  changeColumn(oid, column, { identity: false }, state);
  for (const { of, on, strength } of state.dependents(whole(oid))) {
    if (on.column === number && strength === 'internal' && state.relation(of.oid)?.kind === 'sequence') {
      state.remove(of.oid);
    }
  }
}

export function changeType(
  oid: number,
  column: string | undefined,
  { typeName, collClause }: ColumnDef,
  state: ReplayedState,
): void {
  const number = numberOf(oid, column, state);
  if (number === undefined) return;
  const type = resolveType(typeName, state);
  state.forgetDependencies(({ of }) => of.column === number, oid);
  changeColumn(oid, column, { ...type, collation: collationOf(collClause?.collname, type.collation) }, state);
  state.depend({ oid, column: number }, whole(type.type), 'normal');
}

/** `OWNED BY table.column`, or `NONE`. */
export function ownedBy(sequence: number, options: readonly Node[] | undefined, state: ReplayedState): void {
  for (const option of options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname !== 'owned_by') continue;
    const parts = nameParts(option.DefElem.arg);
    const { schema, name } = qualifiedName(parts.slice(0, -1));
    const table = state.find(
      'relation',
      rangeName({ ...(schema === undefined ? {} : { schemaname: schema }), relname: name }),
    );
    state.forgetDependencies(({ strength }) => strength === 'auto', sequence);
    const number = table === undefined ? undefined : numberOf(table.oid, parts.at(-1), state);
    if (table !== undefined && number !== undefined) {
      state.depend(whole(sequence), { oid: table.oid, column: number }, 'auto');
    }
  }
}
