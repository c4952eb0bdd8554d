/** A type that its stored values do not serve is changed beside them: a column of the new type, kept in step, filled in batches, then switched to. */
import type { CatalogColumn, CatalogIndex, CatalogRelation } from '../catalog';
import { nameParts, quoted, quotedName, shown } from '../names';
import type { Node } from '../parse';
import {
  type Answer,
  contracting,
  expanding,
  type Group,
  type Rewriter,
  type Situation,
  switching,
} from './draft';
import {
  createBackward,
  createForward,
  createTrigger,
  type Pair,
  removeTrigger,
  type Trigger,
  triggerFor,
} from './keeping-in-step';
import { type Requirement, requirement } from './not-null';
import { renameIn } from './renames';
import {
  alter,
  backfillObstacle,
  columnOf,
  shownColumn,
  shownTable,
  tableInUse,
  tableText,
  touchesRows,
} from './tables';
import { actionOf, type Unit } from './units';

export const changeType: Rewriter = (unit, situation): Answer => {
  const action = actionOf(unit);
  const table = tableInUse(unit, situation);
  if (action?.subtype !== 'AT_AlterColumnType' || table === undefined || !touchesRows(unit, situation))
    return undefined;
  const column = columnOf(table, action.name);
  if (column === undefined) return undefined;
  const obstacle = backfillObstacle(table, situation.catalog) ?? obstacleTo(column, table, situation);
  if (obstacle !== undefined) return { refused: obstacle };
  const successor = situation.names.free(column.name, '_new', situation.catalog);
  const pair: Pair = { on: tableText(unit), table, old: column.name, successor };
  const required = column.notNull
    ? requirement({ on: pair.on, column: successor, table }, situation)
    : undefined;
  const change: Change = {
    required,
    situation,
    column,
    pair,
    trigger: triggerFor(pair, situation),
    indexes: replacedIndexes(table, column.name, situation),
    ...newType(unit),
  };
  const isRenamedType = renamedTypes(situation.rest).length > 0;
  return {
    groups: [beside(change), ...(isRenamedType ? inOne(change) : inTwo(change))],
    rule: 'type-change-rewrites',
    reason: `the new type would write ${shownTable(table)} anew under lock: ${shown(column.name)} is made beside the former one, kept in step and filled in batches, and takes its place in a moment; it becomes the last column`,
    waitFor: isRenamedType
      ? { names: [column.name, ...renamedTypes(situation.rest)], stage: 'contract' }
      : { names: [column.name], stage: 'switch' },
  };
};

const renamedTypes = (rest: readonly Unit[]): readonly string[] =>
  rest.flatMap((other) => {
    const rename = renameIn(other);
    return rename?.renameType === 'OBJECT_TYPE'
      ? [...nameParts(rename.object).slice(-1), rename.newname ?? '']
      : [];
  });

/** A default is cast to the former type: it goes with the column that has it. */
export const dropDefault: Rewriter = (unit, { rest, isNew, catalog, ...situation }): Answer => {
  const action = actionOf(unit);
  const table = tableInUse(unit, { rest, isNew, catalog, ...situation });
  if (action?.subtype !== 'AT_ColumnDefault' || action.def !== undefined || table === undefined)
    return undefined;
  const change = rest.find((other) => {
    const next = actionOf(other);
    return (
      next?.subtype === 'AT_AlterColumnType' &&
      next.name === action.name &&
      tableText(other) === tableText(unit)
    );
  });
  return change === undefined || !touchesRows(change, { rest, isNew, catalog, ...situation })
    ? undefined
    : { joins: change };
};

interface Change {
  readonly indexes: readonly Replaced[];
  readonly required: Requirement | undefined;
  readonly situation: Situation;
  readonly column: CatalogColumn;
  readonly pair: Pair;
  readonly trigger: Trigger;
  readonly type: string;
  readonly value: string | undefined;
  /** The value is the former one, in the new type: and so the way back is known. */
  readonly isCast: boolean;
}

function newType({ text, statement: { node } }: Unit): Pick<Change, 'type' | 'value' | 'isCast'> {
  const [command] = 'AlterTableStmt' in node ? (node.AlterTableStmt.cmds ?? []) : [];
  const def = command !== undefined && 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
  const column = def !== undefined && 'ColumnDef' in def ? def.ColumnDef : undefined;
  const from = column?.typeName?.location ?? 0;
  const using = column?.raw_default === undefined ? undefined : text.keyword('USING', from);
  return {
    type: text.between(from, using?.start),
    value: using === undefined ? undefined : text.between(using.end),
    isCast: column?.raw_default === undefined || isCast(column.raw_default),
  };
}

function isCast(node: Node): boolean {
  if ('TypeCast' in node) return node.TypeCast.arg !== undefined && isCast(node.TypeCast.arg);
  return 'ColumnRef' in node;
}

function obstacleTo(
  column: CatalogColumn,
  table: CatalogRelation,
  { catalog, joined }: Situation,
): string | undefined {
  const name = shownColumn(table, column.name);
  if (column.hasDefault && joined.length === 0) {
    return `${name} has a default, which has to be converted, too: drop it before the change of type and set it after it, in this migration`;
  }
  if (column.identity || column.generated !== undefined)
    return `the server makes the values of ${name}: they cannot be kept in step`;
  const foreign = table.constraints.find(
    ({ kind, columns }) => kind !== 'not null' && kind !== 'unique' && columns.includes(column.name),
  );
  if (foreign !== undefined)
    return `${shown(foreign.name)} stands on ${name}: drop that constraint first, and add it again afterwards`;
  const referring = catalog
    .referencesTo(table)
    .find(({ constraint }) => constraint.referencedColumns.includes(column.name));
  if (referring !== undefined)
    return `${shown(referring.constraint.name)} of ${shownTable(referring.from)} references ${name}: change both columns by hand`;
  const others = catalog
    .dependentsOf(table, column.name)
    .filter(({ kind, certain }) => certain && !['index', 'constraint', 'default'].includes(kind));
  if (others.length > 0)
    return `${others.map(({ kind, name: of }) => `the ${kind} ${of}`).join(', ')} would go on with the former column`;
  const odd = catalog
    .indexesOf(table)
    .find(
      ({ index }) =>
        index?.columns.includes(column.name) === true &&
        (index.isComputed || index.method !== 'btree' || index.keys.length !== index.columns.length),
    );
  return odd === undefined
    ? undefined
    : `the index ${shown(odd.name.name)} is more than a list of columns: drop it first, and make it again afterwards`;
}

function beside({ indexes, pair, trigger, column, type, value, required }: Change): Group {
  const { on, successor } = pair;
  const is = quoted(successor);
  const isFilled = value === undefined ? ` AND ${quoted(column.name)} IS NOT NULL` : '';
  return expanding('apart', [
    alter(on, `ADD COLUMN ${is} ${type}`),
    createForward(pair, trigger, value),
    createTrigger(pair, trigger),
    `-- godwit:backfill\nUPDATE ${on} SET ${is} = ${value === undefined ? quoted(column.name) : `(${value})`} WHERE ${is} IS NULL${isFilled}`,
    ...indexes.map(
      ({ index, successor: name }) =>
        `CREATE ${index.isUnique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY ${quoted(name)} ON ${on} (${index.keys
          .map((key) => quoted(key === column.name ? successor : (key ?? '')))
          .join(', ')})`,
    ),
    ...(required?.proof ?? []),
  ]);
}

interface Replaced {
  readonly index: CatalogIndex;
  readonly name: string;
  readonly successor: string;
  readonly former: string;
}

function replacedIndexes(
  table: CatalogRelation,
  column: string,
  { catalog, names }: Situation,
): readonly Replaced[] {
  const free = (name: string, suffix: string): string => names.free(name, suffix, catalog);
  return catalog.indexesOf(table).flatMap(({ index, name: { name } }) => {
    if (index?.columns.includes(column) !== true) return [];
    return [{ index, name, successor: free(name, '_new'), former: free(name, '_old') }];
  });
}

/** Names change hands: constraints on unique indexes, then the columns. */
function handOver(
  { pair, column, indexes, required }: Change,
  former: string | undefined,
): readonly string[] {
  const { on, table, successor } = pair;
  const unique = table.constraints.filter(
    ({ kind, columns }) => kind === 'unique' && columns.includes(column.name),
  );
  const isOfConstraint = ({ name }: Replaced): boolean => unique.some((one) => one.name === name);
  const plain = indexes.filter((index) => !isOfConstraint(index));
  return [
    ...indexes.filter(isOfConstraint).map((index) => {
      const name = quoted(index.name);
      const taken = `ADD CONSTRAINT ${name} UNIQUE USING INDEX ${quoted(index.successor)}`;
      return alter(on, `DROP CONSTRAINT ${name}`, taken);
    }),
    ...(former === undefined
      ? [alter(on, `DROP COLUMN ${quoted(column.name)}`)]
      : [
          ...(column.notNull ? [alter(on, `ALTER COLUMN ${quoted(column.name)} DROP NOT NULL`)] : []),
          renamed(on, column.name, former),
          ...plain.map((index) => renamedIndex(table, index.name, index.former)),
        ]),
    renamed(on, successor, column.name),
    ...plain.map((index) => renamedIndex(table, index.successor, index.name)),
    // Only now: since Postgres 18 the requirement has a name, which is made of the column's.
    ...(required?.settle(column.name) ?? []),
  ];
}

const renamedIndex = ({ name: { schema } }: CatalogRelation, from: string, to: string): string =>
  `ALTER INDEX ${quotedName({ schema: schema === 'public' ? undefined : schema, name: from })} RENAME TO ${quoted(to)}`;

const renamed = (on: string, from: string, to: string): string =>
  `-- godwit:allow rename-column because the columns change places\n${alter(on, `RENAME COLUMN ${quoted(from)} TO ${quoted(to)}`)}`;

/** Clients name an enum's type: column and type have to change their names at once. */
function inOne(change: Change): readonly Group[] {
  const { pair, trigger } = change;
  return [contracting('together', [...removeTrigger(pair, trigger), ...handOver(change, undefined)])];
}

function inTwo(change: Change): readonly Group[] {
  const { pair, trigger, column, situation } = change;
  const former = situation.names.free(column.name, '_old', situation.catalog);
  const back: Pair = { ...pair, old: former, successor: column.name };
  return [
    switching('together', [
      ...handOver(change, former),
      ...(change.isCast ? [createBackward(back, trigger)] : removeTrigger(pair, trigger)),
    ]),
    contracting('together', [
      ...(change.isCast ? removeTrigger(pair, trigger) : []),
      alter(pair.on, `DROP COLUMN ${quoted(former)}`),
    ]),
  ];
}
