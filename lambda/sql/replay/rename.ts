/** Renames, and moves to another schema: what refers to an object goes on referring to it. */
import type { AlterObjectSchemaStmt, RenameStmt } from 'libpg-query';
import { nameParts, type QualifiedName, qualifiedName, rangeName } from '../names';
import { familyOf } from './alter';
import { functionMeant } from './drop';
import { changeColumn } from './relations';
import type { ReplayedState } from './state';
import { type ReplayedPart, type ReplayedRelation, type Thing, whole } from './things';

export function rename(statement: RenameStmt, state: ReplayedState): void {
  const { renameType, newname: name = '', subname = '', object } = statement;
  const relation =
    statement.relation === undefined ? undefined : state.find('relation', rangeName(statement.relation));
  switch (renameType) {
    case 'OBJECT_COLUMN':
    case 'OBJECT_ATTRIBUTE':
      for (const { oid } of relation === undefined ? [] : familyOf(relation, state)) {
        changeColumn(oid, subname, { name }, state);
      }
      break;
    case 'OBJECT_TABCONSTRAINT':
      for (const { oid } of relation === undefined ? [] : state.family(relation)) {
        renameConstraint(oid, { from: subname, to: name }, state);
      }
      break;
    case 'OBJECT_DOMCONSTRAINT': {
      const type = state.findType(typeNameIn(object));
      const checks = type?.checks.map((check) => (check === subname ? name : check));
      if (type !== undefined && checks !== undefined) state.put({ ...type, checks });
      break;
    }
    case 'OBJECT_TRIGGER':
    case 'OBJECT_POLICY':
    case 'OBJECT_RULE': {
      const parts = relation === undefined ? [] : state.partsOf<PartClass>(relation.oid, PARTS[renameType]);
      for (const part of parts) if (part.name === subname) state.put({ ...part, name });
      break;
    }
    case 'OBJECT_TYPE':
    case 'OBJECT_DOMAIN':
      changeTypeName(typeNameIn(object), { name }, state);
      break;
    case 'OBJECT_SCHEMA':
      moveAll(subname, name, state);
      break;
    case 'OBJECT_FUNCTION':
    case 'OBJECT_PROCEDURE':
    case 'OBJECT_ROUTINE':
    case 'OBJECT_AGGREGATE':
      for (const found of functionMeant(object, state)) state.put({ ...found, name });
      break;
    case 'OBJECT_PUBLICATION':
      for (const found of state.withName('publication', {
        schema: undefined,
        name: nameParts(object).at(-1) ?? '',
      })) {
        state.put({ ...found, name });
      }
      break;
    case 'OBJECT_STATISTIC_EXT': {
      const found = state.find('statistics', typeNameIn(object));
      if (found !== undefined) state.put({ ...found, name });
      break;
    }
    default:
      if (relation !== undefined) changeRelation(relation, { name }, state);
  }
}

const typeNameIn = (object: RenameStmt['object']): QualifiedName => qualifiedName(nameParts(object));

type PartClass = ReplayedPart['class'];

const PARTS = {
  OBJECT_TRIGGER: 'trigger',
  OBJECT_POLICY: 'policy',
  OBJECT_RULE: 'rule',
} as const satisfies Readonly<Record<string, PartClass>>;

/** An index goes by the name of its constraint, and the other way round. */
function renameConstraint(
  oid: number,
  { from, to }: { readonly from: string; readonly to: string },
  state: ReplayedState,
): void {
  const constraint = state.constraints(oid).find(({ name }) => name === from);
  if (constraint === undefined) return;
  state.put({ ...constraint, name: to });
  const index = constraint.references === undefined ? state.relation(constraint.index) : undefined;
  if (index !== undefined) state.put({ ...index, name: to });
}

function changeRelation(
  relation: ReplayedRelation,
  change: { readonly name?: string; readonly schema?: string },
  state: ReplayedState,
): void {
  state.put({ ...relation, ...change });
  if (relation.kind === 'composite type') changeTypeName(relation, change, state);
  if (change.name === undefined || relation.index === undefined) return;
  const owner = state
    .constraints(relation.index.table)
    .find(({ index, references }) => index === relation.oid && references === undefined);
  if (owner !== undefined) state.put({ ...owner, name: change.name });
}

/** With the type of its arrays. */
function changeTypeName(
  known: QualifiedName,
  change: { readonly name?: string; readonly schema?: string },
  state: ReplayedState,
): void {
  const type = state.find('type', known);
  if (type === undefined) return;
  const array = state.type(type.array);
  state.put({ ...type, ...change });
  const ofArray = change.name === undefined ? change : { ...change, name: `_${change.name}` };
  if (array !== undefined) state.put({ ...array, ...ofArray });
  const composite = type.kind === 'composite' ? state.find('relation', known) : undefined;
  if (composite?.kind === 'composite type') state.put({ ...composite, ...change });
}

function moveAll(from: string, to: string, state: ReplayedState): void {
  for (const thing of [...state.things()]) {
    if ('schema' in thing && thing.schema === from) state.put({ ...thing, schema: to });
    else if (thing.class === 'publication' && thing.schemas.includes(from)) {
      state.put({ ...thing, schemas: thing.schemas.map((schema) => (schema === from ? to : schema)) });
    }
  }
}

/** Indexes and sequences of a table move with it. */
export function setSchema(statement: AlterObjectSchemaStmt, state: ReplayedState): void {
  const { objectType, object, newschema: schema = '' } = statement;
  if (statement.relation !== undefined) {
    const relation = state.find('relation', rangeName(statement.relation));
    if (relation === undefined) return;
    changeRelation(relation, { schema }, state);
    for (const index of state.indexes(relation.oid)) state.put({ ...index, schema });
    for (const { of, strength } of state.dependents(whole(relation.oid))) {
      const owned = strength === 'normal' ? undefined : state.relation(of.oid);
      if (owned?.kind === 'sequence') state.put({ ...owned, schema });
    }
    return;
  }
  if (objectType === 'OBJECT_TYPE' || objectType === 'OBJECT_DOMAIN') {
    changeTypeName(typeNameIn(object), { schema }, state);
    return;
  }
  const found: readonly Thing[] =
    objectType === 'OBJECT_STATISTIC_EXT'
      ? [state.find('statistics', typeNameIn(object))].filter((thing) => thing !== undefined)
      : functionMeant(object, state);
  for (const thing of found) if ('schema' in thing) state.put({ ...thing, schema });
}
