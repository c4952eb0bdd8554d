/** What stands on tables: triggers, rules, policies, statistics, and their places in publications. */
import type {
  AlterPolicyStmt,
  AlterPublicationStmt,
  CreatePolicyStmt,
  CreatePublicationStmt,
  CreateStatsStmt,
  CreateTrigStmt,
  PublicationTable,
  RuleStmt,
} from 'libpg-query';
import { nameParts, qualifiedName, rangeName } from '../names';
import { putConstraint } from './constraint-parts';
import { addressesIn, columnsIn, objectsIn } from './expressions';
import { chooseRelationName } from './object-names';
import type { ReplayedState } from './state';
import {
  type Address,
  ALL,
  type ReplayedPart,
  type ReplayedPublication,
  type ReplayedRelation,
  whole,
} from './things';

/** One of the name that is there already is replaced. */
function addPart(
  space: ReplayedPart['class'],
  {
    table,
    name,
    needs,
  }: { readonly table: ReplayedRelation; readonly name: string; readonly needs: readonly Address[] },
  state: ReplayedState,
): ReplayedPart {
  const known = state.partsOf(table.oid, space).find((part) => part.name === name);
  if (known !== undefined) state.remove(known.oid);
  const part: ReplayedPart = { class: space, oid: state.newOid(), table: table.oid, name };
  state.put(part);
  state.depend(whole(part.oid), whole(table.oid), 'auto');
  for (const need of needs) state.depend(whole(part.oid), need, 'normal');
  return part;
}

const columnsOf = (table: ReplayedRelation, numbers: readonly number[]): readonly Address[] =>
  numbers.map((column) => ({ oid: table.oid, column }));

const columnsNamed = (table: ReplayedRelation, names: readonly string[]): readonly Address[] =>
  columnsOf(
    table,
    table.columns.filter(({ name }) => names.includes(name)).map(({ number }) => number),
  );

export function createTrigger(create: CreateTrigStmt, state: ReplayedState): void {
  const table = state.find('relation', rangeName(create.relation));
  if (table === undefined) return;
  const functions = state.functions(qualifiedName((create.funcname ?? []).flatMap(nameParts)));
  const needs = [
    ...functions.map(({ oid }) => whole(oid)),
    ...columnsNamed(table, (create.columns ?? []).flatMap(nameParts)),
    ...columnsOf(table, columnsIn(create.whenClause, table)),
    ...objectsIn(create.whenClause, state),
  ];
  // A row's trigger stands on every partition, too.
  const tables = create.row === true ? partitionsOf(table, state) : [table];
  for (const each of tables) {
    const name = create.trigname ?? '';
    const trigger = addPart('trigger', { table: each, name, needs }, state);
    if (create.isconstraint !== true) continue;
    putConstraint({ table: each.oid, name, kind: 'trigger', validated: true, columns: [] }, state);
    const other = create.constrrel && state.find('relation', rangeName(create.constrrel));
    if (other !== undefined) state.depend(whole(trigger.oid), whole(other.oid), 'auto');
  }
}

const partitionsOf = (table: ReplayedRelation, state: ReplayedState): readonly ReplayedRelation[] =>
  table.kind === 'partitioned table' ? state.family(table) : [table];

export function createRule(create: RuleStmt, state: ReplayedState): void {
  const table = state.find('relation', rangeName(create.relation));
  if (table === undefined) return;
  const needs = addressesIn([create.actions, create.whereClause], state);
  addPart('rule', { table, name: create.rulename ?? '', needs }, state);
}

export function createPolicy(create: CreatePolicyStmt | AlterPolicyStmt, state: ReplayedState): void {
  const table = state.find('relation', rangeName(create.table));
  if (table === undefined) return;
  const conditions = [create.qual, create.with_check];
  const needs = [...columnsOf(table, columnsIn(conditions, table)), ...addressesIn(conditions, state)];
  addPart('policy', { table, name: create.policy_name ?? '', needs }, state);
}

export function createStatistics(create: CreateStatsStmt, state: ReplayedState): void {
  const [range] = create.relations ?? [];
  const table =
    range !== undefined && 'RangeVar' in range
      ? state.find('relation', rangeName(range.RangeVar))
      : undefined;
  if (table === undefined) return;
  const elements = (create.exprs ?? []).flatMap((node) => ('StatsElem' in node ? [node.StatsElem] : []));
  const named = (create.defnames ?? []).flatMap(nameParts);
  const parts = elements.map(({ name }) => name ?? 'expr');
  const { schema = named.length === 0 ? table.schema : state.currentSchema, name } =
    named.length === 0
      ? { name: chooseRelationName({ table: table.name, columns: parts, label: 'stat' }, table, state) }
      : qualifiedName(named);
  if (state.withName('statistics', { schema, name }).length > 0) return;
  const oid = state.newOid();
  state.put({ class: 'statistics', oid, schema, name, table: table.oid });
  const columns = columnsNamed(
    table,
    elements.flatMap((element) => element.name ?? []),
  );
  const computed = columnsOf(
    table,
    columnsIn(
      elements.map(({ expr }) => expr),
      table,
    ),
  );
  for (const address of [...columns, ...computed]) state.depend(whole(oid), address, 'auto');
}

export function createPublication(create: CreatePublicationStmt, state: ReplayedState): void {
  const publication: ReplayedPublication = {
    class: 'publication',
    oid: state.newOid(),
    name: create.pubname ?? '',
    isForAllTables: create.for_all_tables === true,
    schemas: [],
  };
  state.put(publication);
  publish(publication, create, state);
}

type Objects = Pick<CreatePublicationStmt, 'pubobjects'>;

function publish(publication: ReplayedPublication, objects: Objects, state: ReplayedState): void {
  state.put({
    ...publication,
    schemas: [...new Set([...publication.schemas, ...schemasIn(objects, state)])],
  });
  for (const { relation, columns, whereClause } of tablesIn(objects)) {
    for (const table of publishedBy(relation, state)) {
      const needs = [
        ...columnsNamed(table, (columns ?? []).flatMap(nameParts)),
        ...columnsOf(table, columnsIn(whereClause, table)),
        ...objectsIn(whereClause, state),
      ];
      const entry = addPart('publication entry', { table, name: publication.name, needs }, state);
      state.depend(whole(entry.oid), whole(publication.oid), 'auto');
    }
  }
}

/** Inheritance children are published by themselves; partitions as part of the whole table. */
function publishedBy(range: PublicationTable['relation'], state: ReplayedState): readonly ReplayedRelation[] {
  const table = state.find('relation', rangeName(range));
  if (table === undefined) return [];
  return range?.inh === true && table.kind !== 'partitioned table' ? state.family(table) : [table];
}

const specsIn = ({ pubobjects }: Objects) =>
  (pubobjects ?? []).flatMap((node) => ('PublicationObjSpec' in node ? [node.PublicationObjSpec] : []));

const tablesIn = (objects: Objects): readonly PublicationTable[] =>
  specsIn(objects).flatMap(({ pubtable }) => pubtable ?? []);

const schemasIn = (objects: Objects, state: ReplayedState): readonly string[] =>
  specsIn(objects).flatMap(({ pubobjtype, name }) =>
    pubobjtype === 'PUBLICATIONOBJ_TABLES_IN_SCHEMA'
      ? [name ?? '']
      : pubobjtype === 'PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA'
        ? [state.currentSchema]
        : [],
  );

export function alterPublication(alter: AlterPublicationStmt, state: ReplayedState): void {
  const [publication] = state.withName('publication', { schema: undefined, name: alter.pubname ?? '' });
  if (publication === undefined || alter.action === undefined) return;
  const entries = entriesOf(publication, state);
  if (alter.action === 'AP_DropObjects') {
    const dropped = tablesIn(alter).flatMap(
      ({ relation }) => state.find('relation', rangeName(relation)) ?? [],
    );
    for (const entry of entries) if (dropped.some(({ oid }) => oid === entry.table)) state.remove(entry.oid);
    const gone = schemasIn(alter, state);
    state.put({ ...publication, schemas: publication.schemas.filter((schema) => !gone.includes(schema)) });
    return;
  }
  const isSet = alter.action === 'AP_SetObjects';
  if (isSet) for (const entry of entries) state.remove(entry.oid);
  publish(isSet ? { ...publication, schemas: [] } : publication, alter, state);
}

const entriesOf = (publication: ReplayedPublication, state: ReplayedState): readonly ReplayedPart[] =>
  state.dependents({ oid: publication.oid, column: ALL }).flatMap(({ of }) => {
    const thing = state.thing(of.oid);
    return thing?.class === 'publication entry' ? [thing] : [];
  });
