/** Rules on queries in a migration, whose answer nobody sees. */
import { nameParts, rangeName, shown } from '../../sql/names';
import { onlySetsSession } from '../../sql/settings';
import { summaryOf } from '../../sql/summary';
import { listWords, nodesOf } from './read';
import type { Rule, RuleContext } from './rule';

const WALLETS =
  'CREATE TABLE "Wallet" (id int PRIMARY KEY, "endsAt" timestamptz); CREATE TABLE "Balance" (id int PRIMARY KEY, "walletId" int, usd numeric);';

/** Of a query that only reads tables, and calls nothing that acts. */
function onlyReads({ statement, effects }: RuleContext): boolean {
  const { node } = statement;
  if (!('SelectStmt' in node) || node.SelectStmt.intoClause !== undefined || onlySetsSession(statement))
    return false;
  return node.SelectStmt.fromClause !== undefined && !effects.opaque;
}

const queryInMigration: Rule = {
  id: 'query-in-migration',
  on: ['SelectStmt'],
  severity: 'warning',
  title: 'A query in a migration',
  condition: 'A SELECT reads tables, and its rows go nowhere.',
  effect:
    'Nobody sees the answer, and nothing depends on it: a migration that harmed the data succeeds all the same.',
  remedy:
    'Put it into prisma/invariants/, where Godwit takes a reading before and after the migration and compares the two.',
  bad: { before: WALLETS, sql: 'SELECT count(*) FROM "Wallet";' },
  good: { before: WALLETS, sql: 'ALTER TABLE "Wallet" ADD COLUMN label text;' },
  find(context) {
    if (!onlyReads(context)) return [];
    const { node } = context.statement;
    const faults = [
      ...(hidesLosses(node)
        ? [
            'HAVING count(…) > 0 leaves out the groups that lost all their rows, which are the ones to look for.',
          ]
        : []),
      ...(readsClock(node)
        ? [
            "It compares with now(): two readings differ as time goes by, though nothing was harmed. In an invariant, use current_setting('godwit.as_of').",
          ]
        : []),
    ];
    return [{ subject: summaryOf(context.statement), effect: [this.effect, ...faults].join(' ') }];
  },
};

const hidesLosses = (tree: unknown): boolean =>
  nodesOf(tree, 'SelectStmt').some(({ havingClause }) => callsIn(havingClause).includes('count'));

const callsIn = (tree: unknown): readonly string[] =>
  nodesOf(tree, 'FuncCall').map(
    ({ funcname }) => (Array.isArray(funcname) ? funcname.flatMap(nameParts).at(-1) : '') ?? '',
  );

const readsClock = (tree: unknown): boolean =>
  nodesOf(tree, 'SQLValueFunction').length > 0 ||
  callsIn(tree).some((name) => name === 'now' || name === 'clock_timestamp');

const explainAnalyze: Rule = {
  id: 'explain-runs',
  on: ['ExplainStmt'],
  severity: 'warning',
  title: 'EXPLAIN in a migration',
  condition: 'EXPLAIN, with ANALYZE or without.',
  effect:
    'Nobody sees the plan. With ANALYZE the statement is executed: a query costs once more on production what it costs, a write writes.',
  remedy:
    'Put the query into prisma/watched/: Godwit compares its plans, without ANALYZE, and measures it in the rehearsal.',
  bad: { before: WALLETS, sql: 'EXPLAIN (ANALYZE, BUFFERS) SELECT count(*) FROM "Wallet";' },
  good: { before: WALLETS, sql: 'ALTER TABLE "Wallet" ADD COLUMN label text;' },
  find({ statement }) {
    const { node } = statement;
    if (!('ExplainStmt' in node)) return [];
    const { options = [], query } = node.ExplainStmt;
    const executes = options.some((option) => 'DefElem' in option && option.DefElem.defname === 'analyze');
    const isWrite = query !== undefined && !('SelectStmt' in query);
    return [{ subject: summaryOf(statement), ...(executes && isWrite ? { severity: 'error' } : {}) }];
  },
};

/** Columns of the server's statistics views, which are often confused with those of pg_indexes and pg_tables. */
const VIEWS: Readonly<Record<string, readonly string[]>> = {
  pg_stat_user_indexes: [
    ...['relid', 'indexrelid', 'schemaname', 'relname', 'indexrelname'],
    ...['idx_scan', 'last_idx_scan', 'idx_tup_read', 'idx_tup_fetch'],
  ],
  pg_indexes: ['schemaname', 'tablename', 'indexname', 'tablespace', 'indexdef'],
};

const statisticsView: Rule = {
  id: 'unknown-column-of-view',
  on: ['SelectStmt', 'ExplainStmt'],
  severity: 'error',
  title: 'A column that a view of the server has not',
  condition: 'A query of pg_stat_user_indexes or pg_indexes names a column of the other one.',
  effect: 'Postgres refuses it (42703).',
  remedy: 'pg_stat_user_indexes has relname and indexrelname, pg_indexes has tablename and indexname.',
  bad: { sql: 'SELECT tablename, idx_scan FROM pg_stat_user_indexes;', fails: '42703' },
  good: { sql: 'CREATE TABLE "Usage" (id int PRIMARY KEY, scans bigint);' },
  find(context) {
    const ranges = nodesOf(context.statement.node, 'RangeVar').map((range) => rangeName(range).name);
    const [view] = ranges;
    const columns = view === undefined ? undefined : VIEWS[view];
    if (columns === undefined || ranges.length !== 1) return [];
    const named = nodesOf(context.statement.node, 'ColumnRef').flatMap(({ fields }) =>
      Array.isArray(fields) && fields.length === 1 ? fields.flatMap(nameParts) : [],
    );
    const strange = [...new Set(named)].filter((name) => !columns.includes(name));
    if (strange.length === 0) return [];
    return [{ subject: `${view}`, effect: `It has no ${listWords(strange.map(shown))}. ${this.effect}` }];
  },
};

const unusedIndexes: Rule = {
  id: 'index-usage-misread',
  on: ['SelectStmt', 'ExplainStmt'],
  severity: 'info',
  title: 'Indexes judged by the number of their scans',
  condition: 'A query looks for indexes with few scans and does not leave out unique ones.',
  effect:
    'Unique indexes and primary keys guard even where no query scans them; the count begins with the last reset of the statistics, and each replica counts for itself.',
  remedy:
    'Join pg_index and leave out indisunique; look at stats_reset of pg_stat_database, and at the replicas.',
  bad: { sql: 'SELECT indexrelname FROM pg_stat_user_indexes WHERE idx_scan < 10;' },
  good: { sql: 'CREATE TABLE "Usage" (id int PRIMARY KEY, scans bigint);' },
  find({ statement }) {
    const ranges = nodesOf(statement.node, 'RangeVar').map((range) => rangeName(range).name);
    const isUsage = ranges.includes('pg_stat_user_indexes') && !ranges.includes('pg_index');
    const filters = nodesOf(statement.node, 'SelectStmt').some(({ whereClause }) =>
      nodesOf(whereClause, 'ColumnRef').some(
        ({ fields }) => Array.isArray(fields) && fields.flatMap(nameParts).includes('idx_scan'),
      ),
    );
    return isUsage && filters ? [{ subject: 'pg_stat_user_indexes' }] : [];
  },
};

export const QUERY_RULES: readonly Rule[] = [queryInMigration, explainAnalyze, statisticsView, unusedIndexes];
