/** What the running release may still use goes in a contract migration; until then nothing demands it any more. */
import type { CatalogRelation } from '../catalog';
import { nameParts, qualifiedName, quoted, rangeName, shown } from '../names';
import { type Answer, contracting, expanding, type Group, type Rewriter, type Situation } from './draft';
import { alter, columnOf, says, shownColumn, tableInUse, tableText } from './tables';
import { actionOf, type Unit } from './units';

export const dropColumn: Rewriter = (unit, situation) => {
  const action = actionOf(unit);
  const table = tableInUse(unit, situation);
  if (action?.subtype !== 'AT_DropColumn' || action.name === undefined || table === undefined)
    return undefined;
  const column = columnOf(table, action.name);
  if (column === undefined) return undefined;
  if (comesAgain(action.name, table, situation)) {
    return {
      refused: `${shownColumn(table, column.name)} is dropped and made again, and every value of it is lost: where it is a change of type, write ALTER COLUMN … TYPE … USING`,
    };
  }
  const users = usersOf(table, column.name, situation);
  if (users.length > 0 && action.behavior === 'DROP_CASCADE') {
    return {
      refused: `with ${shownColumn(table, column.name)} go ${users.join(', ')}: drop those by name first, where they are not needed`,
    };
  }
  const isDemanded =
    column.notNull && !column.hasDefault && column.generated === undefined && !column.identity;
  const isKey = table.constraints.some(
    ({ kind, columns }) => kind === 'primary key' && columns.includes(column.name),
  );
  const name = quoted(column.name);
  const relaxed: readonly Group[] =
    isDemanded && !isKey
      ? [expanding('either', [alter(tableText(unit), `ALTER COLUMN ${name} DROP NOT NULL`)])]
      : [];
  return {
    groups: [...relaxed, contracting('either', [unit.statement.sql])],
    rule: 'drop-column',
    reason:
      `the running release reads and writes ${shownColumn(table, column.name)}: it goes once that release is gone` +
      `${relaxed.length === 0 ? '' : ', and until then a row without it is taken, as the next release writes it'}`,
  };
};

/** Added by a later action, under the same name. */
function comesAgain(name: string, table: CatalogRelation, { rest, catalog }: Situation): boolean {
  return rest.some((other) => {
    const action = actionOf(other);
    if (action?.subtype !== 'AT_AddColumn' || action.def === undefined || !('ColumnDef' in action.def))
      return false;
    const { node } = other.statement;
    const on = 'AlterTableStmt' in node ? catalog.find(rangeName(node.AlterTableStmt.relation)) : undefined;
    return on?.oid === table.oid && action.def.ColumnDef.colname === name;
  });
}

/** What DROP would refuse to go without. */
const usersOf = (
  table: CatalogRelation,
  column: string | undefined,
  { catalog }: Situation,
): readonly string[] =>
  catalog
    .dependentsOf(table, column)
    .filter(({ certain, goesAlong }) => certain && !goesAlong)
    .map(({ kind, name }) => `the ${kind} ${name}`);

const CONTRACTING: readonly string[] = [
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_TYPE',
  'OBJECT_DOMAIN',
  'OBJECT_FUNCTION',
  'OBJECT_PROCEDURE',
  'OBJECT_SEQUENCE',
  'OBJECT_SCHEMA',
];

export const dropObject: Rewriter = (unit, situation): Answer => {
  const { node } = unit.statement;
  if (!('DropStmt' in node) || !CONTRACTING.includes(node.DropStmt.removeType ?? '')) return undefined;
  if (node.DropStmt.removeType === 'OBJECT_FUNCTION' && situation.before.some(dropsTrigger)) return undefined;
  const names = (node.DropStmt.objects ?? []).map((object) => qualifiedName(nameParts(object)));
  const relations = names.flatMap((name) => situation.catalog.find(name) ?? []);
  if (relations.length > 0 && relations.every((relation) => situation.isNew(relation))) return undefined;
  const again = situation.rest.find((other) =>
    isMadeBy(
      other,
      names.map(({ name }) => name),
    ),
  );
  if (again !== undefined) {
    if (!relations.some(({ kind }) => kind === 'table')) return undefined;
    return {
      refused: `${names.map(({ name }) => shown(name)).join(', ')}: it is dropped and made again by this migration, with nothing of what was in it`,
    };
  }
  const users = relations.flatMap((relation) => usersOf(relation, undefined, situation));
  if (node.DropStmt.behavior === 'DROP_CASCADE' && users.length > 0) {
    return { refused: `with it go ${users.join(', ')}: drop those by name first, where they are not needed` };
  }
  const tables = relations.filter(({ kind }) => kind === 'table');
  const freed = tables.flatMap((table) => freeing(table, situation));
  return {
    groups: [...freed, contracting('either', [unit.statement.sql])],
    rule: tables.length > 0 ? 'drop-table' : 'drop-object',
    reason: `the running release may use ${names.map(({ name }) => shown(name)).join(', ')}: it goes once that release is gone`,
  };
};

/** Its function is called by nobody else. */
const dropsTrigger = ({ statement: { node } }: Unit): boolean =>
  'DropStmt' in node && node.DropStmt.removeType === 'OBJECT_TRIGGER';

/** The next release knows nothing of the table, and shall be able to delete what that references. */
function freeing(table: CatalogRelation, { catalog }: Situation): readonly Group[] {
  return table.constraints
    .filter(
      ({ references, onDelete }) =>
        references !== undefined && references !== table.oid && onDelete === 'check',
    )
    .map(({ name, references }) => {
      const target = references === undefined ? undefined : catalog.get(references);
      const on =
        table.name.schema === 'public'
          ? quoted(table.name.name)
          : `${quoted(table.name.schema)}.${quoted(table.name.name)}`;
      return target === undefined
        ? undefined
        : expanding('apart', [alter(on, `DROP CONSTRAINT ${quoted(name)}`)]);
    })
    .filter((group) => group !== undefined);
}

const MAKING: readonly string[] = [
  'CreateStmt',
  'ViewStmt',
  'CreateTableAsStmt',
  'CreateEnumStmt',
  'CompositeTypeStmt',
  'CreateFunctionStmt',
  'CreateSeqStmt',
  'CreateDomainStmt',
  'RenameStmt',
];

const isMadeBy = ({ statement }: Unit, names: readonly string[]): boolean =>
  MAKING.includes(statement.kind) && names.some((name) => says(statement.node, name));
