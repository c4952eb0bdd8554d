/** Rules on what goes: columns, tables, types and the like, and who still needs them. */
import type { CatalogDependent, CatalogRelation } from '../../sql/catalog';
import { relationsMentioned } from '../../sql/effects/effects';
import { lossOf } from '../../sql/losses';
import { nameParts, type QualifiedName, qualifiedName, shown, shownName } from '../../sql/names';
import { objectWords, summaryOf } from '../../sql/summary';
import { alsoExpands } from './phases';
import { actionsNamed, columnDefOf, columnWords, commandsOf, dropOf, listWords, tableWords } from './read';
import type { Fault, Rule, RuleContext } from './rule';

const SHOP =
  'CREATE TABLE "Token" (id int PRIMARY KEY, symbol text, note text); CREATE TABLE "Price" (id int PRIMARY KEY, "tokenId" int REFERENCES "Token" (id)); CREATE VIEW priced AS SELECT symbol FROM "Token"; INSERT INTO "Token" VALUES (1, \'ETH\', \'x\');';

/** Tables that were there before and that a DROP names. */
const droppedRelations = (context: RuleContext, type: string): readonly CatalogRelation[] => {
  const drop = dropOf(context.statement);
  if (drop?.removeType !== type) return [];
  return (drop.objects ?? []).flatMap((object) => {
    const found = context.catalog.find(qualifiedName(nameParts(object)));
    return found === undefined || context.isNew(found.oid) ? [] : [found];
  });
};

const VIEWS: readonly string[] = ['OBJECT_VIEW', 'OBJECT_MATVIEW'];

/** Views that no migration is known to have made. */
function unknownViews(context: RuleContext): readonly Fault[] {
  const drop = dropOf(context.statement);
  if (context.knowsAll || drop === undefined || !VIEWS.includes(drop.removeType ?? '')) return [];
  return (drop.objects ?? []).flatMap((object): Fault[] => {
    const name = qualifiedName(nameParts(object));
    return context.catalog.find(name) === undefined ? [{ subject: shownName(name) }] : [];
  });
}

const dependentWords = ({ kind, name, certain }: CatalogDependent): string =>
  `${kind} ${name}${certain ? '' : ' (its text mentions it)'}`;

/** Whoever does not go by itself, and whoever may be mentioned in text that Postgres does not look into. */
const inNeed = (dependents: readonly CatalogDependent[]): readonly CatalogDependent[] =>
  dependents.filter(({ goesAlong, kind }) => !goesAlong && kind !== 'index' && kind !== 'sequence');

const useWords = (context: RuleContext, table: CatalogRelation, column?: string): string | undefined => {
  const use = context.facts?.lastUse(table.name, column);
  return use === undefined
    ? undefined
    : `A statement that mentions it ran lately (pg_stat_statements): ${use}`;
};

interface Gone {
  readonly table: CatalogRelation;
  readonly column: string | undefined;
  readonly subject: string;
  readonly cascades: boolean;
}

function goneIn(context: RuleContext): readonly Gone[] {
  const columns = actionsNamed(context, 'AT_DropColumn').flatMap(({ name, table, command }): Gone[] => {
    const column = command.name ?? '';
    const isKnown = table?.columns.some((known) => known.name === column) === true;
    if (table === undefined || (!isKnown && !context.isAssumed(table.oid))) return [];
    return [
      { table, column, subject: columnWords(name, column), cascades: command.behavior === 'DROP_CASCADE' },
    ];
  });
  const cascades = dropOf(context.statement)?.behavior === 'DROP_CASCADE';
  const tables = ['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW'].flatMap((type) =>
    droppedRelations(context, type),
  );
  return [
    ...columns,
    ...tables.map((table) => ({ table, column: undefined, subject: tableWords(table.name), cascades })),
  ];
}

const dropColumn: Rule = {
  id: 'drop-column',
  on: ['AlterTableStmt'],
  severity: 'warning',
  title: 'DROP COLUMN',
  condition: 'A column of a table that was there before the migration is dropped.',
  effect:
    'Its values are gone for good. A Prisma client names every column that it knows: all queries of the table by a release that still knows this one fail.',
  remedy:
    'Remove it from the schema, deploy that release everywhere, and drop the column in a migration of its own after that.',
  bad: { before: SHOP, sql: 'ALTER TABLE "Token" DROP COLUMN note, ADD COLUMN remark text;' },
  good: { before: SHOP, sql: 'ALTER TABLE "Token" ADD COLUMN remark text;' },
  find: (context) =>
    goneIn(context)
      .filter(({ column }) => column !== undefined)
      .map((gone) => dropFault(context, gone, dropColumn)),
};

const dropTable: Rule = {
  id: 'drop-table',
  on: ['DropStmt'],
  severity: 'warning',
  title: 'DROP TABLE',
  condition: 'A table, view or materialized view that was there before the migration is dropped.',
  effect: 'Its rows are gone for good, and queries of a release that still uses it fail.',
  remedy:
    'Deploy a release that does not use it everywhere, then drop it in a migration of its own; rename it away first to see whether anybody notices.',
  bad: { before: SHOP, sql: 'DROP TABLE "Price";' },
  good: { before: SHOP, sql: 'CREATE TABLE "Quote" (id int PRIMARY KEY);' },
  find: (context) => [
    ...goneIn(context)
      .filter(({ column }) => column === undefined)
      .map((gone) => dropFault(context, gone, dropTable)),
    ...unknownViews(context),
  ],
};

function dropFault(context: RuleContext, { table, column, subject }: Gone, rule: Rule): Fault {
  const use = useWords(context, table, column);
  const both = alsoExpands(context);
  const effect = [
    rule.effect,
    ...(both === undefined ? [] : [both]),
    ...(use === undefined ? [] : [use]),
  ].join(' ');
  return { subject, effect, ...(both === undefined && use === undefined ? {} : { severity: 'error' }) };
}

const dropInUse: Rule = {
  id: 'drop-in-use',
  on: ['AlterTableStmt', 'DropStmt'],
  severity: 'error',
  title: 'Something that is dropped is still used in the database',
  condition:
    'Views, functions, triggers, policies, publications, generated columns, keys of other tables or columns depend on what is dropped.',
  effect: 'Without CASCADE Postgres refuses it (2BP01); with CASCADE they go, too, unmentioned.',
  remedy: 'Change or drop what depends on it first, by name, so that everybody sees what goes.',
  bad: { before: SHOP, sql: 'ALTER TABLE "Token" DROP COLUMN symbol;', fails: '2BP01' },
  good: { before: SHOP, sql: 'DROP INDEX CONCURRENTLY IF EXISTS "Token_symbol_idx";' },
  find(context) {
    const relations = goneIn(context).flatMap(({ table, column, subject, cascades }): Fault[] => {
      const dependents = inNeed(context.catalog.dependentsOf(table, column));
      if (dependents.length === 0) return [];
      const isCertain = dependents.some(({ certain }) => certain);
      const names = listWords(dependents.map(dependentWords));
      const outcome = !isCertain
        ? 'It may fail when it runs next.'
        : cascades
          ? 'CASCADE drops what depends on it, unmentioned.'
          : 'Postgres refuses it (2BP01).';
      return [
        {
          subject,
          effect: `Depends on it: ${names}. ${outcome}`,
          ...(isCertain ? {} : { severity: 'warning' }),
        },
      ];
    });
    return [...relations, ...othersInUse(context), ...keysInUse(context)];
  },
};

const OTHERS: readonly string[] = ['type', 'function', 'schema', 'extension'];

/** Types, functions, schemas: the catalog tells which tables lose a part of theirs with them. */
const othersInUse = (context: RuleContext): readonly Fault[] =>
  relationsMentioned(context.statement)
    .doomed.filter(({ kind }) => OTHERS.includes(kind))
    .flatMap((object): Fault[] => {
      const tables = context.catalog
        .lossesOf([object])
        .map(({ relation }) => context.catalog.get(relation))
        .map((relation) =>
          relation?.index === undefined ? relation : context.catalog.get(relation.index.table),
        )
        .flatMap((relation) =>
          relation === undefined || context.isNew(relation.oid) ? [] : [tableWords(relation.name)],
        );
      if (tables.length === 0) return [];
      const effect = `${listWords([...new Set(tables)])} would lose a part. ${dropInUse.effect}`;
      return [{ subject: shownName(object.name), effect }];
    });

/** A key by which foreign keys reference its table. */
const keysInUse = (context: RuleContext): readonly Fault[] =>
  actionsNamed(context, 'AT_DropConstraint').flatMap(({ name, table, command }): Fault[] => {
    const key = table?.constraints.find((constraint) => constraint.name === command.name);
    if (table === undefined || (key?.kind !== 'primary key' && key?.kind !== 'unique')) return [];
    const users = context.catalog
      .referencesTo(table)
      .filter(({ constraint }) => sameColumns(constraint.referencedColumns, key.columns))
      .map(({ from, constraint }) => `${shown(constraint.name)} on ${tableWords(from.name)}`);
    if (users.length === 0) return [];
    return [
      {
        subject: `${shown(key.name)} on ${tableWords(name)}`,
        effect: `Depends on it: ${listWords(users)}. ${dropInUse.effect}`,
      },
    ];
  });

const sameColumns = (one: readonly string[], other: readonly string[]): boolean =>
  JSON.stringify([...one].sort()) === JSON.stringify([...other].sort());

/** What holds all the rest, or serves it. */
const WHOLE: readonly string[] = [
  'DropdbStmt',
  'DropOwnedStmt',
  'DropSubscriptionStmt',
  'DropTableSpaceStmt',
];

const DROPPED_KINDS: readonly string[] = [
  'OBJECT_TYPE',
  'OBJECT_DOMAIN',
  'OBJECT_FUNCTION',
  'OBJECT_PROCEDURE',
  'OBJECT_SEQUENCE',
  'OBJECT_SCHEMA',
  'OBJECT_EXTENSION',
];

const dropOther: Rule = {
  id: 'drop-object',
  on: ['DropStmt', 'DropdbStmt', 'DropOwnedStmt', 'DropSubscriptionStmt', 'DropTableSpaceStmt'],
  severity: 'warning',
  title: 'DROP of a type, function, sequence, schema, extension or the like',
  condition: 'Such an object, not made by this migration, is dropped.',
  effect: 'Queries of a release that still uses it fail; Prisma casts to enum types by name.',
  remedy: 'Deploy a release that does not use it everywhere, then drop it in a migration of its own.',
  bad: { before: "CREATE TYPE mood AS ENUM ('ok');", sql: 'DROP TYPE mood;' },
  good: {
    before: "CREATE TYPE mood AS ENUM ('ok');",
    sql: "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'fine';",
  },
  find(context) {
    const drop = dropOf(context.statement);
    if (WHOLE.includes(context.statement.kind)) {
      const loss = lossOf(context.statement.node);
      const effect = loss === undefined ? this.effect : `It loses ${loss}.`;
      return [{ subject: summaryOf(context.statement), effect, severity: 'error' }];
    }
    if (drop === undefined || !DROPPED_KINDS.includes(drop.removeType ?? '')) return [];
    const takesTables = drop.behavior === 'DROP_CASCADE' && drop.removeType === 'OBJECT_SCHEMA';
    return (drop.objects ?? []).flatMap((object): Fault[] => {
      const name = qualifiedName(nameParts(object));
      if (isMadeOrRenamedHere(context, name)) return [];
      const subject = `${objectWords(drop.removeType).toLowerCase()} ${shownName(name)}`;
      return [{ subject, ...(takesTables ? { severity: 'error' } : {}) }];
    });
  },
};

/** The remains of a swap within the migration: nobody knows it under this name. */
function isMadeOrRenamedHere({ earlier }: RuleContext, { name }: QualifiedName): boolean {
  return earlier.some(({ statement: { node } }) => {
    if ('RenameStmt' in node) return node.RenameStmt.newname === name;
    if ('CreateEnumStmt' in node)
      return (node.CreateEnumStmt.typeName ?? []).flatMap(nameParts).at(-1) === name;
    if ('CreateFunctionStmt' in node)
      return (node.CreateFunctionStmt.funcname ?? []).flatMap(nameParts).at(-1) === name;
    return 'CreateSeqStmt' in node && node.CreateSeqStmt.sequence?.relname === name;
  });
}

const columnReplaced: Rule = {
  id: 'column-replaced',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A column dropped and another added in its place',
  condition:
    'One statement drops a column of a table and adds one of the same type: how Prisma writes a rename.',
  effect: 'The values of the old column are lost; the new one begins empty.',
  remedy:
    'Add the new column, keep both in step with a trigger, fill it with a backfill, and drop the old one in a later migration.',
  bad: { before: SHOP, sql: 'ALTER TABLE "Token" DROP COLUMN note,\nADD COLUMN remark text;' },
  good: { before: SHOP, sql: 'ALTER TABLE "Token" ADD COLUMN remark text;' },
  find(context) {
    const { node } = context.statement;
    return actionsNamed(context, 'AT_DropColumn').flatMap(({ name, table, command }): Fault[] => {
      const old = table?.columns.find((column) => column.name === command.name);
      const twin = commandsOf(node)
        .flatMap((other) => (other.subtype === 'AT_AddColumn' ? [columnDefOf(other)] : []))
        .find((added) => {
          const type = context.catalog.findType(
            qualifiedName((added?.typeName?.names ?? []).flatMap(nameParts)),
          );
          return (
            added !== undefined &&
            added.colname !== command.name &&
            old !== undefined &&
            type?.oid === old.type
          );
        });
      if (twin === undefined) return [];
      const subject = columnWords(name, command.name ?? '');
      return [
        { subject, effect: `${shown(twin.colname ?? '')} has its type and takes its place. ${this.effect}` },
      ];
    });
  },
};

export const DROP_RULES: readonly Rule[] = [dropColumn, dropTable, dropInUse, dropOther, columnReplaced];
