/** Effects of creating things, on the relations that they are made on, of or from. */
import type { Constraint, CreateStmt, IndexStmt } from 'libpg-query';
import type { CatalogRelation } from '../catalog';
import { nameParts, qualifiedName, rangeName } from '../names';
import type { Node } from '../parse';
import type { EffectsCollector } from './collector';
import { parseQuery, readRelations } from './data';
import { lockForNewPartition } from './partitions';
import { type Rules, rule } from './rules';

function createTable(create: CreateStmt, effects: EffectsCollector): void {
  effects.phase('expand');
  if (create.if_not_exists !== true) effects.once();
  const isPartition = create.partbound !== undefined;
  for (const node of create.inhRelations ?? []) {
    if (!('RangeVar' in node)) continue;
    const parent = effects.find(rangeName(node.RangeVar));
    effects.lock(parent, isPartition ? 'AccessExclusiveLock' : 'ShareUpdateExclusiveLock');
    if (isPartition && parent !== undefined) lockForNewPartition(parent, effects);
  }
  const type = (create.ofTypename?.names ?? []).flatMap(nameParts);
  if (type.length > 0) effects.lock(effects.find(qualifiedName(type)), 'AccessShareLock');
  for (const element of create.tableElts ?? []) {
    if ('TableLikeClause' in element) {
      effects.lock(effects.find(rangeName(element.TableLikeClause.relation)), 'AccessShareLock');
    }
    for (const constraint of constraintsIn(element)) reference(constraint, effects);
  }
}

function constraintsIn(element: Node): readonly Constraint[] {
  if ('Constraint' in element) return [element.Constraint];
  if (!('ColumnDef' in element)) return [];
  return (element.ColumnDef.constraints ?? []).flatMap((node) =>
    'Constraint' in node ? [node.Constraint] : [],
  );
}

function reference(constraint: Constraint, effects: EffectsCollector): void {
  if (constraint.contype !== 'CONSTR_FOREIGN') return;
  effects.lockFamily(effects.find(rangeName(constraint.pktable)), 'ShareRowExclusiveLock');
}

/** Whoever does not know a column yet cannot repeat a value of it. */
const isOfNewColumns = ({ indexParams }: IndexStmt, { columns }: CatalogRelation): boolean =>
  (indexParams ?? []).some((node) => {
    const column = 'IndexElem' in node ? node.IndexElem.name : undefined;
    return column !== undefined && !columns.some(({ name }) => name === column);
  });

const indexNamed = ({ relation, idxname = '' }: IndexStmt, effects: EffectsCollector) =>
  effects.find({ schema: rangeName(relation).schema, name: idxname });

export const CREATE_RULES: Rules = {
  ...rule('CreateStmt', createTable),
  ...rule('CreateForeignTableStmt', ({ base }, effects) => createTable(base ?? {}, effects)),
  ...rule('CreateTableAsStmt', ({ query, into, if_not_exists }, effects) => {
    effects.phase('expand');
    if (if_not_exists !== true) effects.once();
    if (into?.skipData === true) parseQuery(query, effects);
    else readRelations(query, effects);
  }),
  ...rule('ViewStmt', ({ view, query, replace }, effects) => {
    effects.phase('expand');
    if (replace !== true) effects.once();
    else effects.lock(effects.find(rangeName(view)), 'AccessExclusiveLock');
    parseQuery(query, effects);
  }),
  ...rule('IndexStmt', (index, effects) => {
    const table = effects.find(rangeName(index.relation));
    const isConcurrent = index.concurrent === true;
    const named = index.if_not_exists === true ? indexNamed(index, effects) : undefined;
    effects.phase(
      index.unique === true && table !== undefined && !isOfNewColumns(index, table) ? 'contract' : 'expand',
    );
    if (index.if_not_exists !== true) effects.once();
    // CONCURRENTLY scans twice, and in a weak mode: nobody waits for it, and so that is no matter here.
    const reach = index.relation?.inh === true ? effects.catalog.family : undefined;
    const family = table === undefined ? [] : (reach?.call(effects.catalog, table) ?? [table]);
    for (const member of family) {
      effects.lock(member, isConcurrent ? 'ShareUpdateExclusiveLock' : 'ShareLock');
      if (named === undefined) effects.scan(member);
    }
  }),
  ...rule('CreateTrigStmt', ({ relation, constrrel, replace }, effects) => {
    if (replace !== true) effects.once();
    effects.lockFamily(effects.find(rangeName(relation)), 'ShareRowExclusiveLock');
    if (constrrel !== undefined) effects.lock(effects.find(rangeName(constrrel)), 'AccessShareLock');
  }),
  ...rule('RuleStmt', ({ relation, actions, replace }, effects) => {
    if (replace !== true) effects.once();
    effects.lock(effects.find(rangeName(relation)), 'AccessExclusiveLock');
    parseQuery(actions, effects);
  }),
  ...rule('CreatePolicyStmt', ({ table, qual, with_check }, effects) => {
    effects.once();
    parseQuery([qual, with_check], effects);
    effects.lock(effects.find(rangeName(table)), 'AccessExclusiveLock');
  }),
  ...rule('AlterPolicyStmt', ({ table, qual, with_check }, effects) => {
    parseQuery([qual, with_check], effects);
    effects.lock(effects.find(rangeName(table)), 'AccessExclusiveLock');
  }),
  ...rule('CreateStatsStmt', ({ relations, if_not_exists }, effects) => {
    if (if_not_exists !== true) effects.once();
    for (const node of relations ?? []) {
      if ('RangeVar' in node)
        effects.lock(effects.find(rangeName(node.RangeVar)), 'ShareUpdateExclusiveLock');
    }
  }),
};
