/** Rules on constraints that are added or required of rows that exist already. */
import type { CatalogRelation } from '../../sql/catalog';
import { shown } from '../../sql/names';
import {
  type AddedConstraint,
  actionsNamed,
  addition,
  columnConstraints,
  columnWords,
  commandsOf,
  constraintOf,
  constraintsAddedToExisting,
  isUnchecked,
  listWords,
  namesIn,
  scannedTables,
  tableWords,
} from './read';
import type { Fault, Rule, RuleContext } from './rule';

const WALLETS =
  "CREATE TABLE \"Wallet\" (id int PRIMARY KEY, address text, label text); INSERT INTO \"Wallet\" VALUES (1, '0x1', 'main'), (2, '0x2', 'cold');";
const BALANCES = `${WALLETS} CREATE TABLE "Balance" (id int PRIMARY KEY, "walletId" int); CREATE INDEX ON "Balance" ("walletId"); INSERT INTO "Balance" VALUES (1, 1);`;

const subjectOf = ({ name, constraint, columns }: AddedConstraint): string =>
  constraint.conname === undefined
    ? columnWords(name, listWords(columns))
    : `${shown(constraint.conname)} on ${tableWords(name)}`;

const isScanned = (context: RuleContext, { table }: AddedConstraint): boolean => {
  const family = context.catalog.family(table).map(({ oid }) => oid);
  return scannedTables(context).some(({ oid }) => family.includes(oid));
};

const scanning = (context: RuleContext, kinds: readonly string[]): readonly AddedConstraint[] =>
  constraintsAddedToExisting(context).filter(
    (added) =>
      kinds.includes(added.constraint.contype ?? '') &&
      !isUnchecked(added.constraint) &&
      isScanned(context, added),
  );

const checkScans: Rule = {
  id: 'check-scans-table',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'CHECK without NOT VALID',
  condition: 'A CHECK is added to a table that was there before the migration, without NOT VALID.',
  effect:
    'Every row is checked under AccessExclusiveLock: readers and writers wait until the whole table is read.',
  remedy:
    'ADD CONSTRAINT … CHECK (…) NOT VALID, which binds new rows at once; then VALIDATE CONSTRAINT in a migration of its own, under which reading and writing go on. A new column gets its CHECK in a statement after it.',
  weight: 'work',
  bad: {
    before: WALLETS,
    sql: 'ALTER TABLE "Wallet" ADD CONSTRAINT address_format CHECK (address LIKE \'0x%\');',
  },
  good: {
    before: WALLETS,
    sql: 'ALTER TABLE "Wallet" ADD CONSTRAINT address_format CHECK (address LIKE \'0x%\') NOT VALID;',
  },
  find: (context) => scanning(context, ['CONSTR_CHECK']).map((added) => ({ subject: subjectOf(added) })),
};

const foreignKeyScans: Rule = {
  id: 'foreign-key-scans-table',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'FOREIGN KEY without NOT VALID',
  condition: 'A foreign key is added to a table that was there before the migration, without NOT VALID.',
  effect:
    'Both tables are locked against writes (ShareRowExclusiveLock) while every row is looked up in the other table.',
  remedy:
    'ADD CONSTRAINT … FOREIGN KEY … NOT VALID, which binds new rows at once; then VALIDATE CONSTRAINT in a migration of its own.',
  weight: 'work',
  bad: {
    before: BALANCES,
    sql: 'ALTER TABLE "Balance" ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id);',
  },
  good: {
    before: BALANCES,
    sql: 'ALTER TABLE "Balance" ADD CONSTRAINT "Balance_walletId_fkey" FOREIGN KEY ("walletId") REFERENCES "Wallet" (id) NOT VALID;',
  },
  find: (context) => scanning(context, ['CONSTR_FOREIGN']).map((added) => ({ subject: subjectOf(added) })),
};

const uniqueUnderLock: Rule = {
  id: 'unique-builds-index-under-lock',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'UNIQUE, PRIMARY KEY or EXCLUDE that builds its index under lock',
  condition:
    'A key or exclusion constraint is added to a table that was there before the migration, without USING INDEX.',
  effect:
    'The index is built under AccessExclusiveLock: readers and writers wait until the whole table is sorted.',
  remedy:
    'CREATE UNIQUE INDEX CONCURRENTLY in a migration of its own, then ADD CONSTRAINT … USING INDEX. An exclusion constraint has no such way: make it on a new table.',
  weight: 'work',
  bad: { before: WALLETS, sql: 'ALTER TABLE "Wallet" ADD CONSTRAINT "Wallet_address_key" UNIQUE (address);' },
  good: {
    before: `${WALLETS} CREATE UNIQUE INDEX "Wallet_address_key" ON "Wallet" (address);`,
    sql: 'ALTER TABLE "Wallet" ADD CONSTRAINT "Wallet_address_key" UNIQUE USING INDEX "Wallet_address_key";',
  },
  find: (context) =>
    constraintsAddedToExisting(context)
      .filter(
        ({ constraint }) =>
          ['CONSTR_UNIQUE', 'CONSTR_PRIMARY', 'CONSTR_EXCLUSION'].includes(constraint.contype ?? '') &&
          constraint.indexname === undefined,
      )
      .filter((added) => isScanned(context, added))
      .map((added) => ({ subject: subjectOf(added) })),
};

const setNotNullScans: Rule = {
  id: 'set-not-null-scans',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'SET NOT NULL that no constraint proves',
  condition:
    'A column of a table that was there before the migration is required, and no validated CHECK says that it is never NULL.',
  effect:
    'Every row is read under AccessExclusiveLock: readers and writers wait until the whole table is read.',
  remedy:
    'ADD CONSTRAINT … CHECK (column IS NOT NULL) NOT VALID; VALIDATE CONSTRAINT in a migration of its own; then SET NOT NULL reads nothing, and the CHECK can go.',
  weight: 'work',
  bad: { before: WALLETS, sql: 'ALTER TABLE "Wallet" ALTER COLUMN label SET NOT NULL;' },
  good: {
    before: `${WALLETS} ALTER TABLE "Wallet" ADD CONSTRAINT label_there CHECK (label IS NOT NULL);`,
    sql: 'ALTER TABLE "Wallet" ALTER COLUMN label SET NOT NULL;',
  },
  find(context) {
    const set = actionsNamed(context, 'AT_SetNotNull').map(({ name, command }) =>
      columnWords(name, command.name ?? ''),
    );
    const added = constraintsAddedToExisting(context)
      .filter(
        ({ constraint, column }) =>
          constraint.contype === 'CONSTR_NOTNULL' && column === undefined && !isUnchecked(constraint),
      )
      .map(({ name, columns }) => columnWords(name, columns[0] ?? ''));
    return scannedTables(context).length === 0 ? [] : [...set, ...added].map((subject) => ({ subject }));
  },
};

const validateWithAdd: Rule = {
  id: 'validate-in-same-transaction',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'NOT VALID and VALIDATE in one transaction',
  condition: 'A constraint is validated in the transaction that adds it.',
  effect:
    'The lock of ADD CONSTRAINT is held until the commit, and so while VALIDATE reads every row: NOT VALID has gained nothing.',
  remedy: 'Put VALIDATE CONSTRAINT into a migration of its own, after this one.',
  bad: {
    before: WALLETS,
    sql: 'ALTER TABLE "Wallet" ADD CONSTRAINT address_format CHECK (address LIKE \'0x%\') NOT VALID;\nALTER TABLE "Wallet" VALIDATE CONSTRAINT address_format;',
  },
  good: {
    before: `${WALLETS} ALTER TABLE "Wallet" ADD CONSTRAINT address_format CHECK (address LIKE '0x%') NOT VALID;`,
    sql: 'ALTER TABLE "Wallet" VALIDATE CONSTRAINT address_format;',
  },
  find: (context) =>
    actionsNamed(context, 'AT_ValidateConstraint')
      .filter(
        ({ table, command }) => context.mode === 'atomic' && isAddedHere(context, table, command.name ?? ''),
      )
      .map(({ name, command }) => ({ subject: `${shown(command.name ?? '')} on ${tableWords(name)}` })),
};

/** By an earlier statement of this migration, or an earlier action of this statement. */
function isAddedHere(context: RuleContext, table: CatalogRelation | undefined, constraint: string): boolean {
  return [...context.earlier, context].some(({ statement: { node } }) => {
    if (!('AlterTableStmt' in node) || node.AlterTableStmt.relation?.relname !== table?.name.name)
      return false;
    return commandsOf(node).some((command) => constraintOf(command)?.conname === constraint);
  });
}

const uniqueOnConstant: Rule = {
  id: 'unique-on-constant-default',
  on: ['AlterTableStmt', 'IndexStmt'],
  severity: 'error',
  title: 'A unique key on a new column that has one value in all rows',
  condition: 'A column is added with a constant default, and is to be unique, while the table may have rows.',
  effect: 'With two rows in the table it fails: both have the default (23505).',
  remedy:
    'Add the column without a default, fill it with values of its own for each row, then make the unique index concurrently.',
  bad: {
    before: WALLETS,
    sql: 'ALTER TABLE "Wallet" ADD COLUMN slug text DEFAULT \'none\' UNIQUE;',
    fails: '23505',
  },
  good: { before: WALLETS, sql: 'ALTER TABLE "Wallet" ADD COLUMN slug text;' },
  find: (context) =>
    uniqueColumns(context)
      .filter(({ table, column }) => hasConstantDefault(context, table, column))
      .map(({ table, column }) => ({ subject: columnWords(table.name, column) })),
};

const KEYS: readonly string[] = ['CONSTR_UNIQUE', 'CONSTR_PRIMARY'];

/** Single columns that the statement makes unique in tables that were there before. */
function uniqueColumns(context: RuleContext): readonly { table: CatalogRelation; column: string }[] {
  const { node } = context.statement;
  const byConstraint = constraintsAddedToExisting(context).flatMap(({ table, constraint, columns }) =>
    KEYS.includes(constraint.contype ?? '') && columns.length === 1
      ? [{ table, column: columns[0] ?? '' }]
      : [],
  );
  if (!('IndexStmt' in node) || node.IndexStmt.unique !== true) return byConstraint;
  const { relation, indexParams = [], whereClause } = node.IndexStmt;
  const table = context.catalog.find({ schema: relation?.schemaname, name: relation?.relname ?? '' });
  const [only] = indexParams;
  const column = only !== undefined && 'IndexElem' in only ? only.IndexElem.name : undefined;
  const isWhole = indexParams.length === 1 && whereClause === undefined;
  if (table === undefined || context.isNew(table.oid) || column === undefined || !isWhole) return [];
  return [{ table, column }];
}

function hasConstantDefault(context: RuleContext, table: CatalogRelation, column: string): boolean {
  const here = { statement: context.statement, effects: context.effects };
  const added = addition({ earlier: [...context.earlier, here] }, table.name, column);
  if (added === undefined || isWritten(context, table)) return false;
  const constant = columnConstraints(added).find(({ contype }) => contype === 'CONSTR_DEFAULT')?.raw_expr;
  return constant !== undefined && isConstant(constant);
}

function isConstant(expression: object): boolean {
  if ('A_Const' in expression) return (expression.A_Const as { isnull?: boolean }).isnull !== true;
  if (!('TypeCast' in expression)) return false;
  const { arg } = expression.TypeCast as { arg?: object };
  return arg !== undefined && isConstant(arg);
}

/** By an UPDATE of this migration so far, or by code that nobody can see into. */
export const isWritten = ({ earlier }: Pick<RuleContext, 'earlier'>, table: CatalogRelation): boolean =>
  earlier.some(
    ({ statement: { node }, effects }) =>
      effects.opaque ||
      ('UpdateStmt' in node && node.UpdateStmt.relation?.relname === table.name.name) ||
      'MergeStmt' in node,
  );

const requiredUnfilled: Rule = {
  id: 'set-not-null-unfilled',
  on: ['AlterTableStmt'],
  severity: 'error',
  title: 'A new column is required before it has values',
  condition:
    'A column that this migration adds without a default is set NOT NULL, and no UPDATE fills it in between.',
  effect: 'With a row in the table it fails (23502).',
  remedy:
    'Fill the column first: a default for new rows, a backfill for those that are there, then the constraint.',
  bad: {
    before: WALLETS,
    sql: 'ALTER TABLE "Wallet" ADD COLUMN owner text;\nALTER TABLE "Wallet" ALTER COLUMN owner SET NOT NULL;',
    fails: '23502',
  },
  good: { before: WALLETS, sql: 'ALTER TABLE "Wallet" ADD COLUMN owner text NOT NULL DEFAULT \'unknown\';' },
  find: (context) =>
    actionsNamed(context, 'AT_SetNotNull').flatMap(({ name, table, command }): Fault[] => {
      const column = command.name ?? '';
      const here = { statement: context.statement, effects: context.effects };
      const added = addition({ earlier: [...context.earlier, here] }, name, column);
      if (table === undefined || added === undefined || isWritten(context, table)) return [];
      const kinds = columnConstraints(added).map(({ contype }): string => contype ?? '');
      const isFilled = ['CONSTR_DEFAULT', 'CONSTR_IDENTITY', 'CONSTR_GENERATED'].some((kind) =>
        kinds.includes(kind),
      );
      const type = namesIn(added.typeName?.names).at(-1) ?? '';
      return isFilled || type.includes('serial') ? [] : [{ subject: columnWords(name, column) }];
    }),
};

export const CONSTRAINT_RULES: readonly Rule[] = [
  checkScans,
  foreignKeyScans,
  uniqueUnderLock,
  setNotNullScans,
  validateWithAdd,
  uniqueOnConstant,
  requiredUnfilled,
];
