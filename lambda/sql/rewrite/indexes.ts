/** Indexes that are in use are made, rebuilt, dropped and replaced without anybody waiting for it. */
import type { DropStmt, IndexStmt } from 'libpg-query';
import type { CatalogRelation } from '../catalog';
import { isConcurrent } from '../facts';
import { nameParts, type QualifiedName, qualifiedName, quoted, quotedName, rangeName, shown } from '../names';
import { expanding, type Rewriter, type Situation } from './draft';
import { shownTable } from './tables';
import type { Unit } from './units';

const CONCURRENTLY = 'CONCURRENTLY';

export const createIndex: Rewriter = (unit, situation) => {
  const index = indexIn(unit);
  if (index === undefined) return undefined;
  const table = situation.catalog.find(rangeName(index.relation));
  if (table === undefined || situation.isNew(table)) return undefined;
  if (isConcurrent(unit.statement.node)) return undefined;
  if (table.kind === 'partitioned table') {
    return {
      refused: `${shownTable(table)} is partitioned, and Postgres builds no index of all partitions concurrently: make it ON ONLY the table, concurrently on each partition, and attach those`,
    };
  }
  const replaced = situation.joined.map((drop) => dropIn(drop)).find((drop) => drop !== undefined);
  const name = index.idxname;
  const old = replaced === undefined ? undefined : namesOf(replaced)[0];
  const isSameName = old !== undefined && old.name === name;
  if (!isSameName) {
    return {
      groups: [
        expanding('apart', [
          concurrently(unit),
          ...(old === undefined ? [] : [`DROP INDEX CONCURRENTLY ${quotedName(old)}`]),
        ]),
      ],
      rule: 'index-blocks-writes',
      reason:
        old === undefined
          ? `CREATE INDEX keeps everybody from writing to ${shownTable(table)} until it is built`
          : `the new index is there before ${shown(old.name)} goes: no query is without one, and nobody waits`,
    };
  }
  const temporary = situation.names.free(name ?? '', '_new', situation.catalog);
  const place: QualifiedName = { schema: rangeName(index.relation).schema, name: temporary };
  return {
    groups: [
      expanding('apart', [
        concurrently(unit, { name, as: temporary }),
        `DROP INDEX CONCURRENTLY ${quotedName(old)}`,
        `ALTER INDEX ${quotedName(place)} RENAME TO ${quoted(name ?? '')}`,
      ]),
    ],
    rule: 'index-blocks-writes',
    reason: `the new ${shown(name ?? '')} is built beside the old one and takes its name: no query is without an index, and nobody waits`,
  };
};

export const dropIndex: Rewriter = (unit, situation) => {
  const drop = dropIn(unit);
  if (drop === undefined || isConcurrent(unit.statement.node)) return undefined;
  const names = namesOf(drop);
  const indexes = names.map((name) => situation.catalog.find(name));
  const isNew = (index: CatalogRelation | undefined): boolean =>
    index !== undefined && situation.isNew(index);
  if (indexes.every(isNew)) return undefined;
  if (indexes.some((index) => index?.kind === 'partitioned index')) {
    return { refused: 'an index of a partitioned table cannot be dropped concurrently' };
  }
  if (drop.behavior === 'DROP_CASCADE') {
    return {
      refused: 'DROP INDEX CONCURRENTLY takes nothing with it: drop what depends on the index first, by name',
    };
  }
  const successor = names.length === 1 ? successorOf(indexes[0], names[0], situation) : undefined;
  if (successor !== undefined) return { joins: successor };
  const ifExists = drop.missing_ok === true ? 'IF EXISTS ' : '';
  return {
    groups: [
      expanding(
        'apart',
        names.map((name) => `DROP INDEX CONCURRENTLY ${ifExists}${quotedName(name)}`),
      ),
    ],
    rule: 'drop-index-blocks',
    reason: 'DROP INDEX locks the table against readers and writers, and queues them behind whoever uses it',
  };
};

/** A later index of the same table, which is to be there before this one goes. */
function successorOf(
  index: CatalogRelation | undefined,
  name: QualifiedName | undefined,
  { catalog, rest }: Situation,
): Unit | undefined {
  const of = index?.index?.table;
  if (of === undefined || name === undefined) return undefined;
  const made = rest.filter((unit) => {
    const other = indexIn(unit);
    return (
      other !== undefined &&
      !isConcurrent(unit.statement.node) &&
      other.if_not_exists !== true &&
      catalog.find(rangeName(other.relation))?.oid === of
    );
  });
  return made.find((unit) => indexIn(unit)?.idxname === name.name) ?? made[0];
}

export const reindex: Rewriter = (unit, { catalog, isNew }) => {
  const { node } = unit.statement;
  if (!('ReindexStmt' in node) || isConcurrent(node)) return undefined;
  const { kind, relation } = node.ReindexStmt;
  const known = relation === undefined ? undefined : catalog.find(rangeName(relation));
  if (known !== undefined && isNew(known)) return undefined;
  if (kind === 'REINDEX_OBJECT_SYSTEM') {
    return { refused: 'the indexes of the system catalogs cannot be rebuilt concurrently' };
  }
  const word = OBJECT_WORDS.flatMap((name) => unit.text.keyword(name) ?? [])[0];
  if (word === undefined) return undefined;
  return {
    groups: [expanding('apart', [unit.text.withInserted(word.end, CONCURRENTLY)])],
    rule: 'reindex-blocks',
    reason: 'REINDEX locks the table against writers, and its index against readers, until it is rebuilt',
  };
};

const OBJECT_WORDS: readonly string[] = ['INDEX', 'TABLE', 'SCHEMA', 'DATABASE'];

const indexIn = ({ statement: { node } }: Unit): IndexStmt | undefined =>
  'IndexStmt' in node ? node.IndexStmt : undefined;

const dropIn = ({ statement: { node } }: Unit): DropStmt | undefined =>
  'DropStmt' in node && node.DropStmt.removeType === 'OBJECT_INDEX' ? node.DropStmt : undefined;

const namesOf = (drop: DropStmt): readonly QualifiedName[] =>
  (drop.objects ?? []).map((object) => qualifiedName(nameParts(object)));

/** The statement as written, with the one word; and under another name, where it replaces an index. */
function concurrently(
  { text }: Unit,
  renamed?: { readonly name: string | undefined; readonly as: string },
): string {
  const index = text.keyword('INDEX');
  const on = text.keyword('ON');
  if (index === undefined || on === undefined) return text.sql;
  if (renamed === undefined) return text.withInserted(index.end, CONCURRENTLY);
  return `${text.exactly(0, index.end)} ${CONCURRENTLY} ${quoted(renamed.as)} ${text.exactly(on.start, Buffer.byteLength(text.sql))}`;
}
