/** What an expression or a stored query needs in order to work: columns, relations, functions, sequences and types. */
import type { TypeName } from 'libpg-query';
import { functionsIn, usesIn } from '../effects/names';
import { nameParts, type QualifiedName, qualifiedName } from '../names';
import { isTree, type Tree } from '../search';
import type { ReplayedState } from './state';
import { type Address, type ReplayedRelation, whole } from './things';

/** Of an expression over one table: numbers of its columns. */
export function columnsIn(tree: unknown, table: ReplayedRelation): readonly number[] {
  const references = referencesIn(tree);
  return table.columns
    .filter(({ name }) =>
      references.some((reference) => reference.column === name || reference.column === '*'),
    )
    .map(({ number }) => number);
}

/** Objects other than columns of its own table. */
export function objectsIn(tree: unknown, state: ReplayedState): readonly Address[] {
  const functions = functionsIn(tree).flatMap((name) => state.functions(name));
  const types = nodesOf(tree, 'TypeCast').flatMap(({ typeName }) => {
    const name = qualifiedName(((typeName as TypeName | undefined)?.names ?? []).flatMap(nameParts));
    return state.findType(name) ?? [];
  });
  const sequences = sequencesIn(tree).flatMap((name) => state.find('relation', name) ?? []);
  return [...functions, ...types, ...sequences].map(({ oid }) => whole(oid));
}

/** Unknown functions are taken for volatile. */
export const callsVolatile = (tree: unknown, state: ReplayedState): boolean =>
  functionsIn(tree).some((name) => {
    const known = state.functionsNamed(name);
    return known.length === 0 || known.some(({ isVolatile }) => isVolatile);
  });

/** Whatever a query names: columns where it is clear whose they are. */
export function addressesIn(query: unknown, state: ReplayedState): readonly Address[] {
  const uses = usesIn(query, []).flatMap(({ name }) => state.find('relation', name) ?? []);
  const relations = [...new Map(uses.map((relation) => [relation.oid, relation])).values()];
  const aliases = aliasesIn(query, state);
  const references = [...referencesIn(query), ...writtenIn(query)];
  const columns = relations.flatMap((relation) =>
    relation.columns
      .filter(({ name }) => references.some((reference) => isOf(reference, name, relation, aliases)))
      .map(({ number }) => ({ oid: relation.oid, column: number })),
  );
  return [...relations.map(({ oid }) => whole(oid)), ...columns, ...objectsIn(query, state)];
}

interface Reference {
  /** Of a table, or its alias. */
  readonly qualifier: string | undefined;
  /** `*`: all. */
  readonly column: string;
}

function isOf(
  { qualifier, column }: Reference,
  name: string,
  relation: ReplayedRelation,
  aliases: ReadonlyMap<string, ReadonlySet<number>>,
): boolean {
  if (column !== name && column !== '*') return false;
  return qualifier === undefined || aliases.get(qualifier)?.has(relation.oid) === true;
}

/** A `JOIN … USING` refers to the columns of both sides. */
function referencesIn(tree: unknown): readonly Reference[] {
  const columns = nodesOf(tree, 'ColumnRef').map(({ fields }): Reference => {
    const parts = (Array.isArray(fields) ? fields : []).map((field: unknown) =>
      isTree(field) && isTree(field.String) ? String(field.String.sval ?? '') : '*',
    );
    return { qualifier: parts.at(-2), column: parts.at(-1) ?? '' };
  });
  const used = nodesOf(tree, 'JoinExpr').flatMap(({ usingClause }) =>
    (Array.isArray(usingClause) ? usingClause : []).flatMap(nameParts),
  );
  return [...columns, ...used.map((column) => ({ qualifier: undefined, column }))];
}

/** Columns that a rule's INSERT or UPDATE writes; all where an INSERT names none. */
function writtenIn(tree: unknown): readonly Reference[] {
  const named = (nodes: unknown): readonly string[] =>
    (Array.isArray(nodes) ? nodes : []).flatMap((node: unknown) =>
      isTree(node) && isTree(node.ResTarget) ? [String(node.ResTarget.name ?? '')] : [],
    );
  const written = (statement: Tree, columns: readonly string[]): readonly Reference[] => {
    const qualifier = isTree(statement.relation) ? String(statement.relation.relname ?? '') : undefined;
    return columns.map((column) => ({ qualifier, column }));
  };
  return [
    ...nodesOf(tree, 'InsertStmt').flatMap((insert) =>
      written(insert, Array.isArray(insert.cols) ? named(insert.cols) : ['*']),
    ),
    ...nodesOf(tree, 'UpdateStmt').flatMap((update) => written(update, named(update.targetList))),
  ];
}

/** Relations by the names under which a query refers to them. */
function aliasesIn(tree: unknown, state: ReplayedState): ReadonlyMap<string, ReadonlySet<number>> {
  const aliases = new Map<string, Set<number>>();
  for (const range of [...nodesOf(tree, 'RangeVar'), ...fieldsWithRelation(tree)]) {
    const { schemaname, relname, alias } = range as { schemaname?: string; relname?: string; alias?: Tree };
    const relation = state.find('relation', { schema: schemaname, name: relname ?? '' });
    const name = typeof alias?.aliasname === 'string' ? alias.aliasname : relname;
    if (relation === undefined || name === undefined) continue;
    aliases.set(name, new Set([...(aliases.get(name) ?? []), relation.oid]));
  }
  return aliases;
}

const fieldsWithRelation = (tree: unknown): readonly Tree[] => {
  if (Array.isArray(tree)) return tree.flatMap(fieldsWithRelation);
  if (!isTree(tree)) return [];
  const below = Object.values(tree).flatMap(fieldsWithRelation);
  return typeof tree.relname === 'string' ? [tree, ...below] : below;
};

/** `nextval('"Wallet_id_seq"'::regclass)`. */
function sequencesIn(tree: unknown): readonly QualifiedName[] {
  return nodesOf(tree, 'FuncCall').flatMap(({ funcname, args }) => {
    const name = (Array.isArray(funcname) ? funcname : []).flatMap(nameParts).at(-1);
    const text = constantIn(Array.isArray(args) ? args[0] : undefined);
    return name === 'nextval' && text !== undefined ? [nameIn(text)] : [];
  });
}

export function constantIn(node: unknown): string | undefined {
  if (!isTree(node)) return undefined;
  if (isTree(node.TypeCast)) return constantIn(node.TypeCast.arg);
  const constant = isTree(node.A_Const) ? node.A_Const.sval : undefined;
  return isTree(constant) && typeof constant.sval === 'string' ? constant.sval : undefined;
}

/** A name in a string: quotes keep case, and what is not in them is folded. */
export function nameIn(text: string): QualifiedName {
  const parts: string[] = [''];
  let isQuoted = false;
  for (const [index, character] of [...text].entries()) {
    const last = parts.length - 1;
    if (character === '"') {
      if (!isQuoted && index > 0 && text[index - 1] === '"') parts[last] += '"';
      isQuoted = !isQuoted;
    } else if (character === '.' && !isQuoted) parts.push('');
    else parts[last] += isQuoted ? character : character.toLowerCase();
  }
  return qualifiedName(parts);
}

export function nodesOf(tree: unknown, kind: string): readonly Tree[] {
  if (Array.isArray(tree)) return tree.flatMap((branch) => nodesOf(branch, kind));
  if (!isTree(tree)) return [];
  const own = tree[kind];
  const below = Object.values(tree).flatMap((branch) => nodesOf(branch, kind));
  return isTree(own) ? [own, ...below] : below;
}
