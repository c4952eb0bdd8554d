/** ALTER TABLE, and what shares its grammar: what becomes of columns, constraints, partitions and storage. */
import type { AlterTableCmd, AlterTableStmt, Constraint } from 'libpg-query';
import { nameParts, qualifiedName, rangeName } from '../names';
import {
  changeType,
  defineColumn,
  dropIdentity,
  generate,
  identify,
  setDefault,
  stopGenerating,
} from './columns';
import { notNullNameOf, requireColumn } from './constraint-parts';
import { addConstraint, type NewConstraint } from './constraints';
import { goneWith, remove } from './gone';
import { inherit } from './inheritance';
import { changeColumn } from './relations';
import type { ReplayedState } from './state';
import { type ReplayedConstraint, type ReplayedRelation, whole } from './things';

interface Target {
  readonly table: ReplayedRelation;
  /** The table, and its partitions and children where the statement reaches them. */
  readonly family: readonly ReplayedRelation[];
  readonly command: AlterTableCmd;
}

type Action = (target: Target, state: ReplayedState) => void;

export function alterTable(alter: AlterTableStmt, state: ReplayedState): void {
  const name = rangeName(alter.relation);
  for (const node of alter.cmds ?? []) {
    const table = state.find('relation', name);
    if (table === undefined || !('AlterTableCmd' in node)) continue;
    const isWhole = alter.relation?.inh === true || alter.objtype === 'OBJECT_TYPE';
    const family = isWhole ? familyOf(table, state) : [table];
    ACTIONS[node.AlterTableCmd.subtype ?? '']?.({ table, family, command: node.AlterTableCmd }, state);
  }
}

/** Typed tables change with their composite type. */
export function familyOf(table: ReplayedRelation, state: ReplayedState): readonly ReplayedRelation[] {
  if (table.kind !== 'composite type') return state.family(table);
  const typed = state.dependents(whole(table.oid)).map(({ of }) => state.relation(of.oid));
  return [table, ...typed.filter((relation) => relation?.ofType === table.oid)].flatMap((one) => one ?? []);
}

const each =
  (act: (oid: number, command: AlterTableCmd, state: ReplayedState) => void): Action =>
  ({ family, command }, state) => {
    for (const { oid } of family) act(oid, command, state);
  };

const columnDef = ({ def }: AlterTableCmd) =>
  def !== undefined && 'ColumnDef' in def ? def.ColumnDef : undefined;

const constraintDef = ({ def }: AlterTableCmd) =>
  def !== undefined && 'Constraint' in def ? def.Constraint : undefined;

/** Indexes and foreign keys find their way to partitions by themselves, and go to no inheritance child. */
const SPREADING: readonly (string | undefined)[] = [
  'CONSTR_PRIMARY',
  'CONSTR_UNIQUE',
  'CONSTR_EXCLUSION',
  'CONSTR_FOREIGN',
];

const addColumns: Action = ({ table, family, command }, state) => {
  const definition = columnDef(command);
  if (definition === undefined || table.columns.some(({ name }) => name === definition.colname)) return;
  for (const { oid } of family) {
    for (const added of defineColumn(oid, definition, { isOnNewTable: false }, state)) {
      if (oid === table.oid) addConstraint(oid, added, state);
      else if (!SPREADING.includes(added.constraint.contype)) {
        addConstraint(oid, { ...added, constraint: asNamed(added, table.oid, state) }, state);
      }
    }
  }
};

/** A column that is NOT NULL is so under one name in every table of the family. */
function asNamed({ constraint, column }: NewConstraint, oid: number, state: ReplayedState): Constraint {
  if (constraint.contype !== 'CONSTR_NOTNULL' || constraint.conname !== undefined) return constraint;
  const name = column === undefined ? undefined : notNullNameOf(state.relation(oid), column, state);
  return name === undefined ? constraint : { ...constraint, conname: name };
}

const addConstraints: Action = ({ table, family, command }, state) => {
  const constraint = constraintDef(command);
  if (constraint === undefined) return;
  const isAlone = SPREADING.includes(constraint.contype) || constraint.is_no_inherit === true;
  // One that is given a name by Postgres has the same in every table.
  addConstraint(table.oid, { constraint, column: undefined, isOnNewTable: false }, state);
  const added = state.constraints(table.oid).at(-1);
  for (const { oid } of isAlone ? [] : family) {
    if (oid === table.oid) continue;
    const conname = constraint.conname ?? added?.name;
    const named = conname === undefined ? constraint : { ...constraint, conname };
    addConstraint(oid, { constraint: named, column: undefined, isOnNewTable: false }, state);
  }
};

const dropColumns: Action = ({ family, command }, state) => {
  for (const { oid, columns } of family) {
    const column = columns.find(({ name }) => name === command.name);
    if (column !== undefined) remove(goneWith([{ oid, column: column.number }], state), state);
  }
};

const dropConstraints: Action = ({ family, command }, state) => {
  for (const { oid } of family) {
    const constraint = state.constraints(oid).find(({ name }) => name === command.name);
    if (constraint !== undefined) dropConstraint(constraint, state);
  }
};

function dropConstraint(constraint: ReplayedConstraint, state: ReplayedState): void {
  remove(goneWith([whole(constraint.oid)], state), state);
  if (constraint.kind === 'not null') allowNull(constraint.table, constraint.columns, state);
}

function allowNull(oid: number, numbers: readonly number[], state: ReplayedState): void {
  for (const { name, number } of state.relation(oid)?.columns ?? []) {
    if (numbers.includes(number)) changeColumn(oid, name, { notNull: false }, state);
  }
}

const dropNotNull = (oid: number, column: string | undefined, state: ReplayedState): void => {
  const number = state.relation(oid)?.columns.find(({ name }) => name === column)?.number;
  if (number === undefined) return;
  for (const { kind, columns, oid: own } of state.constraints(oid)) {
    if (kind === 'not null' && columns.includes(number)) state.remove(own);
  }
  allowNull(oid, [number], state);
};

/** A foreign key is known to hold once its partitions' are. */
const validate: Action = ({ family, command }, state) => {
  for (const { oid } of family) {
    const constraint = state.constraints(oid).find(({ name }) => name === command.name);
    if (constraint?.isEnforced === true) state.put({ ...constraint, validated: true });
  }
};

const alterConstraint: Action = ({ family, command: { def } }, state) => {
  if (def === undefined || !('ATAlterConstraint' in def)) return;
  const { conname, alterEnforceability, is_enforced } = def.ATAlterConstraint;
  if (alterEnforceability !== true) return;
  for (const { oid } of family) {
    const constraint = state.constraints(oid).find(({ name }) => name === conname);
    if (constraint === undefined) continue;
    const isEnforced = is_enforced === true;
    state.put({ ...constraint, isEnforced, validated: isEnforced });
  }
};

const partitionIn = ({ def }: AlterTableCmd, state: ReplayedState): ReplayedRelation | undefined =>
  def !== undefined && 'PartitionCmd' in def
    ? state.find('relation', rangeName(def.PartitionCmd.name))
    : undefined;

const attach: Action = ({ table, command }, state) => {
  const partition = partitionIn(command, state);
  if (partition === undefined || command.def === undefined || !('PartitionCmd' in command.def)) return;
  state.put({ ...partition, parents: [table.oid], isPartition: true });
  state.depend(whole(partition.oid), whole(table.oid), 'auto');
  if (table.index !== undefined) {
    validateWhenComplete(table, state);
    return;
  }
  if (command.def.PartitionCmd.bound?.is_default === true) {
    state.put({ ...table, defaultPartition: partition.oid });
  }
  inherit(partition.oid, table.oid, 'the rest', state);
};

/** An index of a partitioned table is valid once it has one in every partition. */
function validateWhenComplete({ oid }: ReplayedRelation, state: ReplayedState): void {
  const index = state.relation(oid);
  if (index?.index === undefined) return;
  const attached = state.children(oid).map(({ index: own }) => own?.table);
  const isComplete = state.children(index.index.table).every((partition) => attached.includes(partition.oid));
  if (isComplete) state.put({ ...index, index: { ...index.index, isValid: true } });
}

const detach: Action = ({ table, command }, state) => {
  const partition = partitionIn(command, state);
  if (partition !== undefined) leave(partition, table, state);
};

/** Indexes and constraints stay, on their own. */
function leave(child: ReplayedRelation, parent: ReplayedRelation, state: ReplayedState): void {
  const parents = child.parents.filter((oid) => oid !== parent.oid);
  state.put({ ...child, parents, isPartition: false });
  state.forgetDependencies(({ of, on }) => of.column === 0 && on.oid === parent.oid, child.oid);
  const found = state.relation(parent.oid);
  if (found?.defaultPartition === child.oid) state.put({ ...found, defaultPartition: undefined });
  for (const { of, on } of state.dependents(whole(child.oid))) {
    const key = state.thing(of.oid);
    const isOfWhole = state.dependencies(of.oid).some(({ strength }) => strength === 'internal');
    if (key?.class === 'constraint' && key.references === on.oid && isOfWhole) state.remove(key.oid);
  }
  const above = [...state.indexes(parent.oid), ...state.constraints(parent.oid)].map(({ oid }) => oid);
  for (const part of [...state.indexes(child.oid), ...state.constraints(child.oid)]) {
    state.forgetDependencies(({ on }) => above.includes(on.oid), part.oid);
    if (part.class === 'relation') state.put({ ...part, parents: [], isPartition: false });
  }
}

const addInheritance: Action = ({ table, command: { def } }, state) => {
  const parent =
    def !== undefined && 'RangeVar' in def ? state.find('relation', rangeName(def.RangeVar)) : undefined;
  if (parent === undefined) return;
  state.put({ ...table, parents: [...table.parents, parent.oid] });
  state.depend(whole(table.oid), whole(parent.oid), 'normal');
};

const dropInheritance: Action = ({ table, command: { def } }, state) => {
  const parent =
    def !== undefined && 'RangeVar' in def ? state.find('relation', rangeName(def.RangeVar)) : undefined;
  if (parent !== undefined) leave(table, parent, state);
};

const addOf: Action = ({ table, command }, state) => {
  const composite = state.find('relation', qualifiedName(nameParts(command.def)));
  if (composite === undefined) return;
  state.put({ ...table, ofType: composite.oid });
  state.depend(whole(table.oid), whole(composite.oid), 'normal');
};

const dropOf: Action = ({ table }, state) => {
  state.forgetDependencies(({ on }) => on.oid === table.ofType, table.oid);
  state.put({ ...table, ofType: undefined });
};

const store =
  (change: (command: AlterTableCmd) => Partial<ReplayedRelation>): Action =>
  ({ table, command }, state) =>
    state.put({ ...table, ...change(command) });

/** A table's sequences and indexes are logged as it is. */
const log =
  (isUnlogged: boolean): Action =>
  ({ table }, state) => {
    const owned = state.dependents(whole(table.oid)).map(({ of }) => state.relation(of.oid));
    const sequences = owned.filter((relation) => relation?.kind === 'sequence');
    for (const relation of [table, ...state.indexes(table.oid), ...sequences]) {
      if (relation !== undefined) state.put({ ...relation, isUnlogged });
    }
  };

const ACTIONS: Readonly<Record<string, Action>> = {
  AT_AddColumn: addColumns,
  AT_ColumnDefault: each((oid, { name, def }, state) => setDefault(oid, name, def, state)),
  AT_DropNotNull: each((oid, { name }, state) => dropNotNull(oid, name, state)),
  AT_SetNotNull: ({ table, family, command: { name = '' } }, state) => {
    requireColumn(table.oid, name, { validated: true }, state);
    const own = notNullNameOf(state.relation(table.oid), name, state);
    for (const { oid } of family) requireColumn(oid, name, { name: own, validated: true }, state);
  },
  AT_SetExpression: each((oid, { name, def }, state) => {
    if (def !== undefined) generate(oid, name, { raw_expr: def }, state);
  }),
  AT_DropExpression: each((oid, { name }, state) => stopGenerating(oid, name, state)),
  AT_DropColumn: dropColumns,
  AT_AddConstraint: addConstraints,
  AT_AlterConstraint: alterConstraint,
  AT_ValidateConstraint: validate,
  AT_DropConstraint: dropConstraints,
  AT_AlterColumnType: each((oid, command, state) =>
    changeType(oid, command.name, columnDef(command) ?? {}, state),
  ),
  AT_SetLogged: log(false),
  AT_SetUnLogged: log(true),
  AT_SetAccessMethod: store(({ name }) => ({ accessMethod: name ?? 'heap' })),
  AT_SetTableSpace: store(({ name }) => ({ tablespace: name })),
  AT_AddInherit: addInheritance,
  AT_DropInherit: dropInheritance,
  AT_AddOf: addOf,
  AT_DropOf: dropOf,
  AT_AttachPartition: attach,
  AT_DetachPartition: detach,
  AT_DetachPartitionFinalize: detach,
  AT_AddIdentity: ({ table, command }, state) => {
    const constraint = constraintDef(command);
    identify(table.oid, command.name ?? '', constraint?.options, state);
  },
  AT_DropIdentity: each((oid, { name }, state) => dropIdentity(oid, name, state)),
};
