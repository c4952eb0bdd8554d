/** Effects of ALTER TABLE and of what shares its grammar: one row of facts for each of its actions. */
import type { AlterTableCmd, AlterTableStmt } from 'libpg-query';
import type { CatalogRelation } from '../catalog';
import type { LockMode } from '../lock-modes';
import { nameParts, qualifiedName, rangeName } from '../names';
import type { Node } from '../parse';
import type { Action } from './actions';
import type { EffectsCollector, Phase } from './collector';
import { columnAddition, constraintAddition, notNull, validation } from './constraints';
import { lockLosses, lockTyped } from './losses';
import { attach, attachIndex, detach, detachConcurrently } from './partitions';
import { rule } from './rules';
import { typeChange } from './type-change';

interface Fact {
  /** `AlterTableGetLockLevel` in tablecmds.c. */
  readonly mode: LockMode | ((command: AlterTableCmd) => LockMode);
  /** Whether partitions and children are locked as the table is. */
  readonly reach: 'family' | 'itself';
  readonly phase: Phase;
  /** `again`: running it a second time succeeds and changes nothing. */
  readonly repeat: 'again' | 'once';
  readonly more?: (action: Action, effects: EffectsCollector) => void;
}

const strong = (reach: Fact['reach'], phase: Phase, repeat: Fact['repeat'], more?: Fact['more']): Fact => ({
  mode: 'AccessExclusiveLock',
  reach,
  phase,
  repeat,
  ...(more === undefined ? {} : { more }),
});

const weak = (reach: Fact['reach'], phase: Phase, repeat: Fact['repeat'], more?: Fact['more']): Fact => ({
  ...strong(reach, phase, repeat, more),
  mode: 'ShareUpdateExclusiveLock',
});

const trigger: Fact = { ...strong('family', 'neutral', 'again'), mode: 'ShareRowExclusiveLock' };

/** Of the storage parameters, those that queries or inserts depend on while they run. */
const STRONG_OPTIONS: readonly string[] = [
  'user_catalog_table',
  ...['check_option', 'security_barrier', 'security_invoker'],
  ...['fastupdate', 'gin_pending_list_limit', 'buffering', 'pages_per_range', 'autosummarize'],
];

function optionsMode({ def }: AlterTableCmd): LockMode {
  const names = listOf(def).flatMap((option) => ('DefElem' in option ? [option.DefElem.defname ?? ''] : []));
  return names.some((name) => STRONG_OPTIONS.includes(name))
    ? 'AccessExclusiveLock'
    : 'ShareUpdateExclusiveLock';
}

const listOf = (node: Node | undefined): readonly Node[] =>
  node !== undefined && 'List' in node ? (node.List.items ?? []) : [];

const options: Fact = { ...weak('itself', 'neutral', 'again'), mode: optionsMode };

export const ACTIONS: Readonly<Record<string, Fact>> = {
  AT_AddColumn: strong('family', 'expand', 'once', columnAddition),
  AT_ColumnDefault: strong('family', 'neutral', 'again'),
  AT_DropNotNull: strong('family', 'expand', 'again'),
  AT_SetNotNull: strong('family', 'contract', 'again', notNull),
  // All values are computed anew where they are stored.
  AT_SetExpression: strong('family', 'contract', 'again', ({ family, command, table }, effects) => {
    const column = table?.columns.find(({ name }) => name === command.name);
    if (column?.generated !== 'virtual') for (const member of family) effects.rewriteTable(member);
  }),
  AT_DropExpression: strong('family', 'contract', 'once'),
  AT_SetStatistics: weak('family', 'neutral', 'again'),
  AT_SetOptions: weak('itself', 'neutral', 'again'),
  AT_ResetOptions: weak('itself', 'neutral', 'again'),
  AT_SetStorage: strong('family', 'neutral', 'again'),
  AT_SetCompression: strong('family', 'neutral', 'again'),
  AT_DropColumn: strong('family', 'contract', 'once', ({ command, family }, effects) => {
    lockLosses(effects);
    for (const index of family.flatMap((member) => effects.catalog.indexesOf(member))) {
      if (index.index?.columns.includes(command.name ?? '')) effects.lock(index, 'AccessExclusiveLock');
    }
  }),
  AT_AddConstraint: {
    ...strong('family', 'neutral', 'again', constraintAddition),
    mode: ({ def }) =>
      def !== undefined && 'Constraint' in def && def.Constraint.contype === 'CONSTR_FOREIGN'
        ? 'ShareRowExclusiveLock'
        : 'AccessExclusiveLock',
  },
  AT_AlterConstraint: strong('family', 'neutral', 'again', ({ command, table }, effects) => {
    if (command.def === undefined || !('ATAlterConstraint' in command.def)) return;
    const { conname, alterEnforceability, is_enforced } = command.def.ATAlterConstraint;
    const constraint = table?.constraints.find(({ name }) => name === conname);
    if (constraint?.references === undefined || alterEnforceability !== true) return;
    const referenced = effects.catalog.get(constraint.references);
    if (is_enforced === true && !constraint.validated) {
      effects.scanFamily(table);
      effects.scanFamily(referenced);
    }
    // The triggers of a foreign key stand on both tables.
    effects.lockFamily(referenced, is_enforced === true ? 'ShareRowExclusiveLock' : 'AccessExclusiveLock');
  }),
  AT_ValidateConstraint: weak('itself', 'neutral', 'again', validation),
  AT_DropConstraint: strong('family', 'expand', 'once', (_, effects) => lockLosses(effects)),
  AT_AlterColumnType: strong('family', 'neutral', 'again', typeChange),
  AT_AlterColumnGenericOptions: strong('itself', 'neutral', 'once'),
  AT_ChangeOwner: strong('itself', 'neutral', 'again', ({ table }, effects) => {
    for (const { oid } of table?.sequences ?? []) {
      effects.lock(effects.catalog.get(oid), 'AccessExclusiveLock');
    }
    if (table !== undefined) lockIndexes(table, effects);
  }),
  AT_ClusterOn: weak('itself', 'neutral', 'again', ({ command, table }, effects) => {
    effects.lock(indexNamed(command.name, table, effects), 'ShareUpdateExclusiveLock');
  }),
  AT_DropCluster: weak('itself', 'neutral', 'again'),
  AT_SetLogged: strong('itself', 'neutral', 'again', ({ table }, effects) => {
    if (table?.isUnlogged === true) rewriteWithSequences(table, effects);
  }),
  AT_SetUnLogged: strong('itself', 'neutral', 'again', ({ table }, effects) => {
    if (table?.isUnlogged === false) rewriteWithSequences(table, effects);
  }),
  AT_SetAccessMethod: strong('itself', 'neutral', 'again', ({ command, table }, effects) => {
    if (table?.accessMethod !== (command.name ?? 'heap')) effects.rewriteTable(table);
  }),
  // It copies the file as it is: nothing is read row by row, and the indexes stay where they are.
  AT_SetTableSpace: strong('itself', 'neutral', 'again', ({ command, table }, effects) => {
    if (table?.tablespace !== command.name) effects.rewrite(table);
  }),
  AT_SetRelOptions: options,
  AT_ResetRelOptions: options,
  AT_ReplaceRelOptions: options,
  AT_EnableTrig: trigger,
  AT_EnableAlwaysTrig: trigger,
  AT_EnableReplicaTrig: trigger,
  AT_DisableTrig: trigger,
  AT_EnableTrigAll: trigger,
  AT_DisableTrigAll: trigger,
  AT_EnableTrigUser: trigger,
  AT_DisableTrigUser: trigger,
  AT_EnableRule: strong('itself', 'neutral', 'again'),
  AT_EnableAlwaysRule: strong('itself', 'neutral', 'again'),
  AT_EnableReplicaRule: strong('itself', 'neutral', 'again'),
  AT_DisableRule: strong('itself', 'neutral', 'again'),
  AT_AddInherit: strong('itself', 'neutral', 'once', ({ command }, effects) => {
    effects.lock(rangeIn(command, effects), 'ShareUpdateExclusiveLock');
  }),
  AT_DropInherit: strong('itself', 'neutral', 'once', ({ command }, effects) => {
    effects.lock(rangeIn(command, effects), 'AccessShareLock');
  }),
  AT_AddOf: strong('itself', 'neutral', 'again', ({ command }, effects) => {
    effects.lock(effects.find(qualifiedName(nameParts(command.def))), 'AccessShareLock');
  }),
  AT_DropOf: strong('itself', 'neutral', 'once'),
  AT_ReplicaIdentity: strong('itself', 'neutral', 'again', ({ command, table }, effects) => {
    if (command.def === undefined || !('ReplicaIdentityStmt' in command.def)) return;
    effects.lock(indexNamed(command.def.ReplicaIdentityStmt.name, table, effects), 'ShareLock');
  }),
  AT_EnableRowSecurity: strong('itself', 'contract', 'again'),
  AT_DisableRowSecurity: strong('itself', 'expand', 'again'),
  AT_ForceRowSecurity: strong('itself', 'contract', 'again'),
  AT_NoForceRowSecurity: strong('itself', 'expand', 'again'),
  AT_GenericOptions: strong('itself', 'neutral', 'once'),
  AT_AttachPartition: weak('itself', 'neutral', 'again', ({ command, table }, effects) => {
    const partition = partitionIn(command, effects);
    if (table?.kind === 'partitioned index') attachIndex(table, partition, effects);
    else attach(table, partition, effects);
  }),
  AT_DetachPartition: {
    ...strong('itself', 'contract', 'once', ({ command, table }, effects) => {
      const take = isConcurrent(command) ? detachConcurrently : detach;
      take(table, partitionIn(command, effects), effects);
    }),
    mode: (command) => (isConcurrent(command) ? 'ShareUpdateExclusiveLock' : 'AccessExclusiveLock'),
  },
  AT_DetachPartitionFinalize: weak('itself', 'contract', 'once', ({ command }, effects) => {
    effects.lockFamily(partitionIn(command, effects), 'AccessExclusiveLock');
  }),
  AT_AddIdentity: strong('family', 'neutral', 'once'),
  AT_SetIdentity: strong('family', 'neutral', 'again', (action, effects) => {
    effects.lock(sequenceOf(action, effects), 'ShareRowExclusiveLock');
  }),
  AT_DropIdentity: strong('family', 'neutral', 'once', (action, effects) => {
    effects.lock(sequenceOf(action, effects), 'AccessExclusiveLock');
  }),
};

export const ALTER_RULES = rule('AlterTableStmt', (alter, effects) => {
  const table = effects.find(rangeName(alter.relation));
  const commands = (alter.cmds ?? []).flatMap((node) =>
    'AlterTableCmd' in node ? [node.AlterTableCmd] : [],
  );
  for (const command of commands) applyAction(alter, command, table, effects);
});

function applyAction(
  alter: AlterTableStmt,
  command: AlterTableCmd,
  table: CatalogRelation | undefined,
  effects: EffectsCollector,
): void {
  const fact = ACTIONS[command.subtype ?? ''];
  if (fact === undefined) {
    effects.hide();
    return;
  }
  if (table === undefined && alter.missing_ok === true) return;
  const reaches = fact.reach === 'family' && alter.relation?.inh === true;
  const family = table === undefined ? [] : reaches ? effects.catalog.family(table) : [table];
  const mode = typeof fact.mode === 'string' ? fact.mode : fact.mode(command);
  for (const member of family) effects.lock(member, mode);
  effects.phase(table === undefined ? 'expand' : fact.phase);
  if (command.behavior === 'DROP_CASCADE' && table !== undefined) lockTyped(table, effects);
  if (fact.repeat === 'once' && command.missing_ok !== true) effects.once();
  fact.more?.({ command, table, family }, effects);
}

function sequenceOf({ command, table }: Action, effects: EffectsCollector): CatalogRelation | undefined {
  const sequence = table?.sequences.find(({ column }) => column === command.name);
  return sequence === undefined ? undefined : effects.catalog.get(sequence.oid);
}

const indexNamed = (
  name: string | undefined,
  table: CatalogRelation | undefined,
  effects: EffectsCollector,
): CatalogRelation | undefined =>
  table === undefined
    ? undefined
    : effects.catalog.indexesOf(table).find((index) => index.name.name === name);

function lockIndexes(table: CatalogRelation, effects: EffectsCollector): void {
  for (const index of effects.catalog.indexesOf(table)) effects.lock(index, 'AccessExclusiveLock');
}

function rewriteWithSequences(table: CatalogRelation, effects: EffectsCollector): void {
  effects.rewriteTable(table);
  for (const { oid } of table.sequences) effects.lock(effects.catalog.get(oid), 'AccessExclusiveLock');
}

const partitionIn = ({ def }: AlterTableCmd, effects: EffectsCollector): CatalogRelation | undefined =>
  def !== undefined && 'PartitionCmd' in def ? effects.find(rangeName(def.PartitionCmd.name)) : undefined;

const rangeIn = ({ def }: AlterTableCmd, effects: EffectsCollector): CatalogRelation | undefined =>
  def !== undefined && 'RangeVar' in def ? effects.find(rangeName(def.RangeVar)) : undefined;

const isConcurrent = ({ def }: AlterTableCmd): boolean =>
  def !== undefined && 'PartitionCmd' in def && def.PartitionCmd.concurrent === true;
