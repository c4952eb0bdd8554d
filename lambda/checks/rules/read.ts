/** Reads for the rules what a statement says, and what of it concerns objects that were there before its migration. */
import type { AlterTableCmd, ColumnDef, Constraint, DropStmt, IndexStmt } from 'libpg-query';
import type { CatalogColumn, CatalogName, CatalogRelation } from '../../sql/catalog';
import { nameParts, type QualifiedName, rangeName, shown, shownName } from '../../sql/names';
import type { Node, SqlStatement } from '../../sql/parse';
import { isTree, type Tree } from '../../sql/search';
import { UNKNOWN_TYPE } from './assumed';
import type { RuleContext } from './rule';

export interface Alteration {
  readonly name: QualifiedName;
  readonly table: CatalogRelation | undefined;
  readonly command: AlterTableCmd;
}

type Asked = Pick<RuleContext, 'statement' | 'catalog'>;

/** Most rules ask for them. */
const alterationsOf = new WeakMap<Asked, readonly Alteration[]>();

/** Actions of an ALTER TABLE, on whatever kind of relation. */
export function alterations(context: Asked): readonly Alteration[] {
  const { node } = context.statement;
  if (!('AlterTableStmt' in node)) return [];
  const known = alterationsOf.get(context);
  if (known !== undefined) return known;
  const name = rangeName(node.AlterTableStmt.relation);
  const table = context.catalog.find(name);
  const all = commandsOf(node).map((command) => ({ name, table, command }));
  alterationsOf.set(context, all);
  return all;
}

export const commandsOf = (node: Node): readonly AlterTableCmd[] =>
  'AlterTableStmt' in node
    ? (node.AlterTableStmt.cmds ?? []).flatMap((cmd) => ('AlterTableCmd' in cmd ? [cmd.AlterTableCmd] : []))
    : [];

/** Actions on relations that were there before the migration: only these can hurt anybody. */
export const alterationsOfExisting = (context: RuleContext): readonly Alteration[] =>
  alterations(context).filter(({ table }) => table !== undefined && !context.isNew(table.oid));

export const actionsNamed = (
  context: RuleContext,
  subtype: AlterTableCmd['subtype'],
): readonly Alteration[] =>
  alterationsOfExisting(context).filter(({ command }) => command.subtype === subtype);

export const columnDefOf = ({ def }: AlterTableCmd): ColumnDef | undefined =>
  def !== undefined && 'ColumnDef' in def ? def.ColumnDef : undefined;

export const constraintOf = ({ def }: AlterTableCmd): Constraint | undefined =>
  def !== undefined && 'Constraint' in def ? def.Constraint : undefined;

export const columnConstraints = ({ constraints }: ColumnDef): readonly Constraint[] =>
  (constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));

export const namesIn = (nodes: readonly Node[] | undefined): readonly string[] =>
  (nodes ?? []).flatMap(nameParts);

export interface AddedConstraint {
  readonly name: QualifiedName;
  readonly table: CatalogRelation;
  readonly constraint: Constraint;
  readonly columns: readonly string[];
  /** The column that the same action adds. */
  readonly column: ColumnDef | undefined;
}

/** Constraints that an ALTER TABLE adds to tables of which the test says yes, by themselves or with a column. */
export function constraintsAdded(
  context: Pick<RuleContext, 'statement' | 'catalog'>,
): readonly AddedConstraint[] {
  return alterations(context).flatMap(({ name, table, command }): AddedConstraint[] => {
    if (table === undefined) return [];
    if (command.subtype === 'AT_AddConstraint') {
      const constraint = constraintOf(command);
      if (constraint === undefined) return [];
      const columns = namesIn([...(constraint.keys ?? []), ...(constraint.fk_attrs ?? [])]);
      return [{ name, table, constraint, columns, column: undefined }];
    }
    const column = command.subtype === 'AT_AddColumn' ? columnDefOf(command) : undefined;
    if (column === undefined) return [];
    const columns = [column.colname ?? ''];
    return columnConstraints(column).map((constraint) => ({ name, table, constraint, columns, column }));
  });
}

export const constraintsAddedToExisting = (context: RuleContext): readonly AddedConstraint[] =>
  constraintsAdded(context).filter(({ table }) => !context.isNew(table.oid));

export const isUnchecked = ({ skip_validation, is_enforced }: Constraint): boolean =>
  skip_validation === true || is_enforced === false;

export const indexOf = ({ node }: SqlStatement): IndexStmt | undefined =>
  'IndexStmt' in node ? node.IndexStmt : undefined;

export const dropOf = ({ node }: SqlStatement): DropStmt | undefined =>
  'DropStmt' in node ? node.DropStmt : undefined;

/** `undefined` for an expression. */
export const indexColumns = ({ indexParams }: IndexStmt): readonly (string | undefined)[] =>
  (indexParams ?? []).map((node) => ('IndexElem' in node ? node.IndexElem.name : undefined));

/** The effects name relations as the catalog does. */
export const relationOf = ({ catalog }: Pick<RuleContext, 'catalog'>, name: CatalogName) =>
  catalog.find(name);

/** Of the relations that a statement reads in full or writes anew, those that were there before the migration. */
export const existingOf = (context: RuleContext, names: readonly CatalogName[]): readonly CatalogRelation[] =>
  names.flatMap((name) => {
    const relation = relationOf(context, name);
    return relation === undefined || context.isNew(relation.oid) ? [] : [relation];
  });

export const scannedTables = (context: RuleContext): readonly CatalogRelation[] =>
  existingOf(context, context.effects.scans);

/** Tables, not their indexes. */
export const rewrittenTables = (context: RuleContext): readonly CatalogRelation[] =>
  existingOf(context, context.effects.rewrites).filter(({ index }) => index === undefined);

/** `unknown` where the table was never seen being made. */
export function columnIn(
  context: RuleContext,
  table: CatalogRelation,
  column: string,
): CatalogColumn | 'unknown' | undefined {
  const known = table.columns.find(({ name }) => name === column);
  const isUnknown = known === undefined ? context.isAssumed(table.oid) : known.typeName === UNKNOWN_TYPE;
  return isUnknown ? 'unknown' : known;
}

/** Added by an earlier statement of this migration. */
export const isColumnAddedHere = (context: RuleContext, table: QualifiedName, column: string): boolean =>
  addition(context, table, column) !== undefined;

export const addition = (
  { earlier }: Pick<RuleContext, 'earlier'>,
  table: QualifiedName,
  column: string,
): ColumnDef | undefined =>
  earlier
    .flatMap(({ statement: { node } }) =>
      'AlterTableStmt' in node && rangeName(node.AlterTableStmt.relation).name === table.name
        ? commandsOf(node)
        : [],
    )
    .flatMap((command) => (command.subtype === 'AT_AddColumn' ? [columnDefOf(command)] : []))
    .find((definition) => definition?.colname === column);

/** `"Wallet"`, without the schema where everybody finds it. */
export const tableWords = ({ schema, name }: QualifiedName): string =>
  shownName({ schema: schema === 'public' ? undefined : schema, name });

export const columnWords = (table: QualifiedName, column: string): string =>
  `${tableWords(table)}.${shown(column)}`;

/** `a, b and c`; of a long list, how many more there are. */
export function listWords(items: readonly string[], most = 6): string {
  const said = items.length > most ? [...items.slice(0, most), `${items.length - most} more`] : items;
  const last = said.at(-1) ?? '';
  return said.length < 2 ? last : `${said.slice(0, -1).join(', ')} and ${last}`;
}

/** Every node of a kind in a tree. */
export function nodesOf(tree: unknown, kind: string): readonly Tree[] {
  if (Array.isArray(tree)) return tree.flatMap((branch) => nodesOf(branch, kind));
  if (!isTree(tree)) return [];
  const here = tree[kind];
  const below = Object.values(tree).flatMap((branch) => nodesOf(branch, kind));
  return isTree(here) ? [here, ...below] : below;
}

/** The parser counts bytes of the script. */
export function offsetOf({ sql }: Pick<RuleContext, 'sql'>, location: unknown): number | undefined {
  if (typeof location !== 'number' || location < 0) return undefined;
  return Buffer.from(sql, 'utf8').toString('utf8', 0, location).length;
}
