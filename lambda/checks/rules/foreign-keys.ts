/** Rules on what a foreign key, or a CHECK, says: what goes with what, and what is guarded. */
import type { Constraint } from 'libpg-query';
import type { CatalogConstraint, CatalogRelation } from '../../sql/catalog';
import { nameParts, rangeName, shown } from '../../sql/names';
import type { Node } from '../../sql/parse';
import { mentions } from '../../sql/search';
import { holdsNaN } from './column-types';
import { reachedFrom } from './data';
import {
  type AddedConstraint,
  actionsNamed,
  commandsOf,
  constraintOf,
  constraintsAddedToExisting,
  indexColumns,
  indexOf,
  listWords,
  namesIn,
  nodesOf,
  tableWords,
} from './read';
import type { Fault, Rule, RuleContext } from './rule';

const TABLES =
  'CREATE TABLE "Wallet" (id int PRIMARY KEY); CREATE TABLE "Balance" (id int PRIMARY KEY, "walletId" int, usd numeric); CREATE INDEX "Balance_walletId_idx" ON "Balance" ("walletId"); CREATE TABLE "Alert" (id int PRIMARY KEY, "walletId" int); INSERT INTO "Wallet" VALUES (1); INSERT INTO "Balance" VALUES (1, 1, 2);';
const CASCADING = `${TABLES} ALTER TABLE "Balance" ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE CASCADE ON UPDATE CASCADE;`;
const RESTRICTING = `${TABLES} ALTER TABLE "Balance" ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE RESTRICT;`;

const foreignKeysAdded = (context: RuleContext): readonly AddedConstraint[] =>
  constraintsAddedToExisting(context).filter(({ constraint }) => constraint.contype === 'CONSTR_FOREIGN');

/** The key that the same statement drops, or that stands beside the new one on the same columns. */
const formerKey = ({ table, constraint, columns }: AddedConstraint): CatalogConstraint | undefined =>
  table.constraints.find(
    ({ kind, name, columns: known }) =>
      kind === 'foreign key' && (name === constraint.conname || known.join('\n') === columns.join('\n')),
  );

const subjectOf = ({ name, constraint, columns }: AddedConstraint): string =>
  constraint.conname === undefined
    ? `${tableWords(name)} (${listWords(columns.map(shown))})`
    : `${shown(constraint.conname)} on ${tableWords(name)}`;

/** A letter of `pg_constraint`; a key that says nothing takes no action. */
const writes = (action: string | undefined): boolean => !['', 'a', 'r'].includes(action ?? '');

const referencedBy = ({ catalog }: RuleContext, { pktable }: Constraint): CatalogRelation | undefined =>
  catalog.find(rangeName(pktable));

const cascade: Rule = {
  id: 'delete-made-to-cascade',
  on: ['AlterTableStmt'],
  severity: 'warning',
  title: 'A foreign key that now deletes',
  condition: 'A foreign key that held deletions back, or none, is replaced by one with ON DELETE CASCADE.',
  effect: 'Deleting one row now deletes others, unasked.',
  remedy:
    'ON DELETE RESTRICT, and let the application delete what it means to delete; where CASCADE is meant, allow it with the reason.',
  bad: {
    before: RESTRICTING,
    sql: 'ALTER TABLE "Balance" DROP CONSTRAINT "Balance_walletId_fkey", ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE CASCADE NOT VALID;',
  },
  good: {
    before: CASCADING,
    sql: 'ALTER TABLE "Balance" DROP CONSTRAINT "Balance_walletId_fkey", ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE RESTRICT ON UPDATE CASCADE NOT VALID;',
  },
  find: (context) =>
    foreignKeysAdded(context).flatMap((added): Fault[] => {
      const former = formerKey(added);
      if (added.constraint.fk_del_action !== 'c' || former?.deleteAction === 'cascade') return [];
      const referenced = referencedBy(context, added.constraint);
      const further = reachedFrom(context, added.table);
      const effect = `Deleting a row of ${referenced === undefined ? 'the referenced table' : tableWords(referenced.name)} deletes its rows of ${tableWords(added.name)}${
        further.length === 0 ? '' : `, and with them those of ${listWords(further)}`
      }.`;
      return [{ subject: subjectOf(added), effect, severity: former === undefined ? 'info' : 'warning' }];
    }),
};

const othersCascade: Rule = {
  id: 'other-keys-still-cascade',
  on: ['AlterTableStmt'],
  severity: 'info',
  title: 'One key of several is made to hold deletions back',
  condition:
    'A foreign key becomes RESTRICT or NO ACTION, while others that reference the same table go on deleting or changing rows.',
  effect: 'A deletion that this key does not stop still takes the rows of the other tables with it.',
  remedy: 'Look at all foreign keys that reference the table, and change those that guard records, too.',
  bad: {
    before: `${CASCADING} ALTER TABLE "Alert" ADD FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE CASCADE;`,
    sql: 'ALTER TABLE "Balance" DROP CONSTRAINT "Balance_walletId_fkey", ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE RESTRICT ON UPDATE CASCADE NOT VALID;',
  },
  good: {
    before: CASCADING,
    sql: 'ALTER TABLE "Balance" DROP CONSTRAINT "Balance_walletId_fkey", ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE RESTRICT ON UPDATE CASCADE NOT VALID;',
  },
  find: (context) =>
    foreignKeysAdded(context).flatMap((added): Fault[] => {
      const former = formerKey(added);
      const referenced = referencedBy(context, added.constraint);
      if (former?.onDelete !== 'write' || writes(added.constraint.fk_del_action) || referenced === undefined)
        return [];
      if (isSaidBefore(context, added.constraint)) return [];
      const others = context.catalog
        .referencesTo(referenced)
        .filter(({ constraint }) => constraint.onDelete === 'write' && constraint.name !== former.name)
        .filter(({ constraint }) => !isDroppedLater(context, constraint.name))
        .map(({ from }) => tableWords(from.name));
      if (others.length === 0) return [];
      return [
        {
          subject: subjectOf(added),
          effect: `Deleting a row of ${tableWords(referenced.name)} still reaches ${listWords([...new Set(others)])}.`,
        },
      ];
    }),
};

/** Of the same referenced table, by an earlier statement of the migration. */
const isSaidBefore = ({ earlier }: RuleContext, { pktable }: Constraint): boolean =>
  earlier.some(({ statement }) =>
    commandsOf(statement.node).some(
      (command) => constraintOf(command)?.pktable?.relname === pktable?.relname && pktable !== undefined,
    ),
  );

const isDroppedLater = ({ script, index }: RuleContext, constraint: string): boolean =>
  script.statements
    .slice(index + 1)
    .some(({ node }) =>
      commandsOf(node).some(({ subtype, name }) => subtype === 'AT_DropConstraint' && name === constraint),
    );

const actionLost: Rule = {
  id: 'foreign-key-loses-update-action',
  on: ['AlterTableStmt'],
  severity: 'warning',
  title: 'A foreign key replaced without its ON UPDATE',
  condition:
    'A foreign key that follows updates (ON UPDATE CASCADE, as Prisma writes it) is replaced by one that does not.',
  effect:
    'Updates of the referenced key, which were followed, are refused from then on, and Prisma sees a difference to its schema.',
  remedy: 'Write ON UPDATE CASCADE as well.',
  bad: {
    before: CASCADING,
    sql: 'ALTER TABLE "Balance" DROP CONSTRAINT "Balance_walletId_fkey", ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE RESTRICT NOT VALID;',
  },
  good: {
    before: CASCADING,
    sql: 'ALTER TABLE "Balance" DROP CONSTRAINT "Balance_walletId_fkey", ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON DELETE RESTRICT ON UPDATE CASCADE NOT VALID;',
  },
  find: (context) =>
    foreignKeysAdded(context).flatMap((added): Fault[] =>
      formerKey(added)?.onUpdate === 'write' && !writes(added.constraint.fk_upd_action)
        ? [{ subject: subjectOf(added) }]
        : [],
    ),
};

const unguarded: Rule = {
  id: 'foreign-key-unguarded',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A moment without the foreign key',
  condition:
    'A foreign key is dropped and made again by different statements, each of which is committed by itself.',
  effect:
    'Between the two, rows that reference nothing come in, and deletions that the key would have stopped pass.',
  remedy:
    'Drop and add it in one ALTER TABLE, with NOT VALID; or add the new one under another name, validate it, and drop the old one after that.',
  bad: {
    before: CASCADING,
    sql: '-- godwit:stepwise because each lock is released by itself\nALTER TABLE "Balance" DROP CONSTRAINT "Balance_walletId_fkey";\nALTER TABLE "Balance" ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON UPDATE CASCADE NOT VALID;',
  },
  good: {
    before: CASCADING,
    sql: '-- godwit:stepwise because each lock is released by itself\nALTER TABLE "Balance" ADD CONSTRAINT "Balance_walletId_new" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) ON UPDATE CASCADE NOT VALID;\nALTER TABLE "Balance" DROP CONSTRAINT "Balance_walletId_fkey";',
  },
  find: (context) =>
    actionsNamed(context, 'AT_DropConstraint').flatMap(({ name, table, command }): Fault[] => {
      const dropped = table?.constraints.find((constraint) => constraint.name === command.name);
      if (context.mode !== 'stepwise' || (dropped !== undefined && dropped.kind !== 'foreign key')) return [];
      const columns = dropped?.columns ?? [];
      if (isAddedIn([context.statement.node], name.name, command.name, columns)) return [];
      const later = context.script.statements.slice(context.index + 1).map(({ node }) => node);
      return isAddedIn(later, name.name, command.name, columns)
        ? [{ subject: `${shown(command.name ?? '')} on ${tableWords(name)}` }]
        : [];
    }),
};

const isAddedIn = (
  nodes: readonly Node[],
  table: string,
  name: string | undefined,
  columns: readonly string[],
): boolean =>
  nodes.some(
    (node) =>
      'AlterTableStmt' in node &&
      node.AlterTableStmt.relation?.relname === table &&
      commandsOf(node).some((command) => {
        const constraint = constraintOf(command);
        if (constraint?.contype !== 'CONSTR_FOREIGN') return false;
        return constraint.conname === name || namesIn(constraint.fk_attrs).join('\n') === columns.join('\n');
      }),
  );

const BIG_ROWS = 100_000;

const withoutIndex: Rule = {
  id: 'foreign-key-without-index',
  on: ['AlterTableStmt'],
  severity: 'info',
  title: 'A foreign key without an index',
  condition: 'No index of the referencing table begins with the columns of a new foreign key.',
  effect: 'Each deletion of a referenced row, and each change of its key, reads the whole referencing table.',
  remedy: 'CREATE INDEX CONCURRENTLY on the columns, unless referenced rows are hardly ever deleted.',
  bad: {
    before: TABLES,
    sql: 'ALTER TABLE "Alert" ADD CONSTRAINT "Alert_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) NOT VALID;',
  },
  good: {
    before: TABLES,
    sql: 'ALTER TABLE "Balance" ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) NOT VALID;',
  },
  find: (context) =>
    foreignKeysAdded(context).flatMap((added): Fault[] => {
      const { table, columns } = added;
      // One that replaces another changes nothing about that.
      if (context.isAssumed(table.oid) || formerKey(added) !== undefined) return [];
      const serves = (keys: readonly (string | undefined)[]): boolean =>
        columns.every((column) => keys.slice(0, columns.length).includes(column));
      const isThere = context.catalog
        .indexesOf(table)
        .some(({ index }) => index?.isValid === true && !index.isPartial && serves(index.keys));
      const isComing = context.script.statements.some((statement) => {
        const index = indexOf(statement);
        return index?.relation?.relname === table.name.name && serves(indexColumns(index));
      });
      if (isThere || isComing) return [];
      const rows = context.facts?.sizeOf(table.name)?.rows ?? 0;
      return [{ subject: subjectOf(added), severity: rows > BIG_ROWS ? 'warning' : 'info' }];
    }),
};

const acceptsNaN: Rule = {
  id: 'check-accepts-nan',
  on: ['AlterTableStmt'],
  severity: 'info',
  title: 'A CHECK that lets NaN pass',
  condition:
    'A CHECK asks that a numeric or floating-point column be above a number, and does not exclude NaN.',
  effect:
    'Postgres sorts NaN above every number: it passes the CHECK, and one NaN makes every sum that it takes part in NaN.',
  remedy: 'AND "column" <> \'NaN\'',
  bad: {
    before: TABLES,
    sql: 'ALTER TABLE "Balance" ADD CONSTRAINT usd_positive CHECK (usd >= 0) NOT VALID;',
  },
  good: {
    before: TABLES,
    sql: 'ALTER TABLE "Balance" ADD CONSTRAINT usd_positive CHECK (usd >= 0 AND usd <> \'NaN\') NOT VALID;',
  },
  find: (context) =>
    constraintsAddedToExisting(context).flatMap((added): Fault[] => {
      const { constraint, table } = added;
      if (constraint.contype !== 'CONSTR_CHECK' || mentions(constraint.raw_expr, 'NaN')) return [];
      const open = nodesOf(constraint.raw_expr, 'A_Expr').flatMap(lowerBounded);
      const column = table.columns.find(({ name }) =>
        open.some((lowered) => name.toLowerCase() === lowered.toLowerCase()),
      );
      return column !== undefined && holdsNaN(column, context.catalog) ? [{ subject: subjectOf(added) }] : [];
    }),
};

/** The column of `column > …` or `… < column`; one that is bounded above lets no NaN pass. */
function lowerBounded(expression: Readonly<Record<string, unknown>>): readonly string[] {
  const operator = ((expression.name ?? []) as readonly Node[]).flatMap(nameParts).at(-1) ?? '';
  const side = ['>', '>='].includes(operator)
    ? expression.lexpr
    : ['<', '<='].includes(operator)
      ? expression.rexpr
      : undefined;
  const [column] = nodesOf(side, 'ColumnRef');
  return column === undefined ? [] : ((column.fields ?? []) as readonly Node[]).flatMap(nameParts).slice(-1);
}

export const FOREIGN_KEY_RULES: readonly Rule[] = [
  cascade,
  othersCascade,
  actionLost,
  unguarded,
  withoutIndex,
  acceptsNaN,
];
