/** Rules on what gets another name, and on keys and defaults on which the previous release relies. */
import type { CatalogRelation } from '../../sql/catalog';
import { nameParts, qualifiedName, rangeName, shown, shownName } from '../../sql/names';
import {
  actionsNamed,
  alterationsOfExisting,
  columnWords,
  constraintOf,
  dropOf,
  indexColumns,
  indexOf,
  listWords,
  namesIn,
  tableWords,
} from './read';
import type { Fault, Rule, RuleContext } from './rule';

const USERS =
  'CREATE TYPE mood AS ENUM (\'ok\', \'bad\'); CREATE TABLE "User" (id int PRIMARY KEY, name text NOT NULL DEFAULT \'anonymous\', email text, mood mood); CREATE UNIQUE INDEX "User_email_key" ON "User" (email); INSERT INTO "User" (id) VALUES (1);';

const renamed = (context: RuleContext, types: readonly string[]) => {
  const { node } = context.statement;
  return 'RenameStmt' in node && types.includes(node.RenameStmt.renameType ?? '')
    ? node.RenameStmt
    : undefined;
};

const renameColumn: Rule = {
  id: 'rename-column',
  on: ['RenameStmt'],
  severity: 'error',
  title: 'RENAME COLUMN',
  condition: 'A column of a table that was there before the migration gets another name.',
  effect:
    'Every query of the previous release that names the column fails from this moment on, and every one of the next release until then.',
  remedy:
    'Add a column of the new name, keep both in step with a trigger, fill it with a backfill, switch the application over, drop the old one later. Or keep the name in the database: @map in the Prisma schema.',
  bad: { before: USERS, sql: 'ALTER TABLE "User" RENAME COLUMN name TO nickname;' },
  good: { before: USERS, sql: 'ALTER TABLE "User" ADD COLUMN nickname text;' },
  find(context) {
    const rename = renamed(context, ['OBJECT_COLUMN', 'OBJECT_ATTRIBUTE']);
    const name = rangeName(rename?.relation);
    const table = rename === undefined ? undefined : context.catalog.find(name);
    const isKnown = table === undefined || !context.isNew(table.oid);
    if (rename === undefined || !isKnown) return [];
    const column = rename.subname ?? '';
    // Views follow a rename, and text that Postgres does not look into does not.
    const mentioning = (table === undefined ? [] : context.catalog.dependentsOf(table, column))
      .filter(({ certain }) => !certain)
      .map((dependent) => `${dependent.kind} ${dependent.name}`);
    const effect =
      mentioning.length === 0
        ? this.effect
        : `${this.effect} Its text mentions it: ${listWords(mentioning)}.`;
    return [{ subject: columnWords(name, column), effect }];
  },
};

const renameTable: Rule = {
  id: 'rename-table',
  on: ['RenameStmt', 'AlterObjectSchemaStmt'],
  severity: 'error',
  title: 'RENAME of a table or view',
  condition:
    'A table or view that was there before the migration gets another name or schema, and no view takes the old name in the same transaction.',
  effect:
    'Every query of the previous release that names it fails from this moment on, and every one of the next release until then.',
  remedy:
    'In the same transaction CREATE VIEW old_name AS SELECT * FROM new_name, which reads and writes through, and drop it later. Or keep the name in the database: @@map in the Prisma schema.',
  bad: { before: USERS, sql: 'ALTER TABLE "User" RENAME TO "Person";' },
  good: {
    before: USERS,
    sql: 'ALTER TABLE "User" RENAME TO "Person";\nCREATE VIEW "User" AS SELECT * FROM "Person";',
  },
  find(context) {
    const { node } = context.statement;
    const rename = renamed(context, ['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW']);
    const moved =
      'AlterObjectSchemaStmt' in node && node.AlterObjectSchemaStmt.relation !== undefined
        ? node.AlterObjectSchemaStmt
        : undefined;
    const relation = rename?.relation ?? moved?.relation;
    if (relation === undefined) return [];
    const name = rangeName(relation);
    const table = context.catalog.find(name);
    if ((table !== undefined && context.isNew(table.oid)) || isTakenAgain(context, name.name)) return [];
    return [{ subject: tableWords(name) }];
  },
};

/** A view, or a table that was made beside it, takes the name before anybody can miss it. */
const isTakenAgain = ({ script, index, mode }: RuleContext, name: string): boolean =>
  mode === 'atomic' &&
  script.statements.slice(index + 1).some(({ node }) => {
    if ('ViewStmt' in node) return node.ViewStmt.view?.relname === name;
    return 'RenameStmt' in node && node.RenameStmt.newname === name;
  });

const renameType: Rule = {
  id: 'rename-type',
  on: ['RenameStmt', 'AlterEnumStmt'],
  severity: 'error',
  title: 'RENAME of a type or of a value of an enum',
  condition:
    'A type, or a value of an enum, gets another name, and nothing takes the old one in the same transaction.',
  effect:
    "The previous release's Prisma client casts to the type by name and knows its values by name: its queries fail, and it cannot read rows with the new value.",
  remedy:
    'Add the new value, let the application write it, and convert the rows with a backfill; the old value may stay. Or keep the name in the database: @map in the Prisma schema.',
  bad: { before: USERS, sql: "ALTER TYPE mood RENAME VALUE 'bad' TO 'poor';" },
  good: { before: USERS, sql: "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'poor';" },
  find(context) {
    const { node } = context.statement;
    if ('AlterEnumStmt' in node && node.AlterEnumStmt.oldVal !== undefined) {
      const type = shownName(qualifiedName((node.AlterEnumStmt.typeName ?? []).flatMap(nameParts)));
      return [{ subject: `'${node.AlterEnumStmt.oldVal}' of ${type}` }];
    }
    const rename = renamed(context, ['OBJECT_TYPE', 'OBJECT_DOMAIN']);
    const name = qualifiedName(nameParts(rename?.object));
    const isNew = context.earlier.some(
      ({ statement }) =>
        'CreateEnumStmt' in statement.node &&
        (statement.node.CreateEnumStmt.typeName ?? []).flatMap(nameParts).at(-1) === name.name,
    );
    return rename === undefined || isNew || isTakenAgain(context, name.name)
      ? []
      : [{ subject: shownName(name) }];
  },
};

const dropDefault: Rule = {
  id: 'drop-default',
  on: ['AlterTableStmt'],
  severity: 'warning',
  title: 'DROP DEFAULT of a required column',
  condition: 'A column that must not be NULL loses its default, and gets no other in the same migration.',
  effect:
    'Inserts that leave the column to the database fail (23502): those of a release whose schema says that it has a default.',
  remedy: 'Drop it after every release gives the column a value.',
  bad: { before: USERS, sql: 'ALTER TABLE "User" ALTER COLUMN name DROP DEFAULT;' },
  good: { before: USERS, sql: 'ALTER TABLE "User" ALTER COLUMN name SET DEFAULT \'somebody\';' },
  find: (context) =>
    actionsNamed(context, 'AT_ColumnDefault').flatMap(({ name, table, command }): Fault[] => {
      const column = table?.columns.find((known) => known.name === command.name);
      const isRequired = column === undefined || column.notNull;
      if (command.def !== undefined || !isRequired || isSetLater(context, name.name, command.name)) return [];
      return [{ subject: columnWords(name, command.name ?? '') }];
    }),
};

const isSetLater = ({ script, index }: RuleContext, table: string, column: string | undefined): boolean =>
  script.statements
    .slice(index)
    .some(
      ({ node }) =>
        'AlterTableStmt' in node &&
        node.AlterTableStmt.relation?.relname === table &&
        (node.AlterTableStmt.cmds ?? []).some(
          (cmd) =>
            'AlterTableCmd' in cmd &&
            cmd.AlterTableCmd.name === column &&
            ((cmd.AlterTableCmd.subtype === 'AT_ColumnDefault' && cmd.AlterTableCmd.def !== undefined) ||
              cmd.AlterTableCmd.subtype === 'AT_DropColumn'),
        ),
    );

const uniqueKeyLost: Rule = {
  id: 'unique-key-lost',
  on: ['DropStmt', 'AlterTableStmt'],
  severity: 'warning',
  title: 'A unique key goes',
  condition: 'A unique constraint or index is dropped, and no other guards the same columns.',
  effect:
    'Duplicates may come in from this moment on, and INSERT … ON CONFLICT on these columns fails (42P10): Prisma writes an upsert by a unique field so.',
  remedy:
    'Deploy a release that does not upsert by it first; to replace it, make the new unique index first.',
  bad: { before: USERS, sql: 'DROP INDEX CONCURRENTLY IF EXISTS "User_email_key";' },
  good: {
    before: `${USERS} CREATE UNIQUE INDEX "User_email_unique" ON "User" (email);`,
    sql: 'DROP INDEX CONCURRENTLY IF EXISTS "User_email_key";',
  },
  find(context) {
    return lostIndexes(context).flatMap((index): Fault[] => {
      const table = index.index === undefined ? undefined : context.catalog.get(index.index.table);
      if (table === undefined || index.index?.isUnique !== true || context.isNew(table.oid)) return [];
      const { keys } = index.index;
      const isGuarded = context.catalog
        .indexesOf(table)
        .some(
          (other) =>
            other.oid !== index.oid &&
            other.index?.isUnique === true &&
            other.index.isValid &&
            sameKeys(other, index),
        );
      if (isGuarded || isMadeInScript(context, table, keys)) return [];
      return [
        {
          subject: `${shown(index.name.name)} on ${tableWords(table.name)} (${listWords(keys.map((key) => shown(key ?? '…')))})`,
        },
      ];
    });
  },
};

function lostIndexes(context: RuleContext): readonly CatalogRelation[] {
  const drop = dropOf(context.statement);
  const byName =
    drop?.removeType === 'OBJECT_INDEX'
      ? (drop.objects ?? []).flatMap((object) => context.catalog.find(qualifiedName(nameParts(object))) ?? [])
      : [];
  const byConstraint = actionsNamed(context, 'AT_DropConstraint').flatMap(({ table, command }) => {
    const constraint = table?.constraints.find(({ name }) => name === command.name);
    const isKey = constraint?.kind === 'unique' || constraint?.kind === 'primary key';
    return (isKey && constraint.index !== undefined && context.catalog.get(constraint.index)) || [];
  });
  return [...byName, ...byConstraint];
}

const keysOf = ({ index }: CatalogRelation): string => JSON.stringify([...(index?.keys ?? [])].sort());

const sameKeys = (one: CatalogRelation, other: CatalogRelation): boolean =>
  keysOf(one) === keysOf(other) && one.index?.isPartial === other.index?.isPartial;

/** Anywhere in the file: in one transaction the order is no matter, and elsewhere a moment is told by other rules. */
const isMadeInScript = (
  { script, catalog }: RuleContext,
  table: CatalogRelation,
  keys: readonly (string | undefined)[],
): boolean =>
  script.statements.some((statement) => {
    const wanted = JSON.stringify([...keys].sort());
    const index = indexOf(statement);
    if (index?.unique === true && catalog.find(rangeName(index.relation))?.oid === table.oid) {
      return JSON.stringify([...indexColumns(index)].sort()) === wanted;
    }
    return (
      'AlterTableStmt' in statement.node &&
      catalog.find(rangeName(statement.node.AlterTableStmt.relation))?.oid === table.oid &&
      (statement.node.AlterTableStmt.cmds ?? []).some((cmd) => {
        const constraint = 'AlterTableCmd' in cmd ? constraintOf(cmd.AlterTableCmd) : undefined;
        const isKey = constraint?.contype === 'CONSTR_UNIQUE' || constraint?.contype === 'CONSTR_PRIMARY';
        return isKey && JSON.stringify([...namesIn(constraint.keys)].sort()) === wanted;
      })
    );
  });

const newForOldClient: Rule = {
  id: 'previous-client-reads-new-values',
  on: ['AlterEnumStmt', 'AlterTableStmt'],
  severity: 'info',
  title: 'Values that the previous release cannot read',
  condition: 'A column may become NULL, or an enum gets a value, that the previous release does not know of.',
  effect:
    'As soon as the next release writes such a value, the previous one, where it still runs, fails to read the row.',
  remedy: 'Let the next release write it only once no previous one is running: a flag, or a release later.',
  bad: { before: USERS, sql: "ALTER TYPE mood ADD VALUE 'great';" },
  good: { before: USERS, sql: 'ALTER TABLE "User" ALTER COLUMN email DROP NOT NULL;' },
  find(context) {
    const { node } = context.statement;
    if ('AlterEnumStmt' in node && node.AlterEnumStmt.oldVal === undefined) {
      const type = shownName(qualifiedName((node.AlterEnumStmt.typeName ?? []).flatMap(nameParts)));
      return [{ subject: `'${node.AlterEnumStmt.newVal ?? ''}' of ${type}` }];
    }
    return alterationsOfExisting(context).flatMap(({ name, table, command }): Fault[] => {
      const column = table?.columns.find((known) => known.name === command.name);
      const loosens = command.subtype === 'AT_DropNotNull' && column?.notNull !== false;
      return loosens ? [{ subject: columnWords(name, command.name ?? '') }] : [];
    });
  },
};

export const RENAME_RULES: readonly Rule[] = [
  renameColumn,
  renameTable,
  renameType,
  dropDefault,
  uniqueKeyLost,
  newForOldClient,
];
