/** Collects the names in a statement of which the catalog must be asked before its effects can be told. */
import type { AlterTableCmd, AlterTableStmt, ColumnDef, CreateStmt, DropStmt } from 'libpg-query';
import { nameParts, type QualifiedName, qualifiedName, rangeName } from './names';
import type { Node, SqlStatement } from './parse';
import { children, isTree, type Tree } from './search';

/** An object that goes, and with it whatever depends on it. */
export interface Doomed {
  readonly kind:
    | 'relation'
    | 'column'
    | 'constraint'
    | 'trigger'
    | 'policy'
    | 'rule'
    | 'type'
    | 'schema'
    | 'function'
    | 'extension'
    | 'statistics';
  readonly name: QualifiedName;
  /** The column's or constraint's own name. */
  readonly part: string | undefined;
}

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

const EVERYTHING: readonly Aspect[] = [
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

export interface Mentions {
  /** Relations that may exist before the statement. */
  readonly relations: readonly QualifiedName[];
  readonly types: readonly QualifiedName[];
  readonly functions: readonly QualifiedName[];
  /** Schemas of which every relation is meant. */
  readonly schemas: readonly string[];
  readonly doomed: readonly Doomed[];
  readonly aspects: readonly Aspect[];
  /** `chain`: tables that reference a mentioned table matter, and tables that reference those (TRUNCATE … CASCADE). */
  readonly references: 'next' | 'chain';
}

const NOTHING: Mentions = {
  relations: [],
  types: [],
  functions: [],
  schemas: [],
  doomed: [],
  aspects: EVERYTHING,
  references: 'next',
};

export const mentionsNothing = ({ relations, types, schemas, doomed }: Mentions): boolean =>
  relations.length + types.length + schemas.length + doomed.length === 0;

export function relationsMentioned(statement: SqlStatement): Mentions {
  const { node } = statement;
  const mentions = SPECIAL[statement.kind]?.(node) ?? { relations: rangesIn(node) };
  const aspects = ASPECTS[statement.kind] ?? EVERYTHING;
  return { ...NOTHING, aspects, functions: functionsIn(node), ...mentions };
}

/** Statements whose effects depend on little, and that are so frequent that it is worth asking for less. */
const ASPECTS: Readonly<Record<string, readonly Aspect[]>> = {
  IndexStmt: [],
  CommentStmt: [],
  CreateTrigStmt: [],
  CreatePolicyStmt: [],
  CreateStmt: ['parents', 'indexes', 'constraints', 'references'],
  InsertStmt: ['parents', 'constraints', 'references', 'sequences', 'reads'],
  UpdateStmt: ['parents', 'constraints', 'references', 'sequences', 'reads'],
  DeleteStmt: ['parents', 'constraints', 'references', 'sequences', 'reads'],
  MergeStmt: ['parents', 'constraints', 'references', 'sequences', 'reads'],
  SelectStmt: ['reads'],
};

/** Likewise of ALTER TABLE. */
const COMMAND_ASPECTS: Readonly<Record<string, readonly Aspect[]>> = {
  AT_ColumnDefault: [],
  AT_DropNotNull: [],
  AT_SetNotNull: ['columns', 'constraints'],
  AT_SetStatistics: [],
  AT_SetRelOptions: [],
  AT_EnableRowSecurity: [],
  AT_ValidateConstraint: ['constraints', 'references'],
};

function aspectsOf(commands: readonly AlterTableCmd[]): readonly Aspect[] {
  const all = commands.flatMap(({ subtype = '', def }): readonly Aspect[] => {
    const isPlain =
      (subtype === 'AT_AddColumn' &&
        def !== undefined &&
        'ColumnDef' in def &&
        isStoredOnce(def.ColumnDef)) ||
      (subtype === 'AT_AddConstraint' &&
        def !== undefined &&
        'Constraint' in def &&
        def.Constraint.contype === 'CONSTR_FOREIGN');
    return isPlain ? ['columns'] : (COMMAND_ASPECTS[subtype] ?? EVERYTHING);
  });
  return [...new Set(all)];
}

/** A new column whose value, if any, is one for all rows, so that the table is not written anew. */
const isStoredOnce = (column: ColumnDef): boolean =>
  newTypeOf(column).length === 0 &&
  (column.constraints ?? []).every(
    (node) =>
      'Constraint' in node &&
      !['CONSTR_IDENTITY', 'CONSTR_GENERATED'].includes(node.Constraint.contype ?? '') &&
      functionsIn(node).length === 0,
  );

/** Kinds whose objects are not (only) relations in their parse tree. */
const SPECIAL: Readonly<Record<string, (node: Node) => Partial<Mentions> | undefined>> = {
  AlterTableStmt: (node) => ('AlterTableStmt' in node ? ofAlterTable(node.AlterTableStmt) : undefined),
  DropStmt: (node) => ('DropStmt' in node ? ofDrop(node.DropStmt) : undefined),
  CreateStmt: (node) => {
    return 'CreateStmt' in node ? ofCreate(node.CreateStmt) : undefined;
  },
  CreateForeignTableStmt: (node) => {
    if (!('CreateForeignTableStmt' in node)) return undefined;
    return ofCreate(node.CreateForeignTableStmt.base ?? {});
  },
  CreateTableAsStmt: (node) =>
    'CreateTableAsStmt' in node ? { relations: rangesIn(node.CreateTableAsStmt.query) } : undefined,
  CreateSeqStmt: (node) =>
    'CreateSeqStmt' in node ? { relations: ownersIn(node.CreateSeqStmt.options) } : undefined,
  AlterSeqStmt: (node) => {
    if (!('AlterSeqStmt' in node)) return undefined;
    const { sequence, options } = node.AlterSeqStmt;
    return { relations: [rangeName(sequence), ...ownersIn(options)] };
  },
  IndexStmt: (node) => {
    if (!('IndexStmt' in node)) return undefined;
    const { relation, idxname: name, if_not_exists } = node.IndexStmt;
    const table = rangeName(relation);
    const index = if_not_exists === true && name !== undefined ? [{ schema: table.schema, name }] : [];
    return { relations: [table, ...index] };
  },
  CompositeTypeStmt: () => ({}),
  CreateFunctionStmt: (node) => ({
    functions: [],
    relations: 'CreateFunctionStmt' in node ? rangesIn(node.CreateFunctionStmt.sql_body) : [],
  }),
  CreateDomainStmt: () => ({ functions: [] }),
  AlterDomainStmt: (node) =>
    'AlterDomainStmt' in node
      ? { types: [qualifiedName((node.AlterDomainStmt.typeName ?? []).flatMap(nameParts))] }
      : undefined,
  CommentStmt: (node) =>
    'CommentStmt' in node
      ? { relations: relationOf(node.CommentStmt.objtype, node.CommentStmt.object) }
      : undefined,
  SecLabelStmt: (node) =>
    'SecLabelStmt' in node
      ? { relations: relationOf(node.SecLabelStmt.objtype, node.SecLabelStmt.object) }
      : undefined,
  ReindexStmt: (node) => {
    if (!('ReindexStmt' in node)) return undefined;
    const { kind, name, relation } = node.ReindexStmt;
    if (kind === 'REINDEX_OBJECT_SCHEMA') return { schemas: [name ?? ''] };
    return { relations: relation === undefined ? [] : [rangeName(relation)] };
  },
  TruncateStmt: (node) =>
    'TruncateStmt' in node
      ? {
          relations: rangesIn(node),
          references: node.TruncateStmt.behavior === 'DROP_CASCADE' ? 'chain' : 'next',
        }
      : undefined,
  AlterExtensionStmt: () => ({}),
  CreatePublicationStmt: (node) => ({ relations: rangesIn(node) }),
};

function ofCreate({ relation: _, ofTypename, ...rest }: CreateStmt): Partial<Mentions> {
  const type = ofTypename === undefined ? [] : [qualifiedName((ofTypename.names ?? []).flatMap(nameParts))];
  // A composite type is a relation of the same name.
  return { relations: [...rangesIn(rest), ...type] };
}

function ofAlterTable(alter: AlterTableStmt): Partial<Mentions> {
  const table = rangeName(alter.relation);
  const commands = (alter.cmds ?? []).flatMap((node) =>
    'AlterTableCmd' in node ? [node.AlterTableCmd] : [],
  );
  const doomed = commands.flatMap(({ subtype, name: part }): Doomed[] => {
    if (subtype === 'AT_DropColumn') return [{ kind: 'column', name: table, part }];
    return subtype === 'AT_DropConstraint' ? [{ kind: 'constraint', name: table, part }] : [];
  });
  return {
    relations: rangesIn(alter),
    types: commands.flatMap(typeOf),
    doomed,
    aspects: alter.objtype === 'OBJECT_TYPE' ? EVERYTHING : aspectsOf(commands),
  };
}

/** Only a domain, or a column's former type, makes a difference; these have no name that `search_path` could turn into a domain's. */
function typeOf({ subtype, def }: AlterTableCmd): QualifiedName[] {
  if (def === undefined || !('ColumnDef' in def) || def.ColumnDef.typeName === undefined) return [];
  const name = qualifiedName((def.ColumnDef.typeName.names ?? []).flatMap(nameParts));
  return subtype === 'AT_AddColumn' ? newTypeOf(def.ColumnDef) : [name];
}

function newTypeOf(column: ColumnDef): QualifiedName[] {
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

const DROPPED: Readonly<Record<string, Doomed['kind']>> = {
  OBJECT_TABLE: 'relation',
  OBJECT_FOREIGN_TABLE: 'relation',
  OBJECT_VIEW: 'relation',
  OBJECT_MATVIEW: 'relation',
  OBJECT_SEQUENCE: 'relation',
  OBJECT_INDEX: 'relation',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'type',
  OBJECT_SCHEMA: 'schema',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
  OBJECT_AGGREGATE: 'function',
  OBJECT_EXTENSION: 'extension',
  OBJECT_STATISTIC_EXT: 'statistics',
};

const DROPPED_PART: Readonly<Record<string, Doomed['kind']>> = {
  OBJECT_TRIGGER: 'trigger',
  OBJECT_POLICY: 'policy',
  OBJECT_RULE: 'rule',
};

/** Named as `table.object`. */
export const ON_RELATION: readonly (string | undefined)[] = [
  'OBJECT_TRIGGER',
  'OBJECT_POLICY',
  'OBJECT_RULE',
  'OBJECT_COLUMN',
  'OBJECT_TABCONSTRAINT',
];

function ofDrop(drop: DropStmt): Partial<Mentions> {
  const names = (drop.objects ?? []).map((object) => nameParts(object));
  const part = DROPPED_PART[drop.removeType ?? ''];
  if (part !== undefined) {
    return {
      doomed: names.map((parts) => ({
        kind: part,
        name: qualifiedName(parts.slice(0, -1)),
        part: parts.at(-1),
      })),
    };
  }
  const kind = DROPPED[drop.removeType ?? ''];
  if (kind === undefined) return {};
  const doomed = names.map((parts): Doomed => ({ kind, name: qualifiedName(parts), part: undefined }));
  return { relations: kind === 'relation' ? doomed.map(({ name }) => name) : [], doomed };
}

const RELATION_OBJECTS: readonly (string | undefined)[] = [
  'OBJECT_TABLE',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
];

function relationOf(type: string | undefined, object: Node | undefined): QualifiedName[] {
  const parts = nameParts(object);
  if (ON_RELATION.includes(type)) return [qualifiedName(parts.slice(0, -1))];
  return RELATION_OBJECTS.includes(type) ? [qualifiedName(parts)] : [];
}

/** `OWNED BY table.column`, or `NONE`. */
function ownersIn(options: readonly Node[] | undefined): QualifiedName[] {
  return (options ?? []).flatMap((option) => {
    if (!('DefElem' in option) || option.DefElem.defname !== 'owned_by') return [];
    const parts = nameParts(option.DefElem.arg);
    return parts.length < 2 ? [] : [qualifiedName(parts.slice(0, -1))];
  });
}

/** Names of relations wherever they stand; a name that a WITH query goes by in its place is none. */
export function rangesIn(tree: unknown): QualifiedName[] {
  return dedupe(usesIn(tree, []).map(({ name }) => name));
}

export interface RelationUse {
  readonly name: QualifiedName;
  /** `field`: the object of a statement, e.g. where an INSERT goes; `from`: what a query reads. */
  readonly place: 'field' | 'from';
}

export function usesIn(tree: unknown, hidden: readonly string[]): RelationUse[] {
  if (Array.isArray(tree)) return tree.flatMap((branch) => usesIn(branch, hidden));
  if (!isTree(tree)) return [];
  if (isTree(tree.RangeVar)) {
    const name = rangeName(tree.RangeVar);
    return name.schema === undefined && hidden.includes(name.name) ? [] : [{ name, place: 'from' }];
  }
  if (typeof tree.relname === 'string') return [{ name: rangeName(tree), place: 'field' }];
  const { withClause, ...rest } = tree;
  if (!isTree(withClause)) return children(rest).flatMap((branch) => usesIn(branch, hidden));
  return usesBesideWith(withClause, rest, hidden);
}

/** A WITH query sees those before it, and with RECURSIVE all of them and itself. */
function usesBesideWith(withClause: Tree, rest: Tree, hidden: readonly string[]): RelationUse[] {
  const queries = (Array.isArray(withClause.ctes) ? withClause.ctes : []).flatMap((cte: unknown) =>
    isTree(cte) && isTree(cte.CommonTableExpr) ? [cte.CommonTableExpr] : [],
  );
  const names = queries.map(({ ctename }) => String(ctename));
  const isRecursive = withClause.recursive === true;
  return [
    ...queries.flatMap(({ ctequery }, index) =>
      usesIn(ctequery, [...hidden, ...(isRecursive ? names : names.slice(0, index))]),
    ),
    ...children(rest).flatMap((branch) => usesIn(branch, [...hidden, ...names])),
  ];
}

export function functionsIn(tree: unknown): QualifiedName[] {
  return dedupe(
    nodesIn(tree, (node) => isTree(node.FuncCall)).map(({ FuncCall }) =>
      qualifiedName(((FuncCall as Tree).funcname as Node[]).flatMap(nameParts)),
    ),
  );
}

function nodesIn(tree: unknown, wanted: (node: Tree) => boolean): Tree[] {
  if (Array.isArray(tree)) return tree.flatMap((branch) => nodesIn(branch, wanted));
  if (!isTree(tree)) return [];
  const below = children(tree).flatMap((branch) => nodesIn(branch, wanted));
  return wanted(tree) ? [tree, ...below] : below;
}

function dedupe(names: readonly QualifiedName[]): QualifiedName[] {
  return [...new Map(names.map((name) => [JSON.stringify([name.schema, name.name]), name])).values()];
}
