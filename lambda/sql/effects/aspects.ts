/** Tells how little must be known of a statement's relations for its effects to be told: reading everything takes several times as long. */
import type { AlterTableCmd, ColumnDef } from 'libpg-query';
import { nameParts, type QualifiedName, qualifiedName } from '../names';
import { functionsIn } from './names';

/** What about the relations matters, beyond what they are, their partitions and their children. */
export type Aspect =
  | 'columns'
  | 'constraints'
  | 'indexes'
  | 'parents'
  | 'references'
  | 'sequences'
  | 'reads'
  | 'storage'
  | 'typed';

export const EVERYTHING: readonly Aspect[] = [
  'columns',
  'constraints',
  'indexes',
  'parents',
  'references',
  'sequences',
  'reads',
  'storage',
  'typed',
];

/** Statements whose effects depend on little, and that are so frequent that it is worth asking for less. */
export const ASPECTS: Readonly<Record<string, readonly Aspect[]>> = {
  CommentStmt: [],
  CreateTrigStmt: [],
  CreatePolicyStmt: [],
  CreateStmt: ['parents', 'indexes', 'constraints', 'references'],
  AlterPolicyStmt: [],
  GrantStmt: [],
  CreateStatsStmt: [],
  DropStmt: ['parents', 'indexes'],
  InsertStmt: ['constraints', 'references', 'sequences', 'reads'],
  UpdateStmt: ['constraints', 'references', 'sequences', 'reads'],
  DeleteStmt: ['constraints', 'references', 'sequences', 'reads'],
  MergeStmt: ['constraints', 'references', 'sequences', 'reads'],
  SelectStmt: ['constraints', 'references', 'sequences', 'reads'],
  ViewStmt: [],
  TruncateStmt: ['constraints', 'indexes', 'references', 'sequences'],
};

/** Likewise of ALTER TABLE. */
const COMMAND_ASPECTS: Readonly<Record<string, readonly Aspect[]>> = {
  AT_AlterColumnType: ['columns', 'constraints', 'indexes', 'references'],
  AT_DropColumn: ['indexes', 'parents'],
  AT_DropConstraint: ['parents'],
  AT_ColumnDefault: [],
  AT_DropNotNull: [],
  AT_SetNotNull: ['columns', 'constraints'],
  AT_SetStatistics: [],
  AT_SetRelOptions: [],
  AT_EnableRowSecurity: [],
  AT_ValidateConstraint: ['constraints', 'references'],
};

export function aspectsOf(commands: readonly AlterTableCmd[]): readonly Aspect[] {
  const all = commands.flatMap(({ subtype = '', def }): readonly Aspect[] => {
    if (def !== undefined && 'ColumnDef' in def && subtype === 'AT_AddColumn') {
      return isStoredOnce(def.ColumnDef) ? ['columns'] : ['columns', 'indexes'];
    }
    if (def !== undefined && 'Constraint' in def && subtype === 'AT_AddConstraint') {
      return CONSTRAINT_ASPECTS[def.Constraint.contype ?? ''] ?? EVERYTHING;
    }
    return COMMAND_ASPECTS[subtype] ?? EVERYTHING;
  });
  return [...new Set(all)];
}

const CONSTRAINT_ASPECTS: Readonly<Record<string, readonly Aspect[]>> = {
  CONSTR_CHECK: ['columns'],
  CONSTR_FOREIGN: ['columns'],
  CONSTR_NOTNULL: ['columns', 'constraints'],
  CONSTR_UNIQUE: ['columns', 'constraints', 'indexes'],
  CONSTR_PRIMARY: ['columns', 'constraints', 'indexes'],
};

/** A new column whose value, if any, is one for all rows, so that the table is not written anew. */
const isStoredOnce = (column: ColumnDef): boolean =>
  newTypeOf(column).length === 0 &&
  (column.constraints ?? []).every(
    (node) =>
      'Constraint' in node &&
      !['CONSTR_IDENTITY', 'CONSTR_GENERATED'].includes(node.Constraint.contype ?? '') &&
      functionsIn(node).length === 0,
  );

/** Empty for a type of which nothing must be known: no domain, nor anything that `search_path` could make one. */
export function newTypeOf(column: ColumnDef): QualifiedName[] {
  const name = qualifiedName((column.typeName?.names ?? []).flatMap(nameParts));
  return name.schema === 'pg_catalog' || PLAIN_TYPES.includes(name.name) ? [] : [name];
}

const PLAIN_TYPES: readonly string[] = [
  'text',
  'json',
  'jsonb',
  'uuid',
  'date',
  'timestamptz',
  'bytea',
  'inet',
  'xml',
];
