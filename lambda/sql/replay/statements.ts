/** What each kind of statement does to a replayed state. */
import type { DefineStmt } from 'libpg-query';
import { functionsIn } from '../effects/names';
import { nameParts, qualifiedName, shownName } from '../names';
import type { Node, SqlStatement } from '../parse';
import { alterTable } from './alter';
import { createIndex } from './create-index';
import { drop } from './drop';
import { createTableAs, createView, selectInto } from './queries';
import { rename, setSchema } from './rename';
import { alterFunction, alterSequence, createFunction, createSequence } from './routines';
import type { ReplayedState } from './state';
import {
  alterPublication,
  createPolicy,
  createPublication,
  createRule,
  createStatistics,
  createTrigger,
} from './table-parts';
import { createTable } from './tables';
import {
  alterDomain,
  alterEnum,
  createComposite,
  createDomain,
  createEnum,
  createRange,
} from './type-statements';
import { addType } from './types';

type KindOf<Union> = Union extends Union ? keyof Union : never;
type Kind = KindOf<Node>;
type Content<K extends Kind> = Extract<Node, Readonly<Record<K, unknown>>>[K];
type Effect = (statement: SqlStatement, state: ReplayedState) => void;

function on<K extends Kind>(
  kind: K,
  apply: (content: Content<K>, state: ReplayedState, statement: SqlStatement) => void,
): Readonly<Record<string, Effect>> {
  return {
    [kind]: (statement, state) => {
      if (!(kind in statement.node)) return;
      const { [kind]: content } = statement.node as unknown as Readonly<Record<K, Content<K>>>;
      apply(content, state, statement);
    },
  };
}

const EFFECTS: Readonly<Record<string, Effect>> = {
  ...on('CreateStmt', (create, state) => createTable(create, 'table', state)),
  ...on('CreateForeignTableStmt', ({ base = {} }, state) => createTable(base, 'foreign table', state)),
  ...on('AlterTableStmt', alterTable),
  ...on('IndexStmt', createIndex),
  ...on('DropStmt', (content, state, statement) => drop(statement, content, state)),
  ...on('RenameStmt', rename),
  ...on('AlterObjectSchemaStmt', setSchema),
  ...on('ViewStmt', createView),
  ...on('CreateTableAsStmt', createTableAs),
  ...on('SelectStmt', selectInto),
  ...on('CreateEnumStmt', createEnum),
  ...on('AlterEnumStmt', alterEnum),
  ...on('CreateDomainStmt', createDomain),
  ...on('AlterDomainStmt', alterDomain),
  ...on('CompositeTypeStmt', createComposite),
  ...on('CreateRangeStmt', createRange),
  ...on('CreateFunctionStmt', createFunction),
  ...on('AlterFunctionStmt', alterFunction),
  ...on('CreateSeqStmt', createSequence),
  ...on('AlterSeqStmt', alterSequence),
  ...on('CreateTrigStmt', createTrigger),
  ...on('RuleStmt', createRule),
  ...on('CreatePolicyStmt', createPolicy),
  ...on('AlterPolicyStmt', createPolicy),
  ...on('CreateStatsStmt', createStatistics),
  ...on('CreatePublicationStmt', createPublication),
  ...on('AlterPublicationStmt', alterPublication),
  ...on('DefineStmt', define),
  ...on('ReindexStmt', ({ relation }, state) => {
    const index =
      relation === undefined
        ? undefined
        : state.find('relation', qualifiedName(nameParts({ RangeVar: relation })));
    if (index?.index !== undefined) state.put({ ...index, index: { ...index.index, isValid: true } });
  }),
  ...on('CreateSchemaStmt', ({ schemaname, schemaElts }, state, statement) => {
    const before = state.searchPath;
    if (schemaname !== undefined) state.searchPath = [schemaname, ...before];
    for (const node of schemaElts ?? []) applyTo({ ...statement, node, kind: kindOf(node) }, state);
    state.searchPath = before;
  }),
};

const kindOf = (node: Node): string => Object.keys(node)[0] ?? '';

export function applyTo(statement: SqlStatement, state: ReplayedState): void {
  EFFECTS[statement.kind]?.(statement, state);
}

/** Aggregates are functions, and base types types. */
function define({ kind, defnames, args }: DefineStmt, state: ReplayedState): void {
  const { schema = state.currentSchema, name } = qualifiedName((defnames ?? []).flatMap(nameParts));
  if (kind === 'OBJECT_TYPE' && state.withName('type', { schema, name }).length === 0) {
    addType({ schema, name }, {}, state);
  }
  if (kind !== 'OBJECT_AGGREGATE') return;
  const oid = state.newOid();
  const places = (args ?? []).map((_, place) => place);
  state.put({ class: 'function', oid, schema, name, arguments: places, isVolatile: false, words: undefined });
}

const OF_EXTENSION = 'what an extension makes is not known';

const RUNS_CODE: Readonly<Record<string, string>> = {
  DoStmt: 'a DO block runs code that may make, change or drop anything',
  CallStmt: 'a procedure may make, change or drop anything',
  ExecuteStmt: 'what a prepared statement does is not followed',
  CreateExtensionStmt: OF_EXTENSION,
  AlterExtensionStmt: OF_EXTENSION,
  ImportForeignSchemaStmt: 'which tables the other server has is not known',
  DropOwnedStmt: 'who owns what is not followed',
};

/** Statements on rows run the functions that they call. */
const CALLING: readonly string[] = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'];

/** Why it cannot be known what the statement did. */
export function unclearIn({ kind, node }: SqlStatement, state: ReplayedState): string | undefined {
  if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_EXTENSION') return OF_EXTENSION;
  if (kind in RUNS_CODE) return RUNS_CODE[kind];
  if (!CALLING.includes(kind)) return undefined;
  const unknown = functionsIn(node).find((name) => {
    const known = state.functionsNamed(name);
    return known.length === 0 || known.some(({ isBuiltIn }) => !isBuiltIn);
  });
  return unknown && `${shownName(unknown)}() may make, change or drop anything`;
}
