/** Rules on what holds a lock for longer than it needs it, and on what a statement leaves behind in its session. */

import { writeOf } from '../../sql/backfill';
import { isConcurrent } from '../../sql/facts';
import { LOCK_MODES, type LockMode } from '../../sql/lock-modes';
import { rangeName } from '../../sql/names';
import type { SqlStatement } from '../../sql/parse';
import { summaryOf } from '../../sql/summary';
import { commandsOf, existingOf, listWords, rewrittenTables, tableWords } from './read';
import type { Fault, Judged, Rule, RuleContext } from './rule';

const CHAINS =
  'CREATE TABLE "Chain" (id int PRIMARY KEY, name text); CREATE TABLE "Gauge" (id int PRIMARY KEY, name text); CREATE TABLE "Pool" (id int PRIMARY KEY, name text); INSERT INTO "Chain" VALUES (1, \'Base\');';

const transactionControl: Rule = {
  id: 'transaction-control',
  on: ['TransactionStmt'],
  severity: 'error',
  title: 'BEGIN, COMMIT, ROLLBACK or SAVEPOINT in a migration',
  condition: 'The file controls transactions by itself.',
  effect:
    'Godwit does not run it: what the file commits by itself could not be rolled back, and the ledger would not be written with it.',
  remedy:
    'Remove it: Godwit puts a file in one transaction wherever its statements allow that; with `-- godwit:stepwise because …` each statement is committed by itself.',
  bad: { before: CHAINS, sql: 'BEGIN;\nALTER TABLE "Chain" ADD COLUMN slug text;\nCOMMIT;' },
  good: { before: CHAINS, sql: 'ALTER TABLE "Chain" ADD COLUMN slug text;' },
  find: ({ statement }) => ('TransactionStmt' in statement.node ? [{ subject: statement.sql }] : []),
};

const concurrentlyBeside: Rule = {
  id: 'concurrently-not-alone',
  on: ['IndexStmt', 'DropStmt', 'ReindexStmt', 'AlterTableStmt'],
  severity: 'warning',
  title: 'CONCURRENTLY beside statements that could run in a transaction',
  condition:
    'A file has a statement with CONCURRENTLY and others that are not, and no `godwit:stepwise` that says why.',
  effect:
    'None of the file runs in a transaction: when a later statement fails, the earlier ones stay. Other tools fail on it (25001).',
  remedy: 'Put what is CONCURRENTLY into a migration of its own.',
  bad: {
    before: CHAINS,
    sql: 'ALTER TABLE "Chain" ADD COLUMN slug text;\nCREATE INDEX CONCURRENTLY "Chain_slug_idx" ON "Chain" (slug);',
  },
  good: { before: CHAINS, sql: 'CREATE INDEX CONCURRENTLY "Chain_name_idx" ON "Chain" (name);' },
  find({ statement, script }) {
    if (!isConcurrent(statement.node) || script.directives.some(({ name }) => name === 'stepwise')) return [];
    const first = script.statements.find(({ node }) => isConcurrent(node));
    const other = script.statements.find((one) => !isConcurrent(one.node) && !isHarmless(one));
    return other === undefined || first !== statement ? [] : [{ subject: summaryOf(statement) }];
  },
};

const isHarmless = ({ kind }: SqlStatement): boolean =>
  ['VariableSetStmt', 'CommentStmt', 'TransactionStmt', 'SelectStmt'].includes(kind);

/** Modes in which an earlier statement of the transaction keeps readers or writers out. */
const isStrong = (mode: LockMode): boolean => LOCK_MODES.indexOf(mode) >= LOCK_MODES.indexOf('ShareLock');

interface Held {
  readonly oid: number;
  readonly words: string;
  readonly mode: LockMode;
  readonly by: Judged;
}

const heldBefore = (context: RuleContext): readonly Held[] =>
  context.mode !== 'atomic'
    ? []
    : context.earlier.flatMap((by) =>
        by.effects.locks
          .filter(({ oid, mode, kind }) => isStrong(mode) && !context.isNew(oid) && !kind.endsWith('index'))
          .map(({ oid, relation, mode }) => ({ oid, words: tableWords(relation), mode, by })),
      );

const lockHeldDuringWork: Rule = {
  id: 'lock-held-during-work',
  severity: 'error',
  title: 'Work under a lock that an earlier statement took',
  condition:
    'In one transaction a statement locks a table against readers or writers, and a later one reads or writes many rows.',
  effect: 'The lock is held until the commit, and so for as long as the work takes.',
  remedy: 'Part them into migrations, or put `-- godwit:stepwise because …` at the head of the file.',
  weight: 'work',
  bad: {
    before: CHAINS,
    sql: 'ALTER TABLE "Chain" ADD COLUMN slug text;\nUPDATE "Chain" SET slug = lower(name);',
  },
  good: {
    before: CHAINS,
    sql: '-- godwit:stepwise because the lock is released before the rows are written\nALTER TABLE "Chain" ADD COLUMN slug text;\n-- godwit:backfill\nUPDATE "Chain" SET slug = lower(name) WHERE slug IS NULL;',
  },
  find(context) {
    // Asked last: it goes through all statements before.
    if (!works(context) || onlyValidatesOwn(context)) return [];
    const [held] = heldBefore(context);
    if (held === undefined) return [];
    const line = held.by.statement.line;
    return [
      {
        subject: held.words,
        effect: `Line ${line} takes ${held.mode} on ${held.words}. ${this.effect}`,
      },
    ];
  },
};

const works = (context: RuleContext): boolean => !altersNewTable(context) && doesWork(context);

/** A foreign key of an empty table reads nothing of the other one. */
const altersNewTable = ({ statement: { node }, catalog, isNew }: RuleContext): boolean => {
  const table = 'AlterTableStmt' in node ? catalog.find(rangeName(node.AlterTableStmt.relation)) : undefined;
  return table !== undefined && isNew(table.oid);
};

const doesWork = (context: RuleContext): boolean =>
  existingOf(context, [...context.effects.scans, ...context.effects.rewrites]).length > 0 ||
  writesExisting(context) ||
  readsRows(context);

function writesExisting(context: RuleContext): boolean {
  const write = writeOf(context.statement);
  const table = write === undefined ? undefined : context.catalog.find(write.table);
  return table !== undefined && !context.isNew(table.oid);
}

/** INSERT … SELECT, or a query, of tables that were there before. */
function readsRows({ statement: { node }, effects, isNew }: RuleContext): boolean {
  const query = 'InsertStmt' in node ? node.InsertStmt.selectStmt : 'SelectStmt' in node ? node : undefined;
  if (query === undefined || !('SelectStmt' in query) || query.SelectStmt.fromClause === undefined)
    return false;
  return effects.locks.some(({ oid, kind }) => !isNew(oid) && kind === 'table');
}

/** `validate-in-same-transaction` says it in better words. */
const onlyValidatesOwn = ({ statement: { node }, earlier }: RuleContext): boolean =>
  commandsOf(node).length > 0 &&
  commandsOf(node).every(
    ({ subtype, name }) =>
      subtype === 'AT_ValidateConstraint' &&
      earlier.some(({ statement }) =>
        commandsOf(statement.node).some(
          ({ def }) => def !== undefined && 'Constraint' in def && def.Constraint.conname === name,
        ),
      ),
  );

const MANY = 3;

const locksTogether: Rule = {
  id: 'locks-held-together',
  severity: 'warning',
  title: 'Several tables locked in one transaction',
  condition:
    'Statements of one transaction lock three tables or more, which were there before, against readers or writers.',
  effect:
    'Each lock is held while the next is waited for; and an application that takes them in another order ends in a deadlock with it (40P01).',
  remedy: 'One table a migration, or `-- godwit:stepwise because …` at the head of the file.',
  bad: {
    before: CHAINS,
    sql: 'ALTER TABLE "Chain" ADD COLUMN slug text;\nALTER TABLE "Gauge" ADD COLUMN slug text;\nALTER TABLE "Pool" ADD COLUMN slug text;',
  },
  good: {
    before: CHAINS,
    sql: '-- godwit:stepwise because each lock shall be released before the next is asked for\nALTER TABLE "Chain" ADD COLUMN slug text;\nALTER TABLE "Gauge" ADD COLUMN slug text;\nALTER TABLE "Pool" ADD COLUMN slug text;',
  },
  find(context) {
    const own = context.effects.locks.filter(
      ({ oid, mode, kind }) => isStrong(mode) && !context.isNew(oid) && !kind.endsWith('index'),
    );
    if (own.length === 0) return [];
    const held = new Map(heldBefore(context).map(({ oid, words }) => [oid, words]));
    if (held.size >= MANY) return [];
    const size = held.size;
    for (const { oid, relation } of own) held.set(oid, tableWords(relation));
    return size > 0 && held.size >= MANY ? [{ subject: listWords([...held.values()]) }] : [];
  },
};

const lockTable: Rule = {
  id: 'lock-table',
  on: ['LockStmt'],
  severity: 'error',
  title: 'LOCK TABLE',
  condition: 'A table that was there before the migration is locked by name against readers or writers.',
  effect: 'They wait until the transaction ends, whatever else it does.',
  remedy: 'Leave it out: every statement takes the lock that it needs, for as long as it needs it.',
  bad: { before: CHAINS, sql: 'LOCK TABLE "Chain";' },
  good: { before: CHAINS, sql: 'ALTER TABLE "Chain" ADD COLUMN slug text;' },
  find: ({ statement: { node }, effects, isNew }) =>
    'LockStmt' in node
      ? effects.locks
          .filter(({ oid, mode }) => isStrong(mode) && !isNew(oid))
          .map(({ relation }) => ({ subject: tableWords(relation) }))
      : [],
};

const tableRewrite: Rule = {
  id: 'table-rewrite',
  severity: 'error',
  title: 'A table written anew as a whole',
  condition:
    'VACUUM FULL, CLUSTER, SET TABLESPACE, SET LOGGED or UNLOGGED, SET ACCESS METHOD, SET EXPRESSION, or REFRESH MATERIALIZED VIEW without CONCURRENTLY.',
  effect: 'Readers and writers wait under AccessExclusiveLock until a copy of it is written.',
  remedy:
    'Leave it to a maintenance tool that works online, such as pg_repack; REFRESH MATERIALIZED VIEW CONCURRENTLY where the view has a unique index.',
  weight: 'work',
  bad: { before: CHAINS, sql: 'ALTER TABLE "Chain" SET UNLOGGED;' },
  good: { before: CHAINS, sql: 'ALTER TABLE "Chain" SET (fillfactor = 90);' },
  find(context) {
    const { node } = context.statement;
    const isOther = commandsOf(node).some(
      ({ subtype }) => subtype === 'AT_AddColumn' || subtype === 'AT_AlterColumnType',
    );
    if (isOther || 'TruncateStmt' in node || isConcurrent(node)) return [];
    if ('RefreshMatViewStmt' in node && context.effects.rewrites.length === 0 && !context.knowsAll) {
      const isConcurrently = node.RefreshMatViewStmt.concurrent === true;
      return isConcurrently ? [] : [{ subject: tableWords(rangeName(node.RefreshMatViewStmt.relation)) }];
    }
    if ('ClusterStmt' in node && node.ClusterStmt.relation === undefined)
      return [{ subject: 'every clustered table' }];
    if (isLoggedAnew(context)) return [{ subject: summaryOf(context.statement) }];
    if (isVacuumOfAll(context)) return [{ subject: 'every table of the database' }];
    return rewrittenTables(context).map(({ name }): Fault => ({ subject: tableWords(name) }));
  },
};

/** Whether the table is unlogged now is not known. */
const isLoggedAnew = ({ statement: { node }, strays }: RuleContext): boolean =>
  strays.length > 0 && commandsOf(node).some(({ subtype }) => subtype === 'AT_SetLogged');

const isVacuumOfAll = ({ statement: { node } }: RuleContext): boolean =>
  'VacuumStmt' in node &&
  (node.VacuumStmt.rels ?? []).length === 0 &&
  (node.VacuumStmt.options ?? []).some((option) => 'DefElem' in option && option.DefElem.defname === 'full');

const LEFT: readonly string[] = [
  'search_path',
  'role',
  'session_authorization',
  'row_security',
  'default_tablespace',
  'default_table_access_method',
];

const settingLeft: Rule = {
  id: 'setting-left-behind',
  on: ['VariableSetStmt', 'AlterSystemStmt', 'AlterDatabaseSetStmt', 'AlterRoleSetStmt'],
  severity: 'warning',
  title: 'A setting that outlives the migration',
  condition:
    'search_path, role or the like is SET without LOCAL, and not reset in the same file; or a setting of the server, a database or a role is changed.',
  effect:
    'Later statements of the session, those of other migrations and of the migrating tool included, look for names elsewhere or run as somebody else.',
  remedy: 'SET LOCAL, which ends with the transaction; or write out the schema.',
  bad: { before: CHAINS, sql: 'SET search_path = public;' },
  good: { before: CHAINS, sql: 'SET LOCAL search_path = public;' },
  find({ statement, script, index }) {
    const { node } = statement;
    if (!('VariableSetStmt' in node)) return [{ subject: summaryOf(statement) }];
    const set = node.VariableSetStmt;
    const name = set.name ?? '';
    if (set.is_local === true || set.kind === 'VAR_RESET' || !LEFT.includes(name)) return [];
    const isReset = script.statements
      .slice(index + 1)
      .some(
        (later) =>
          'VariableSetStmt' in later.node &&
          (later.node.VariableSetStmt.kind === 'VAR_RESET_ALL' ||
            (later.node.VariableSetStmt.kind === 'VAR_RESET' && later.node.VariableSetStmt.name === name)),
      );
    return isReset ? [] : [{ subject: name }];
  },
};

const enforcementOff: Rule = {
  id: 'enforcement-switched-off',
  on: ['VariableSetStmt', 'AlterTableStmt'],
  severity: 'error',
  title: 'Triggers and foreign keys switched off',
  condition: 'session_replication_role is set to replica, or triggers of a table are disabled.',
  effect:
    'Rows that break foreign keys, and rows of which triggers should know, come in unnoticed; nothing looks at them afterwards.',
  remedy:
    'Leave them on. A trigger that stands in the way of a backfill can be told apart by a WHEN condition.',
  bad: { before: CHAINS, sql: 'ALTER TABLE "Chain" DISABLE TRIGGER ALL;' },
  good: { before: CHAINS, sql: 'ALTER TABLE "Chain" ENABLE TRIGGER ALL;' },
  find(context) {
    const { node } = context.statement;
    const set = 'VariableSetStmt' in node ? node.VariableSetStmt : undefined;
    if (set?.name === 'session_replication_role' && set.kind === 'VAR_SET_VALUE') {
      const [value] = set.args ?? [];
      const text = value !== undefined && 'A_Const' in value ? value.A_Const.sval?.sval : undefined;
      return text === 'origin' ? [] : [{ subject: set.name }];
    }
    const off = ['AT_DisableTrig', 'AT_DisableTrigAll', 'AT_DisableTrigUser'];
    if (!('AlterTableStmt' in node) || !commandsOf(node).some(({ subtype }) => off.includes(subtype ?? '')))
      return [];
    const name = rangeName(node.AlterTableStmt.relation);
    const table = context.catalog.find(name);
    return table !== undefined && context.isNew(table.oid) ? [] : [{ subject: tableWords(name) }];
  },
};

export const TRANSACTION_RULES: readonly Rule[] = [
  transactionControl,
  concurrentlyBeside,
  lockHeldDuringWork,
  locksTogether,
  lockTable,
  tableRewrite,
  settingLeft,
  enforcementOff,
];
