/** Effects of all the rest: names, owners, rights, types, sequences, settings, and statements that touch no relation. */

import { nameParts, qualifiedName, rangeName } from '../names';
import type { Node } from '../parse';
import type { EffectsCollector } from './collector';
import { parseQuery } from './data';
import { lockTyped } from './losses';
import { ON_RELATION } from './mentions';
import { rangesIn } from './names';
import { type Kind, type Rules, rule, rules } from './rules';

const NEW: readonly Kind[] = [
  'CompositeTypeStmt',
  'CreateRangeStmt',
  'CreateEnumStmt',
  'CreateDomainStmt',
  'DefineStmt',
  'CreateCastStmt',
  'CreateConversionStmt',
  'CreateOpClassStmt',
  'CreateOpFamilyStmt',
  'CreateTransformStmt',
  'CreateAmStmt',
  'CreateFdwStmt',
  'CreateForeignServerStmt',
  'CreateUserMappingStmt',
  'CreateEventTrigStmt',
  'CreateRoleStmt',
  'CreatedbStmt',
  'CreateTableSpaceStmt',
  'CreateSubscriptionStmt',
];

/** Running them again changes nothing. */
const SETTINGS: readonly Kind[] = [
  'VariableSetStmt',
  'VariableShowStmt',
  'DiscardStmt',
  'ConstraintsSetStmt',
  'CheckPointStmt',
  'LoadStmt',
  'AlterRoleStmt',
  'AlterRoleSetStmt',
  'AlterDatabaseStmt',
  'AlterDatabaseSetStmt',
  'AlterSystemStmt',
  'AlterDatabaseRefreshCollStmt',
  'AlterTableSpaceOptionsStmt',
  'AlterEventTrigStmt',
  'AlterFunctionStmt',
  'AlterDefaultPrivilegesStmt',
  'GrantRoleStmt',
  'AlterCollationStmt',
  'AlterOperatorStmt',
  'AlterTypeStmt',
  'AlterTSConfigurationStmt',
  'AlterTSDictionaryStmt',
  'ListenStmt',
  'UnlistenStmt',
  'NotifyStmt',
  'TransactionStmt',
];

const ONCE: readonly Kind[] = [
  'AlterFdwStmt',
  'AlterForeignServerStmt',
  'AlterUserMappingStmt',
  'DropRoleStmt',
  'DropdbStmt',
  'DropTableSpaceStmt',
  'DropUserMappingStmt',
  'DropSubscriptionStmt',
  'AlterSubscriptionStmt',
  'AlterOpFamilyStmt',
  'PrepareStmt',
  'DeallocateStmt',
  'ClosePortalStmt',
  'FetchStmt',
];

/** They run code, or an order of their own, that the parse tree does not show. */
const HIDDEN: readonly Kind[] = [
  'DoStmt',
  'CallStmt',
  'ExecuteStmt',
  'CreateExtensionStmt',
  'AlterExtensionStmt',
  'CreatePLangStmt',
  'ReassignOwnedStmt',
  'AlterTableMoveAllStmt',
  'ImportForeignSchemaStmt',
];

const lockNamed = (
  node: unknown,
  effects: EffectsCollector,
  mode: Parameters<EffectsCollector['lock']>[1],
) => {
  for (const name of rangesIn(node)) effects.lock(effects.find(name), mode);
};

export const OTHER_RULES: Rules = {
  ...rules(NEW, (effects) => {
    effects.phase('expand');
    effects.once();
  }),
  ...rules(SETTINGS, () => undefined),
  ...rules(ONCE, (effects, { missing_ok }) => {
    if (missing_ok !== true) effects.once();
  }),
  ...rules(HIDDEN, (effects) => {
    effects.once();
    effects.hide();
  }),
  ...rule('CreateFunctionStmt', ({ replace, sql_body }, effects) => {
    effects.phase('expand');
    if (replace !== true) effects.once();
    parseQuery(sql_body, effects);
  }),
  ...rule('RenameStmt', (rename, effects) => {
    effects.once();
    effects.phase('contract');
    const relation = effects.find(rangeName(rename.relation));
    const isIndex = relation?.index !== undefined;
    switch (rename.renameType) {
      case 'OBJECT_COLUMN':
      case 'OBJECT_ATTRIBUTE':
        effects.lockFamily(relation, 'AccessExclusiveLock');
        if (relation !== undefined) lockTyped(relation, effects);
        break;
      case 'OBJECT_TABCONSTRAINT': {
        effects.lockFamily(relation, 'AccessExclusiveLock');
        const constraint = relation?.constraints.find(({ name }) => name === rename.subname);
        if (constraint?.index !== undefined && constraint.references === undefined) {
          effects.lock(effects.catalog.get(constraint.index), 'ShareUpdateExclusiveLock');
        }
        effects.phase('neutral');
        break;
      }
      default:
        // Queries name no index.
        effects.lock(relation, isIndex ? 'ShareUpdateExclusiveLock' : 'AccessExclusiveLock');
    }
  }),
  ...rule('AlterObjectSchemaStmt', ({ relation }, effects) => {
    effects.once();
    effects.phase('contract');
    const moved = effects.find(rangeName(relation));
    effects.lock(moved, 'AccessExclusiveLock');
    for (const { oid } of moved?.sequences ?? [])
      effects.lock(effects.catalog.get(oid), 'AccessExclusiveLock');
  }),
  ...rule('AlterOwnerStmt', (_, effects) => effects.phase('neutral')),
  ...rule('CommentStmt', ({ objtype, object }, effects) => describe(objtype, object, effects)),
  ...rule('SecLabelStmt', ({ objtype, object }, effects) => describe(objtype, object, effects)),
  ...rule('GrantStmt', ({ is_grant, objects }, effects) => {
    effects.phase(is_grant === true ? 'expand' : 'contract');
    lockNamed(objects, effects, 'AccessShareLock');
  }),
  ...rule('AlterDomainStmt', (alter, effects) => {
    const type = effects.catalog.findType(qualifiedName((alter.typeName ?? []).flatMap(nameParts)));
    const constraint =
      alter.def !== undefined && 'Constraint' in alter.def ? alter.def.Constraint : undefined;
    const checks =
      (alter.subtype === 'C' && constraint?.skip_validation !== true) ||
      alter.subtype === 'V' ||
      alter.subtype === 'O';
    if (alter.subtype === 'C' || (alter.subtype === 'X' && alter.missing_ok !== true)) effects.once();
    effects.phase(alter.subtype === 'C' || alter.subtype === 'O' ? 'contract' : 'neutral');
    if (!checks || type === undefined) return;
    for (const { users } of effects.catalog.domainsOn(type)) {
      for (const oid of users) {
        effects.lock(effects.catalog.get(oid), 'ShareLock');
        effects.scan(effects.catalog.get(oid));
      }
    }
  }),
  ...rule('AlterEnumStmt', ({ skipIfNewValExists, oldVal }, effects) => {
    effects.phase(oldVal === undefined ? 'expand' : 'contract');
    if (skipIfNewValExists !== true) effects.once();
  }),
  ...rule('CreateSeqStmt', ({ options, if_not_exists }, effects) => {
    effects.phase('expand');
    if (if_not_exists !== true) effects.once();
    lockOwner(options, effects);
  }),
  ...rule('AlterSeqStmt', ({ sequence, options }, effects) => {
    const found = effects.find(rangeName(sequence));
    effects.lock(found, 'ShareRowExclusiveLock');
    lockOwner(options, effects);
  }),
  ...rule('CreatePublicationStmt', (node, effects) => {
    effects.once();
    lockNamed(node, effects, 'ShareUpdateExclusiveLock');
  }),
  ...rule('AlterPublicationStmt', (node, effects) => {
    effects.once();
    lockNamed(node, effects, 'ShareUpdateExclusiveLock');
  }),
  ...rule('AlterObjectDependsStmt', ({ relation }, effects) => {
    effects.lock(effects.find(rangeName(relation)), 'AccessExclusiveLock');
  }),
  ...rule('AlterStatsStmt', () => undefined),
  ...rule('AlterExtensionContentsStmt', ({ object }, effects) => {
    effects.once();
    effects.lock(effects.find(qualifiedName(nameParts(object))), 'ShareUpdateExclusiveLock');
  }),
};

function describe(type: string | undefined, object: Node | undefined, effects: EffectsCollector): void {
  const parts = nameParts(object);
  const name = qualifiedName(ON_RELATION.includes(type) ? parts.slice(0, -1) : parts);
  const isPart = ON_RELATION.includes(type) && type !== 'OBJECT_COLUMN';
  effects.lock(effects.find(name), isPart ? 'AccessShareLock' : 'ShareUpdateExclusiveLock');
}

function lockOwner(options: readonly Node[] | undefined, effects: EffectsCollector): void {
  for (const option of options ?? []) {
    if (!('DefElem' in option) || option.DefElem.defname !== 'owned_by') continue;
    const parts = nameParts(option.DefElem.arg);
    if (parts.length > 1) effects.lock(effects.find(qualifiedName(parts.slice(0, -1))), 'AccessShareLock');
  }
}
