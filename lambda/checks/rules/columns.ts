/** Rules on adding columns and on changing their types. */
import type { ColumnDef } from 'libpg-query';
import type { CatalogColumn } from '../../sql/catalog';
import { nameParts } from '../../sql/names';
import { changeOf, isEnum, type TypeChange } from './column-types';
import {
  type Alteration,
  actionsNamed,
  columnConstraints,
  columnDefOf,
  columnIn,
  columnWords,
  existingOf,
  listWords,
  rewrittenTables,
  scannedTables,
} from './read';
import type { Fault, Rule, RuleContext } from './rule';

const PRICES =
  "CREATE TABLE \"Price\" (id int PRIMARY KEY, usd numeric(20, 8), symbol varchar(20), note text, amount int); INSERT INTO \"Price\" VALUES (1, 1.5, 'ETH', 'x', 1), (2, 2.5, 'AERO', 'y', 2);";

const addColumnRewrites: Rule = {
  id: 'add-column-rewrites',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'ADD COLUMN that writes the table anew',
  condition:
    'A column with a value of its own for each row is added to a table that was there before: a volatile default, serial, identity, or a stored generated column.',
  effect:
    'The whole table and its indexes are written anew under AccessExclusiveLock: readers and writers wait.',
  remedy:
    'Add the column nullable and without a default; SET DEFAULT for new rows; fill the others with a backfill; then require it through a validated CHECK.',
  weight: 'work',
  bad: { before: PRICES, sql: 'ALTER TABLE "Price" ADD COLUMN token uuid DEFAULT gen_random_uuid();' },
  good: {
    before: PRICES,
    sql: 'ALTER TABLE "Price" ADD COLUMN token uuid;\nALTER TABLE "Price" ALTER COLUMN token SET DEFAULT gen_random_uuid();',
  },
  find(context) {
    if (rewrittenTables(context).length === 0) return [];
    return actionsNamed(context, 'AT_AddColumn').flatMap(({ name, command }): Fault[] => {
      const column = columnDefOf(command);
      const cause = column === undefined ? undefined : causeOf(column);
      if (column === undefined || cause === undefined) return [];
      return [{ subject: columnWords(name, column.colname ?? ''), effect: `${cause} ${this.effect}` }];
    });
  },
};

/** Why each row needs a value of its own; `undefined` where a default, if any, may well be one for all. */
function causeOf(column: ColumnDef): string | undefined {
  const type = (column.typeName?.names ?? []).flatMap(nameParts);
  if (type.length === 1 && type[0]?.includes('serial') === true)
    return 'Each row is given a number of a sequence.';
  const constraints = columnConstraints(column);
  if (constraints.some(({ contype }) => contype === 'CONSTR_IDENTITY')) return 'Each row is given a number.';
  if (
    constraints.some(
      ({ contype, generated_kind }) => contype === 'CONSTR_GENERATED' && generated_kind !== 'v',
    )
  ) {
    return 'The value of each row is computed and stored.';
  }
  return constraints.some(({ contype }) => contype === 'CONSTR_DEFAULT')
    ? 'The default may differ from row to row.'
    : 'Its domain checks the value of each row.';
}

const addRequiredColumn: Rule = {
  id: 'add-required-column',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A required column without a default',
  condition:
    'A column is added as NOT NULL and without a default to a table that was there before the migration.',
  effect:
    'It fails as soon as the table has a row (23502); and on an empty table, inserts of the previous release, which does not know the column, fail from then on.',
  remedy:
    'Give it a constant default; or add it nullable, fill it with a backfill, and require it through a validated CHECK once every release writes it.',
  bad: { before: PRICES, sql: 'ALTER TABLE "Price" ADD COLUMN source text NOT NULL;', fails: '23502' },
  good: { before: PRICES, sql: 'ALTER TABLE "Price" ADD COLUMN source text NOT NULL DEFAULT \'chain\';' },
  find: (context) =>
    actionsNamed(context, 'AT_AddColumn').flatMap(({ name, table, command }): Fault[] => {
      const column = columnDefOf(command);
      if (column === undefined || table?.columns.some((known) => known.name === column.colname)) return [];
      const kinds = columnConstraints(column).map(({ contype }): string => contype ?? '');
      const isRequired = kinds.includes('CONSTR_NOTNULL') || kinds.includes('CONSTR_PRIMARY');
      const isGiven = ['CONSTR_DEFAULT', 'CONSTR_IDENTITY', 'CONSTR_GENERATED'].some((kind) =>
        kinds.includes(kind),
      );
      const isSerial = (column.typeName?.names ?? []).flatMap(nameParts).at(-1)?.includes('serial') === true;
      return isRequired && !isGiven && !isSerial
        ? [{ subject: columnWords(name, column.colname ?? '') }]
        : [];
    }),
};

interface ChangedColumn extends Alteration {
  readonly subject: string;
  readonly column: CatalogColumn | undefined;
  readonly change: TypeChange | undefined;
  readonly isUnknown: boolean;
}

/** `ALTER COLUMN … TYPE` of tables that were there before. */
const changedColumns = (context: RuleContext): readonly ChangedColumn[] =>
  actionsNamed(context, 'AT_AlterColumnType').flatMap((alteration): ChangedColumn[] => {
    const { name, table, command } = alteration;
    const definition = columnDefOf(command);
    if (table === undefined || definition === undefined) return [];
    const found = columnIn(context, table, command.name ?? '');
    const column = found === 'unknown' ? undefined : found;
    const change = column === undefined ? undefined : changeOf(column, definition, context.catalog);
    const subject = columnWords(name, command.name ?? '');
    return [{ ...alteration, subject, column, change, isUnknown: found === 'unknown' }];
  });

const typeChangeRewrites: Rule = {
  id: 'type-change-rewrites',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A change of type that writes the table anew',
  condition:
    'The new type of a column stores its values otherwise, or sorts them otherwise, or a CHECK has to be looked at again.',
  effect:
    'Table or indexes are written anew, or every row is checked, under AccessExclusiveLock: readers and writers wait.',
  remedy:
    'Add a column of the new type, keep both in step with a trigger, fill it with a backfill, switch the application over, and drop the old one in a later migration. A longer varchar, text for varchar, or more digits before the point of a numeric need none of this.',
  weight: 'work',
  bad: { before: PRICES, sql: 'ALTER TABLE "Price" ALTER COLUMN amount TYPE bigint;' },
  good: { before: PRICES, sql: 'ALTER TABLE "Price" ALTER COLUMN symbol TYPE varchar(40);' },
  find(context) {
    const worked = [...existingOf(context, context.effects.rewrites), ...scannedTables(context)];
    return changedColumns(context).flatMap(({ subject, change, isUnknown }): Fault[] => {
      if (isUnknown) {
        return [
          {
            subject,
            effect: `The column's type is not known from the history; unless the new one only widens it: ${this.effect}`,
          },
        ];
      }
      return worked.length === 0
        ? []
        : [{ subject, effect: `${change?.words ?? 'The change'}: ${this.effect}` }];
    });
  },
};

const typeChangeNarrows: Rule = {
  id: 'type-change-narrows',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A change of type that loses or refuses values',
  condition: 'The new type of a column holds less than the old one.',
  effect: 'Values are cut or rounded for good, or the migration fails on the first one that does not fit.',
  remedy:
    'Look for such values first. Then do as for any change of type: a new column, filled by a backfill that says what becomes of them.',
  bad: { before: PRICES, sql: 'ALTER TABLE "Price" ALTER COLUMN usd TYPE numeric(20, 2);' },
  good: { before: PRICES, sql: 'ALTER TABLE "Price" ALTER COLUMN usd TYPE numeric(30, 8);' },
  find: (context) =>
    changedColumns(context).flatMap(({ subject, change }): Fault[] =>
      change?.narrows === undefined ? [] : [{ subject, effect: `${change.words}: ${change.narrows}.` }],
    ),
};

const typeChangeNeedsUsing: Rule = {
  id: 'type-change-needs-using',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A change of type without a cast',
  condition:
    'No cast leads from the old type to the new one by itself, or from the old default, and there is no USING.',
  effect: 'Postgres refuses it (42804).',
  remedy:
    'Say how a value becomes one of the new type (USING "column"::type), and drop a default first and set it again after.',
  bad: { before: PRICES, sql: 'ALTER TABLE "Price" ALTER COLUMN note TYPE integer;', fails: '42804' },
  good: { before: PRICES, sql: 'ALTER TABLE "Price" ALTER COLUMN symbol TYPE text;' },
  find: (context) =>
    changedColumns(context).flatMap(({ subject, change, column }): Fault[] => {
      if (change?.needsUsing === true)
        return [
          {
            subject,
            effect: `${change.words}: no cast leads there by itself, and Postgres refuses it (42804).`,
          },
        ];
      if (change === undefined || column?.hasDefault !== true || !isEnum(column, context.catalog)) return [];
      const isSame = change.from.name === change.to.name || change.to.family === 'text';
      return isSame
        ? []
        : [
            {
              subject,
              effect: `Its default cannot be cast to ${change.to.name} by itself, and Postgres refuses it (42804).`,
            },
          ];
    }),
};

const typeChangeBreaksClient: Rule = {
  id: 'type-change-breaks-client',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A change of type that the previous release does not understand',
  condition:
    'A column that was there before becomes one of quite another kind: text a number, a number a date, a value an array.',
  effect:
    "The previous release's Prisma client reads and writes the old type: its queries of the column fail from this moment on.",
  remedy:
    'Expand and contract: a new column beside the old one, kept in step by a trigger; the release that uses it; and only then drop the old one.',
  bad: { before: PRICES, sql: 'ALTER TABLE "Price" ALTER COLUMN amount TYPE text;' },
  good: { before: PRICES, sql: 'ALTER TABLE "Price" ADD COLUMN "amountText" text;' },
  find: (context) =>
    changedColumns(context).flatMap(({ subject, change }): Fault[] =>
      change?.isOtherFamily === true ? [{ subject }] : [],
    ),
};

const REFUSING: readonly string[] = [
  'view',
  'materialized view',
  'rule',
  'policy',
  'generated column',
  'trigger',
];

const typeChangeInUse: Rule = {
  id: 'type-change-in-use',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A change of type of a column that something uses',
  condition: 'A view, rule, policy, trigger or generated column depends on a column whose type changes.',
  effect: 'Postgres refuses it (0A000).',
  remedy:
    'Drop what depends on it first and make it again after, in the same migration; or leave the column and add another.',
  bad: {
    before: `${PRICES} CREATE VIEW symbols AS SELECT symbol FROM "Price";`,
    sql: 'ALTER TABLE "Price" ALTER COLUMN symbol TYPE varchar(40);',
    fails: '0A000',
  },
  good: {
    before: `${PRICES} CREATE VIEW symbols AS SELECT symbol FROM "Price";`,
    sql: 'ALTER TABLE "Price" ALTER COLUMN usd TYPE numeric(30, 8);',
  },
  find: (context) =>
    changedColumns(context).flatMap(({ subject, table, command }): Fault[] => {
      const dependents = table === undefined ? [] : context.catalog.dependentsOf(table, command.name ?? '');
      const refusing = dependents.filter(({ kind, certain }) => certain && REFUSING.includes(kind));
      if (refusing.length === 0) return [];
      const words = listWords(refusing.map(({ kind, name }) => `${kind} ${name}`));
      return [{ subject, effect: `Depends on it: ${words}. Postgres refuses the change (0A000).` }];
    }),
};

export const COLUMN_RULES: readonly Rule[] = [
  addColumnRewrites,
  addRequiredColumn,
  typeChangeRewrites,
  typeChangeNarrows,
  typeChangeNeedsUsing,
  typeChangeBreaksClient,
  typeChangeInUse,
];
