/** Collects the names in a statement of which the catalog must be asked before its effects can be told. */
import type { AlterTableCmd, AlterTableStmt, CreateStmt, DropStmt } from 'libpg-query';
import { nameParts, type QualifiedName, qualifiedName, rangeName } from '../names';
import type { Node, SqlStatement } from '../parse';
import { ASPECTS, type Aspect, aspectsOf, EVERYTHING, newTypeOf } from './aspects';
import { functionsIn, rangesIn } from './names';

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

/** Tells apart what several statements drop. */
export const keyOf = ({ kind, name, part }: Doomed): string =>
  JSON.stringify([kind, name.schema, name.name, part]);

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

/** Effects, replay and rules each ask for them. */
const mentionsOf = new WeakMap<SqlStatement, Mentions>();

export function relationsMentioned(statement: SqlStatement): Mentions {
  const known = mentionsOf.get(statement) ?? collectMentions(statement);
  mentionsOf.set(statement, known);
  return known;
}

function collectMentions(statement: SqlStatement): Mentions {
  const { node } = statement;
  const mentions = SPECIAL[statement.kind]?.(node) ?? { relations: rangesIn(node) };
  const aspects = ASPECTS[statement.kind] ?? EVERYTHING;
  return { ...NOTHING, aspects, functions: functionsIn(node), ...mentions };
}

const RENAME_ASPECTS: readonly Aspect[] = ['constraints', 'indexes', 'typed'];

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
    return { relations: [table, ...index], aspects: node.IndexStmt.unique === true ? ['columns'] : [] };
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
  RenameStmt: (node) =>
    'RenameStmt' in node
      ? {
          relations: rangesIn(node),
          aspects: node.RenameStmt.renameType === 'OBJECT_COLUMN' ? [] : RENAME_ASPECTS,
        }
      : undefined,
  TruncateStmt: (node) =>
    'TruncateStmt' in node
      ? {
          relations: rangesIn(node),
          references: node.TruncateStmt.behavior === 'DROP_CASCADE' ? 'chain' : 'next',
        }
      : undefined,
  AlterExtensionStmt: () => ({}),
  AlterExtensionContentsStmt: (node) =>
    'AlterExtensionContentsStmt' in node
      ? {
          relations: relationOf(
            node.AlterExtensionContentsStmt.objtype,
            node.AlterExtensionContentsStmt.object,
          ),
        }
      : undefined,
  CreatePublicationStmt: (node) => ({ relations: rangesIn(node) }),
};

function ofCreate({ relation: _, ofTypename, ...rest }: CreateStmt): Partial<Mentions> {
  const isAlone = (rest.inhRelations ?? []).length === 0;
  const type = ofTypename === undefined ? [] : [qualifiedName((ofTypename.names ?? []).flatMap(nameParts))];
  // A composite type is a relation of the same name.
  return { relations: [...rangesIn(rest), ...type], ...(isAlone ? { aspects: [] } : {}) };
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
    relations: [...rangesIn(alter), ...commands.flatMap(compositeOf)],
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

/** `OF type`: a composite type is a relation of the same name. */
function compositeOf({ subtype, def }: AlterTableCmd): QualifiedName[] {
  return subtype === 'AT_AddOf' ? [qualifiedName(nameParts(def))] : [];
}

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
