/** Effects of new columns and constraints, and of validating one. */
import type { ColumnDef, Constraint } from 'libpg-query';
import type { CatalogRelation } from '../catalog';
import { nameParts, rangeName } from '../names';
import type { Node } from '../parse';
import type { Action } from './actions';
import type { EffectsCollector } from './collector';
import { functionsIn } from './names';
import { namedType, refusesValues } from './types';

export function columnAddition({ command, table, family }: Action, effects: EffectsCollector): void {
  const column = command.def !== undefined && 'ColumnDef' in command.def ? command.def.ColumnDef : undefined;
  if (column === undefined || table === undefined) return;
  const exists = table.columns.some(({ name }) => name === column.colname);
  if (exists) return;
  const constraints = constraintsOf(column);
  for (const constraint of constraints) {
    if (constraint.contype !== 'CONSTR_FOREIGN') continue;
    const referenced = lockReferenced(constraint, effects);
    if (constraints.some(({ contype }) => contype === 'CONSTR_DEFAULT')) effects.scanFamily(referenced);
  }
  const isRequired = constraints.some(
    ({ contype }) => contype === 'CONSTR_NOTNULL' || contype === 'CONSTR_PRIMARY',
  );
  const hasDefault = constraints.some(({ contype }) => contype === 'CONSTR_DEFAULT');
  // An application that does not know the column gives it no value.
  if (isRequired && !hasDefault && !isComputedForEachRow(column, constraints, effects))
    effects.phase('contract');
  if (isComputedForEachRow(column, constraints, effects)) {
    for (const member of family) effects.rewriteTable(member);
    return;
  }
  // A foreign key of a column that is NULL throughout holds.
  const isReference = hasDefault && constraints.some(({ contype }) => contype === 'CONSTR_FOREIGN');
  const needsCheck =
    isReference || constraints.some(({ contype }) => READS_THE_TABLE.includes(contype ?? ''));
  if (needsCheck || (isRequired && !hasDefault)) for (const member of family) effects.scan(member);
}

const READS_THE_TABLE: readonly string[] = ['CONSTR_CHECK', 'CONSTR_UNIQUE', 'CONSTR_PRIMARY'];

const constraintsOf = (column: ColumnDef): readonly Constraint[] =>
  (column.constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));

const SERIALS: readonly string[] = ['serial', 'bigserial', 'smallserial', 'serial2', 'serial4', 'serial8'];

/** A constant default is kept once, in the catalog; a value of its own for each row needs the table written anew. */
function isComputedForEachRow(
  column: ColumnDef,
  constraints: readonly Constraint[],
  effects: EffectsCollector,
): boolean {
  const parts = (column.typeName?.names ?? []).flatMap(nameParts);
  if (parts.length === 1 && SERIALS.includes(parts[0] ?? '')) return true;
  const type = namedType(column, effects.catalog);
  if (type !== undefined && refusesValues(type, effects.catalog)) return true;
  return constraints.some(({ contype, raw_expr: expression, generated_kind: kind }) => {
    if (contype === 'CONSTR_IDENTITY') return true;
    if (contype === 'CONSTR_GENERATED') return kind !== 'v';
    return contype === 'CONSTR_DEFAULT' && isVolatile(expression, effects);
  });
}

function isVolatile(expression: Node | undefined, effects: EffectsCollector): boolean {
  const called = functionsIn(expression);
  return called.some((name) => {
    const known = effects.catalog.functionsNamed(name);
    return known.length === 0 || known.some((candidate) => candidate.isVolatile);
  });
}

function lockReferenced(constraint: Constraint, effects: EffectsCollector): CatalogRelation | undefined {
  const referenced = effects.find(rangeName(constraint.pktable));
  effects.lockFamily(referenced, 'ShareRowExclusiveLock');
  return referenced;
}

export function constraintAddition({ command, table, family }: Action, effects: EffectsCollector): void {
  const constraint =
    command.def !== undefined && 'Constraint' in command.def ? command.def.Constraint : undefined;
  if (constraint === undefined) return;
  if (constraint.contype !== 'CONSTR_NOTNULL') effects.once();
  effects.phase(isOfNewColumns(constraint, table) ? 'expand' : 'contract');
  const isUnchecked = constraint.skip_validation === true || constraint.is_enforced === false;
  switch (constraint.contype) {
    case 'CONSTR_FOREIGN': {
      const referenced = lockReferenced(constraint, effects);
      if (isUnchecked) return;
      for (const member of family) effects.scan(member);
      effects.scanFamily(referenced);
      return;
    }
    case 'CONSTR_NOTNULL':
      requireNotNull(
        names(constraint.keys),
        isUnchecked ? 'later' : 'now',
        { command, table, family },
        effects,
      );
      return;
    case 'CONSTR_PRIMARY':
    case 'CONSTR_UNIQUE':
    case 'CONSTR_EXCLUSION':
      indexedConstraint(constraint, { command, table, family }, effects);
      return;
    default:
      if (!isUnchecked) for (const member of family) effects.scan(member);
  }
}

const names = (nodes: readonly Node[] | undefined): readonly string[] => (nodes ?? []).flatMap(nameParts);

/** Whoever does not know a column yet cannot violate a constraint on it. */
function isOfNewColumns(constraint: Constraint, table: CatalogRelation | undefined): boolean {
  const columns = names([...(constraint.keys ?? []), ...(constraint.fk_attrs ?? [])]);
  const isKnown = (column: string): boolean => table?.columns.some(({ name }) => name === column) === true;
  return table === undefined || (columns.length > 0 && !columns.some(isKnown));
}

function indexedConstraint(constraint: Constraint, action: Action, effects: EffectsCollector): void {
  const { table, family } = action;
  if (constraint.indexname === undefined) {
    for (const member of family) effects.scan(member);
    return;
  }
  const index =
    table && effects.catalog.indexesOf(table).find(({ name }) => name.name === constraint.indexname);
  if (constraint.conname !== undefined && constraint.conname !== constraint.indexname) {
    effects.lock(index, 'ShareUpdateExclusiveLock');
  }
  if (constraint.contype === 'CONSTR_PRIMARY') {
    requireNotNull(index?.index?.columns ?? [], 'now', action, effects);
  }
}

export function notNull(action: Action, effects: EffectsCollector): void {
  requireNotNull([action.command.name ?? ''], 'now', action, effects);
}

/** A valid CHECK that says so spares the scan. */
function requireNotNull(
  columns: readonly string[],
  when: 'now' | 'later',
  { family }: Action,
  effects: EffectsCollector,
): void {
  if (when === 'later') return;
  for (const member of family) {
    const proven = member.constraints.flatMap(({ provesNotNull }) => provesNotNull);
    const unproven = member.constraints.flatMap(({ kind, validated, columns: named }) =>
      kind === 'not null' && !validated ? named : [],
    );
    const isOpen = (column: string): boolean =>
      !proven.includes(column) &&
      (unproven.includes(column) || member.columns.find(({ name }) => name === column)?.notNull !== true);
    if (columns.some(isOpen)) effects.scan(member);
  }
}

export function validation({ command, table }: Action, effects: EffectsCollector): void {
  const constraint = table?.constraints.find(({ name }) => name === command.name);
  if (table === undefined || constraint === undefined || constraint.validated) return;
  if (constraint.references === undefined) {
    effects.lockFamily(table, 'ShareUpdateExclusiveLock');
    effects.scanFamily(table);
    return;
  }
  const referenced = effects.catalog.get(constraint.references);
  effects.lockFamily(referenced, 'RowShareLock');
  effects.scanFamily(table);
  effects.scanFamily(referenced);
}
