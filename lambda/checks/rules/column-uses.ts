/** Finds which columns of which tables a statement names, as far as that can be told without a full analysis of its queries. */
import type { CatalogRelation } from '../../sql/catalog';
import { nameParts, rangeName } from '../../sql/names';
import type { Node } from '../../sql/parse';
import { isTree, type Tree } from '../../sql/search';
import { alterations, constraintOf, indexOf, namesIn, nodesOf } from './read';
import type { RuleContext } from './rule';

export interface ColumnUse {
  /** `undefined` where it is not there. */
  readonly table: CatalogRelation | undefined;
  readonly column: string;
  /** In the parse tree. */
  readonly location: unknown;
}

export function columnUses(context: RuleContext): readonly ColumnUse[] {
  const { node } = context.statement;
  if ('AlterTableStmt' in node) return inAlterTable(context);
  const index = indexOf(context.statement);
  if (index !== undefined) {
    const table = context.catalog.find(rangeName(index.relation));
    const keys = (index.indexParams ?? []).flatMap((param) =>
      'IndexElem' in param && param.IndexElem.name !== undefined ? [param.IndexElem.name] : [],
    );
    return [
      ...keys.map((column) => ({ table, column, location: undefined })),
      ...references([index.indexParams, index.whereClause]).flatMap((use) => single(use, table)),
    ];
  }
  if ('RenameStmt' in node && node.RenameStmt.renameType === 'OBJECT_COLUMN') {
    const table = context.catalog.find(rangeName(node.RenameStmt.relation));
    return [{ table, column: node.RenameStmt.subname ?? '', location: undefined }];
  }
  return inQuery(context);
}

function inAlterTable(context: RuleContext): readonly ColumnUse[] {
  return alterations(context).flatMap(({ table, command }): ColumnUse[] => {
    const constraint = constraintOf(command);
    if (constraint !== undefined) {
      const keys = namesIn([...(constraint.keys ?? []), ...(constraint.fk_attrs ?? [])]);
      const referenced =
        constraint.pktable === undefined ? undefined : context.catalog.find(rangeName(constraint.pktable));
      return [
        ...keys.map((column) => ({ table, column, location: constraint.location })),
        ...namesIn(constraint.pk_attrs).map((column) => ({
          table: referenced,
          column,
          location: constraint.location,
        })),
        ...references(constraint.raw_expr).flatMap((use) => single(use, table)),
      ];
    }
    const isNamed = ON_COLUMNS.includes(command.subtype ?? '') && command.missing_ok !== true;
    return isNamed ? [{ table, column: command.name ?? '', location: undefined }] : [];
  });
}

const ON_COLUMNS: readonly string[] = [
  'AT_AlterColumnType',
  'AT_ColumnDefault',
  'AT_SetNotNull',
  'AT_DropNotNull',
  'AT_DropColumn',
];

interface Reference {
  readonly parts: readonly string[];
  readonly location: unknown;
}

const references = (tree: unknown): readonly Reference[] =>
  nodesOf(tree, 'ColumnRef').map(({ fields, location }) => ({
    parts: ((fields ?? []) as readonly Node[]).flatMap(nameParts),
    location,
  }));

const single = ({ parts, location }: Reference, table: CatalogRelation | undefined): readonly ColumnUse[] =>
  parts.length === 1 ? [{ table, column: parts[0] ?? '', location }] : [];

/** A qualified name by its table or alias; a plain one where there is one table only. */
function inQuery(context: RuleContext): readonly ColumnUse[] {
  const { node } = context.statement;
  if (!QUERIES.some((kind) => kind in node)) return [];
  const ranges = rangesWithAlias(node);
  // An alias of a subquery, a WITH query or a function hides which columns there are.
  const isPlain = !HIDING.some((kind) => nodesOf(node, kind).length > 0);
  const names = new Set(ranges.map(({ alias }) => alias));
  const tableBy = (alias: string) => {
    const all = ranges.filter((range) => range.alias === alias);
    const found = all.map(({ name }) => context.catalog.find(name));
    return found.every((table) => table !== undefined && table.oid === found[0]?.oid) ? found[0] : undefined;
  };
  return references(node).flatMap(({ parts, location }): ColumnUse[] => {
    const [first = '', second] = parts;
    if (parts.length === 2 && second !== undefined && names.has(first)) {
      return [{ table: tableBy(first), column: second, location }];
    }
    const [only] = ranges;
    const isOne = parts.length === 1 && ranges.length === 1 && isPlain && only !== undefined;
    // ORDER BY and GROUP BY may name an answer of the query.
    if (!isOne || answers(node).includes(first)) return [];
    return [{ table: context.catalog.find(only.name), column: first, location }];
  });
}

const QUERIES: readonly string[] = [
  'SelectStmt',
  'UpdateStmt',
  'DeleteStmt',
  'ExplainStmt',
  'ViewStmt',
  'CreateTableAsStmt',
];

const HIDING: readonly string[] = [
  'RangeSubselect',
  'RangeFunction',
  'CommonTableExpr',
  'SubLink',
  'RangeTableFunc',
];

const answers = (tree: unknown): readonly unknown[] => nodesOf(tree, 'ResTarget').map(({ name }) => name);

function rangesWithAlias(tree: unknown) {
  const ranges: Tree[] = [...nodesOf(tree, 'RangeVar')];
  // The target of an UPDATE or DELETE stands in a field of its own.
  for (const kind of ['UpdateStmt', 'DeleteStmt']) {
    for (const { relation } of nodesOf(tree, kind)) if (isTree(relation)) ranges.push(relation);
  }
  return ranges.map((range) => {
    const alias = isTree(range.alias) ? range.alias.aliasname : undefined;
    const name = rangeName(range);
    return { name, alias: typeof alias === 'string' ? alias : name.name };
  });
}
