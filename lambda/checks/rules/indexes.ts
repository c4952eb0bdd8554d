/** Rules on making, dropping and rebuilding indexes. */
import type { IndexStmt } from 'libpg-query';
import type { CatalogRelation } from '../../sql/catalog';
import { isConcurrent } from '../../sql/facts';
import { nameParts, qualifiedName, rangeName, shown, shownName } from '../../sql/names';
import { isEphemeral } from './immutable';
import { dropOf, indexColumns, indexOf, listWords, relationOf, scannedTables, tableWords } from './read';
import type { Fault, Rule, RuleContext } from './rule';

const TOKENS = 'CREATE TABLE "Token" (id int PRIMARY KEY, symbol text, name text, "createdAt" timestamptz);';
const INDEXED = `${TOKENS} CREATE INDEX "Token_symbol_idx" ON "Token" (symbol);`;

const indexBlocksWrites: Rule = {
  id: 'index-blocks-writes',
  on: ['IndexStmt'],
  severity: 'error',
  title: 'CREATE INDEX without CONCURRENTLY',
  condition: 'An index is made, without CONCURRENTLY, on a table that was there before the migration.',
  effect:
    'ShareLock: every insert, update and delete of the table waits until the whole table is read and sorted; soon the waiting writers take all connections, and readers wait, too.',
  remedy:
    'CREATE INDEX CONCURRENTLY IF NOT EXISTS, in a migration of its own: it takes longer, and nobody waits.',
  weight: 'work',
  bad: { before: TOKENS, sql: 'CREATE INDEX "Token_symbol_idx" ON "Token" (symbol);' },
  good: {
    before: TOKENS,
    sql: 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "Token_symbol_idx" ON "Token" (symbol);',
  },
  find(context) {
    const index = indexOf(context.statement);
    if (index === undefined || index.concurrent === true) return [];
    const tables = scannedTables(context);
    return tables.length === 0 ? [] : [{ subject: tableWords(rangeName(index.relation)) }];
  },
};

const dropIndexBlocks: Rule = {
  id: 'drop-index-blocks',
  on: ['DropStmt'],
  severity: 'error',
  title: 'DROP INDEX without CONCURRENTLY',
  condition: 'An index that was there before the migration is dropped without CONCURRENTLY.',
  effect:
    "AccessExclusiveLock on the index's table: it is asked for behind every running query of that table, and every later reader and writer waits behind it.",
  remedy: 'DROP INDEX CONCURRENTLY IF EXISTS, in a migration of its own, once nothing uses the index.',
  bad: { before: INDEXED, sql: 'DROP INDEX "Token_symbol_idx";' },
  good: { before: INDEXED, sql: 'DROP INDEX CONCURRENTLY IF EXISTS "Token_symbol_idx";' },
  find(context) {
    const drop = dropOf(context.statement);
    if (drop?.removeType !== 'OBJECT_INDEX' || drop.concurrent === true) return [];
    return (drop.objects ?? []).flatMap((object): Fault[] => {
      const name = qualifiedName(nameParts(object));
      const index = context.catalog.find(name);
      // Somebody may have made it by hand; only a database can tell that nobody has.
      if (index === undefined && (context.facts !== undefined || isMadeHere(context, name.name))) return [];
      const table = index?.index === undefined ? undefined : context.catalog.get(index.index.table);
      if (index !== undefined && (context.isNew(index.oid) || (table && context.isNew(table.oid)))) return [];
      return [{ subject: shownName(name) }];
    });
  },
};

const isMadeHere = ({ earlier }: RuleContext, name: string): boolean =>
  earlier.some(({ statement }) => indexOf(statement)?.idxname === name);

const reindexBlocks: Rule = {
  id: 'reindex-blocks',
  on: ['ReindexStmt'],
  severity: 'error',
  title: 'REINDEX without CONCURRENTLY',
  condition: 'REINDEX rebuilds an index of a table that was there before the migration without CONCURRENTLY.',
  effect:
    'Writers of the table wait until the index is built (ShareLock), and so does every query whose planner looks at the index (AccessExclusiveLock on it).',
  remedy: 'REINDEX … CONCURRENTLY, in a migration of its own.',
  weight: 'work',
  bad: { before: INDEXED, sql: 'REINDEX INDEX "Token_symbol_idx";' },
  good: { before: INDEXED, sql: 'REINDEX INDEX CONCURRENTLY "Token_symbol_idx";' },
  find(context) {
    const { node } = context.statement;
    if (!('ReindexStmt' in node) || isConcurrent(node)) return [];
    const { relation, name, kind } = node.ReindexStmt;
    const isUnknown = relation === undefined || !context.knowsAll;
    if (!isUnknown && scannedTables(context).length === 0) return [];
    const everything = kind === 'REINDEX_OBJECT_SCHEMA' ? `schema ${shown(name ?? '')}` : 'the database';
    return [{ subject: relation === undefined ? everything : tableWords(rangeName(relation)) }];
  },
};

const hiddenInvalidIndex: Rule = {
  id: 'index-if-not-exists-hides',
  on: ['IndexStmt'],
  severity: 'error',
  title: 'IF NOT EXISTS passes over an index that is not the one wanted',
  condition:
    'CREATE INDEX IF NOT EXISTS finds an index of that name which is invalid, on another table, or on other columns.',
  effect:
    'Nothing is made. An invalid index, left by an interrupted CONCURRENTLY, serves no query and guards nothing, yet every write maintains it.',
  remedy: 'Drop the one that is there with DROP INDEX CONCURRENTLY first, or give the new one another name.',
  bad: {
    before: INDEXED,
    sql: 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "Token_symbol_idx" ON "Token" (name);',
  },
  good: {
    before: INDEXED,
    sql: 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "Token_name_idx" ON "Token" (name);',
  },
  find(context) {
    const wanted = indexOf(context.statement);
    if (wanted?.if_not_exists !== true || wanted.idxname === undefined) return [];
    const table = context.catalog.find(rangeName(wanted.relation));
    const found = context.catalog.find({ schema: table?.name.schema, name: wanted.idxname });
    if (found?.index === undefined) return [];
    const problem = differenceOf(found, wanted, table);
    if (problem === undefined) return [];
    const subject = shown(wanted.idxname);
    return [{ subject, effect: `${subject} is there already, ${problem}. ${this.effect}` }];
  },
};

function differenceOf(
  { index }: CatalogRelation,
  wanted: IndexStmt,
  table: CatalogRelation | undefined,
): string | undefined {
  if (index === undefined) return undefined;
  if (!index.isValid) return 'and INVALID';
  if (table !== undefined && index.table !== table.oid) return 'on another table';
  if (wanted.unique === true && !index.isUnique) return 'and not unique';
  const columns = indexColumns(wanted);
  const isComputed = wanted.whereClause !== undefined || columns.includes(undefined);
  if (isComputed !== index.isComputed) return 'with another expression or predicate';
  const isSame = isComputed || [...columns].sort().join('\n') === [...index.columns].sort().join('\n');
  return isSame ? undefined : `on ${listWords(index.columns.map(shown))}`;
}

const indexNotImmutable: Rule = {
  id: 'index-not-immutable',
  on: ['IndexStmt'],
  severity: 'error',
  title: 'An index depends on the time or on settings',
  condition: "An index's predicate or expression calls a function that is not IMMUTABLE, such as now().",
  effect: 'Postgres refuses it (42P17): what was indexed would not stay true.',
  remedy: 'Index the column itself and compare it in the query, or keep the answer in a column.',
  bad: {
    before: TOKENS,
    sql: 'CREATE INDEX CONCURRENTLY recent ON "Token" (symbol) WHERE "createdAt" > now();',
    fails: '42P17',
  },
  good: { before: TOKENS, sql: 'CREATE INDEX CONCURRENTLY recent ON "Token" ("createdAt", symbol);' },
  find(context) {
    const index = indexOf(context.statement);
    if (index === undefined) return [];
    const called = isEphemeral([index.whereClause, index.indexParams], context.catalog);
    return called === undefined
      ? []
      : [{ subject: shown(index.idxname ?? 'index'), effect: `${called} is not IMMUTABLE. ${this.effect}` }];
  },
};

const concurrentlyOnPartitioned: Rule = {
  id: 'concurrently-on-partitioned',
  on: ['IndexStmt', 'DropStmt'],
  severity: 'error',
  title: 'CONCURRENTLY on a partitioned table',
  condition: 'An index of a partitioned table is made or dropped with CONCURRENTLY.',
  effect: 'Postgres refuses it (0A000).',
  remedy:
    'CREATE INDEX ON ONLY the partitioned table, CREATE INDEX CONCURRENTLY on each partition, then ALTER INDEX … ATTACH PARTITION for each.',
  bad: {
    before:
      "CREATE TABLE price (at date NOT NULL, usd numeric) PARTITION BY RANGE (at); CREATE TABLE price_2025 PARTITION OF price FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
    sql: 'CREATE INDEX CONCURRENTLY price_at_idx ON price (at);',
    fails: '0A000',
  },
  good: {
    before:
      "CREATE TABLE price (at date NOT NULL, usd numeric) PARTITION BY RANGE (at); CREATE TABLE price_2025 PARTITION OF price FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
    sql: '-- godwit:stepwise because the index of the partition is made concurrently\nCREATE INDEX price_at_idx ON ONLY price (at);\nCREATE INDEX CONCURRENTLY price_2025_at_idx ON price_2025 (at);\nALTER INDEX price_at_idx ATTACH PARTITION price_2025_at_idx;',
  },
  find(context) {
    const index = indexOf(context.statement);
    if (index?.concurrent === true && index.relation?.inh === true) {
      const table = context.catalog.find(rangeName(index.relation));
      return table?.kind === 'partitioned table' ? [{ subject: tableWords(table.name) }] : [];
    }
    const drop = dropOf(context.statement);
    if (drop?.concurrent !== true) return [];
    return (drop.objects ?? []).flatMap((object): Fault[] => {
      const found = context.catalog.find(qualifiedName(nameParts(object)));
      return found?.kind === 'partitioned index' ? [{ subject: shownName(found.name) }] : [];
    });
  },
};

const redundantIndex: Rule = {
  id: 'redundant-index',
  on: ['IndexStmt'],
  severity: 'warning',
  title: 'An index that is there already under another name',
  condition: 'A plain index has the very columns of another index of the table.',
  effect: 'It serves no query that the other would not, and every write maintains both.',
  remedy: 'Leave it out; to replace the old one, drop that with DROP INDEX CONCURRENTLY afterwards.',
  bad: { before: INDEXED, sql: 'CREATE INDEX CONCURRENTLY "Token_symbol_key" ON "Token" (symbol);' },
  good: {
    before: INDEXED,
    sql: 'CREATE INDEX CONCURRENTLY "Token_symbol_name_idx" ON "Token" (symbol, name);',
  },
  find(context) {
    const wanted = indexOf(context.statement);
    const table = wanted === undefined ? undefined : context.catalog.find(rangeName(wanted.relation));
    if (wanted === undefined || table === undefined || !isPlain(wanted)) return [];
    const columns = indexColumns(wanted);
    const twin = context.catalog
      .indexesOf(table)
      .find(
        ({ index, name }) =>
          index !== undefined &&
          name.name !== wanted.idxname &&
          index.isValid &&
          !index.isComputed &&
          index.columns.length === columns.length &&
          columns.every((column, at) => column === index.columns[at]) &&
          (index.isUnique || wanted.unique !== true),
      );
    // Of several columns the catalog tells which, not in which order.
    if (twin === undefined || columns.length > 1) return [];
    if (isDroppedLater(context, twin)) return [];
    const subject = shown(wanted.idxname ?? 'index');
    return [
      {
        subject,
        effect: `${shown(twin.name.name)} indexes ${listWords(columns.map((c) => shown(c ?? '')))} already. ${this.effect}`,
      },
    ];
  },
};

const isPlain = (index: IndexStmt): boolean =>
  (index.accessMethod ?? 'btree') === 'btree' &&
  index.whereClause === undefined &&
  (index.indexIncludingParams ?? []).length === 0 &&
  !indexColumns(index).includes(undefined);

const isDroppedLater = ({ script, index, catalog }: RuleContext, twin: CatalogRelation): boolean =>
  script.statements.slice(index + 1).some((statement) =>
    (dropOf(statement)?.objects ?? []).some((object) => {
      const name = qualifiedName(nameParts(object));
      return name.name === twin.name.name && relationOf({ catalog }, twin.name) !== undefined;
    }),
  );

export const INDEX_RULES: readonly Rule[] = [
  indexBlocksWrites,
  dropIndexBlocks,
  reindexBlocks,
  hiddenInvalidIndex,
  indexNotImmutable,
  concurrentlyOnPartitioned,
  redundantIndex,
];
