/** Finds names in a parse tree: of relations, with where they stand, and of functions. */
import { nameParts, type QualifiedName, qualifiedName, rangeName } from '../names';
import type { Node } from '../parse';
import { children, isTree, type Tree } from '../search';

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
