/** Rules on names: lost quotes, names of nothing, and names that are taken. */
import type { CatalogRelation } from '../../sql/catalog';
import { type QualifiedName, quoted, rangeName, shown } from '../../sql/names';
import { mayBeTaken, namesMade } from '../../sql/names-made';
import { type ColumnUse, columnUses } from './column-uses';
import {
  alterations,
  columnDefOf,
  constraintsAdded,
  dropOf,
  indexOf,
  listWords,
  offsetOf,
  tableWords,
} from './read';
import type { Fault, Rule, RuleContext } from './rule';

const BALANCES =
  'CREATE TABLE "TokenBalance" (id int PRIMARY KEY, "usdValue" numeric, amount int); INSERT INTO "TokenBalance" VALUES (1, 1.5, 1);';

/** The same but for upper and lower case. */
const twinOf = (name: string, known: readonly string[]): string | undefined =>
  known.find((other) => other !== name && other.toLowerCase() === name.toLowerCase());

const columnsOf = (context: RuleContext, table: CatalogRelation): readonly string[] => [
  ...table.columns.map(({ name }) => name),
  ...SYSTEM_COLUMNS,
  ...alterations(context).flatMap(({ command }) =>
    command.subtype === 'AT_AddColumn' ? [columnDefOf(command)?.colname ?? ''] : [],
  ),
];

const SYSTEM_COLUMNS: readonly string[] = ['ctid', 'tableoid', 'xmin', 'xmax', 'cmin', 'cmax'];

type Stray = ColumnUse & { readonly table: CatalogRelation };

const strayColumnsOf = new WeakMap<RuleContext, readonly Stray[]>();

/** Names of columns that a table, all of whose columns are known, has not: each once. */
function strayColumns(context: RuleContext): readonly Stray[] {
  const known = strayColumnsOf.get(context);
  if (known !== undefined) return known;
  const strays = new Map<string, Stray>();
  for (const use of columnUses(context)) {
    const { table, column } = use;
    if (table === undefined || table.columns.length === 0 || context.isAssumed(table.oid)) continue;
    if (column === table.name.name || columnsOf(context, table).includes(column)) continue;
    const key = JSON.stringify([table.oid, column]);
    if (!strays.has(key)) strays.set(key, { ...use, table });
  }
  const all = [...strays.values()];
  strayColumnsOf.set(context, all);
  return all;
}

/** A comment on nothing, and a DROP of what is not there, do no harm. */
const strayRelations = (context: RuleContext): readonly QualifiedName[] =>
  dropOf(context.statement)?.missing_ok === true || context.statement.kind === 'CommentStmt'
    ? []
    : context.strays;

const lostQuotes: Rule = {
  id: 'lost-quotes',
  severity: 'error',
  title: 'A name that lost its quotes',
  condition:
    'A name without quotes, which Postgres reads in lower case, is the name of nothing, while one with capitals is there: usdValue instead of "usdValue".',
  effect: 'Postgres reads it in lower case, does not find it, and refuses the statement (42703 or 42P01).',
  remedy: 'Write the name in double quotes, with its capitals.',
  bad: {
    before: BALANCES,
    sql: 'ALTER TABLE "TokenBalance" ADD CONSTRAINT positive CHECK (usdValue >= 0) NOT VALID;',
    fails: '42703',
  },
  good: {
    before: BALANCES,
    sql: 'ALTER TABLE "TokenBalance" ADD CONSTRAINT positive CHECK ("usdValue" >= 0) NOT VALID;',
  },
  find(context) {
    const columns = strayColumns(context).flatMap(({ column, table, location }): Fault[] => {
      const meant = twinOf(column, columnsOf(context, table));
      if (meant === undefined) return [];
      const offset = offsetOf(context, location);
      return [
        {
          subject: `${tableWords(table.name)}.${quoted(meant)}`,
          effect: `Without quotes Postgres reads ${column}, which ${tableWords(table.name)} has not, and refuses the statement (42703).`,
          remedy: `Write ${quoted(meant)}.`,
          ...(offset === undefined ? {} : { offset }),
        },
      ];
    });
    return [...columns, ...strayRelations(context).flatMap((name) => lostOfRelation(context, name))];
  },
};

function lostOfRelation(context: RuleContext, name: QualifiedName): readonly Fault[] {
  const known = context.catalog.rows.relations
    .filter(({ oid, index }) => index === undefined && !context.isAssumed(oid))
    .map((relation) => relation.name.name);
  const meant = twinOf(name.name, known);
  return meant === undefined
    ? []
    : [
        {
          subject: quoted(meant),
          effect: `Postgres reads ${name.name}, which is not there, and refuses the statement (42P01).`,
          remedy: `Write ${quoted(meant)}.`,
        },
      ];
}

const unknownName: Rule = {
  id: 'unknown-name',
  severity: 'error',
  title: 'A name of nothing',
  condition: 'A statement names a column that its table has not, or a table that no migration made.',
  effect: 'Postgres refuses the statement (42703 or 42P01).',
  remedy: 'Correct the name.',
  bad: {
    before: BALANCES,
    sql: 'ALTER TABLE "TokenBalance" ADD CONSTRAINT positive CHECK (dollars >= 0) NOT VALID;',
    fails: '42703',
  },
  good: {
    before: BALANCES,
    sql: 'ALTER TABLE "TokenBalance" ADD CONSTRAINT positive CHECK (amount >= 0) NOT VALID;',
  },
  find(context) {
    const columns = strayColumns(context).flatMap(({ column, table, location }): Fault[] => {
      if (twinOf(column, columnsOf(context, table)) !== undefined) return [];
      const offset = offsetOf(context, location);
      const effect = `${tableWords(table.name)} has no column ${shown(column)}: it has ${listWords(table.columns.map(({ name }) => shown(name)))}. Postgres refuses the statement (42703).`;
      return [
        {
          subject: `${tableWords(table.name)}.${shown(column)}`,
          effect,
          ...(offset === undefined ? {} : { offset }),
        },
      ];
    });
    if (!context.knowsAll) return columns;
    const relations = strayRelations(context)
      .filter((name) => lostOfRelation(context, name).length === 0)
      .map((name): Fault => {
        const subject = tableWords(name);
        return {
          subject,
          // A table may have come by `db push`, or by code that no migration shows.
          severity: 'warning',
          effect: `No migration before this statement makes ${subject}: on a database that was made by them it is refused (42P01).`,
          remedy: 'Correct the name, or bring the migration that makes it into the folder.',
        };
      });
    return [...columns, ...relations];
  },
};

const nameTaken: Rule = {
  id: 'name-taken',
  on: ['AlterTableStmt', 'CreateStmt', 'CreateTableAsStmt', 'ViewStmt', 'CreateSeqStmt', 'IndexStmt'],
  severity: 'error',
  title: 'A name that is taken',
  condition:
    'A table, index, view, sequence, column or constraint is made under a name that another one has.',
  effect: 'Postgres refuses the statement (42P07, 42701 or 42710).',
  remedy:
    'Choose another name, or drop what has it first. IF NOT EXISTS would pass over the one that is there.',
  bad: {
    before: `${BALANCES} ALTER TABLE "TokenBalance" ADD CONSTRAINT positive CHECK (amount > 0);`,
    sql: 'ALTER TABLE "TokenBalance" ADD CONSTRAINT positive CHECK (amount >= 0) NOT VALID;',
    fails: '42710',
  },
  good: {
    before: `${BALANCES} ALTER TABLE "TokenBalance" ADD CONSTRAINT positive CHECK (amount > 0);`,
    sql: 'ALTER TABLE "TokenBalance" ADD CONSTRAINT not_negative CHECK (amount >= 0) NOT VALID;',
  },
  find: (context) => [...takenColumns(context), ...takenConstraints(context), ...takenRelations(context)],
};

const takenColumns = (context: RuleContext): readonly Fault[] =>
  alterations(context).flatMap(({ name, table, command }): Fault[] => {
    const column = command.subtype === 'AT_AddColumn' ? columnDefOf(command)?.colname : undefined;
    const isThere = table?.columns.some((known) => known.name === column) === true;
    const isDropped = alterations(context).some(
      (other) => other.command.subtype === 'AT_DropColumn' && other.command.name === column,
    );
    if (column === undefined || !isThere || isDropped || command.missing_ok === true) return [];
    return [
      {
        subject: `${tableWords(name)}.${shown(column)}`,
        effect: 'The column is there already: Postgres refuses the statement (42701).',
      },
    ];
  });

const takenConstraints = (context: RuleContext): readonly Fault[] =>
  constraintsAdded(context).flatMap(({ name, table, constraint }): Fault[] => {
    const { conname } = constraint;
    const isThere = table.constraints.some((known) => known.name === conname);
    const isDropped = alterations(context).some(
      ({ command }) => command.subtype === 'AT_DropConstraint' && command.name === conname,
    );
    if (conname === undefined || !isThere || isDropped) return [];
    return [
      {
        subject: `${shown(conname)} on ${tableWords(name)}`,
        effect: 'A constraint of this name is there already: Postgres refuses the statement (42710).',
      },
    ];
  });

function takenRelations(context: RuleContext): readonly Fault[] {
  const { statement, catalog } = context;
  if (mayBeTaken(statement.node)) return [];
  const index = indexOf(statement);
  const schema = index === undefined ? undefined : catalog.find(rangeName(index.relation))?.name.schema;
  return namesMade(statement.node).flatMap((name): Fault[] => {
    const found = catalog.find({ ...name, schema: schema ?? name.schema });
    const isOther = found === undefined || context.isAssumed(found.oid) || found.name.schema === 'pg_catalog';
    if (isOther) return [];
    const effect = `A ${found.kind} of this name is there already: Postgres refuses the statement (42P07).`;
    return [{ subject: tableWords(name), effect }];
  });
}

const tableHidden: Rule = {
  id: 'table-if-not-exists-hides',
  on: ['CreateStmt'],
  severity: 'warning',
  title: 'CREATE TABLE IF NOT EXISTS passes over another table',
  condition: 'A table of that name is there already, with other columns.',
  effect: 'Nothing is made, and nothing said: the migration succeeds without the columns that it shows.',
  remedy: 'ALTER the table that is there, or choose another name.',
  bad: {
    before: BALANCES,
    sql: 'CREATE TABLE IF NOT EXISTS "TokenBalance" (id int PRIMARY KEY, price numeric);',
  },
  good: {
    before: BALANCES,
    sql: 'CREATE TABLE IF NOT EXISTS "TokenPrice" (id int PRIMARY KEY, price numeric);',
  },
  find(context) {
    const { node } = context.statement;
    if (!('CreateStmt' in node) || node.CreateStmt.if_not_exists !== true) return [];
    const name = rangeName(node.CreateStmt.relation);
    const found = context.catalog.find(name);
    if (found === undefined || context.isAssumed(found.oid)) return [];
    const wanted = (node.CreateStmt.tableElts ?? []).flatMap((element) =>
      'ColumnDef' in element ? [element.ColumnDef.colname ?? ''] : [],
    );
    const missing = wanted.filter((column) => !found.columns.some((known) => known.name === column));
    return missing.length === 0
      ? []
      : [
          {
            subject: tableWords(name),
            effect: `It is there without ${listWords(missing.map(shown))}. ${this.effect}`,
          },
        ];
  },
};

export const NAME_RULES: readonly Rule[] = [lostQuotes, unknownName, nameTaken, tableHidden];
