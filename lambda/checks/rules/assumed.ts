/** Takes a table to be there that a statement uses and no known migration made: what is not known is judged as in use. */

import { relationsMentioned } from '../../sql/effects/effects';
import { provesNotNull } from '../../sql/effects/proof';
import { type QualifiedName, quoted, quotedName, rangeName } from '../../sql/names';
import { parseScript, type SqlStatement } from '../../sql/parse';
import type { ReplayedCatalog } from '../../sql/replay/replayed-catalog';

/** Answers the names in the statement that stand for nothing known; their tables are in the catalog from then on. */
export async function assumeTables(
  statement: SqlStatement,
  replay: ReplayedCatalog,
  assumed: Set<number>,
): Promise<readonly QualifiedName[]> {
  const strays: QualifiedName[] = [];
  for (const name of namesOfTables(statement)) {
    const known = replay.catalog.find(name);
    if (known !== undefined ? !assumed.has(known.oid) : isOfTheServer(name)) continue;
    strays.push(name);
    if (known === undefined) {
      const schema = name.schema === undefined ? '' : `CREATE SCHEMA IF NOT EXISTS ${quoted(name.schema)}; `;
      await apply(`${schema}CREATE TABLE ${quotedName(name)} ()`, replay);
      const made = replay.catalog.find(name);
      if (made !== undefined) assumed.add(made.oid);
    }
    // For the sake of a later SET NOT NULL, which asks whether a CHECK proves it.
    for (const column of provesNotNull(statement.node)) {
      if (replay.catalog.find(name)?.columns.some((other) => other.name === column)) continue;
      await apply(`ALTER TABLE ${quotedName(name)} ADD COLUMN ${quoted(column)} ${UNKNOWN_TYPE}`, replay);
    }
  }
  return strays;
}

/** Postgres's own pseudo-type for what nothing is known of: no column of a table can have it. */
export const UNKNOWN_TYPE = 'unknown';

async function apply(sql: string, replay: ReplayedCatalog): Promise<void> {
  const { statements } = await parseScript(sql);
  for (const statement of statements) replay.apply(statement);
}

function namesOfTables(statement: SqlStatement): readonly QualifiedName[] {
  const { node } = statement;
  if (ofOtherKind(statement)) return [];
  const own = 'ViewStmt' in node ? rangeName(node.ViewStmt.view) : undefined;
  const { relations } = relationsMentioned(statement);
  if ('IndexStmt' in node) return relations.slice(0, 1);
  return relations.filter(({ schema, name }) => name !== own?.name || schema !== own.schema);
}

/** An index, a view or a sequence that nobody has seen being made is left unknown. */
function ofOtherKind({ node }: SqlStatement): boolean {
  if ('DropStmt' in node) return node.DropStmt.removeType !== 'OBJECT_TABLE';
  if ('AlterTableStmt' in node) return node.AlterTableStmt.objtype !== 'OBJECT_TABLE';
  if ('RenameStmt' in node) return !OF_TABLES.includes(node.RenameStmt.renameType);
  if ('ReindexStmt' in node) return node.ReindexStmt.kind !== 'REINDEX_OBJECT_TABLE';
  return OF_NO_TABLE.some((kind) => kind in node);
}

const OF_TABLES: readonly (string | undefined)[] = [
  'OBJECT_TABLE',
  'OBJECT_COLUMN',
  'OBJECT_TABCONSTRAINT',
  'OBJECT_TRIGGER',
  'OBJECT_POLICY',
];

const OF_NO_TABLE: readonly string[] = [
  'AlterSeqStmt',
  'CreateSeqStmt',
  'RefreshMatViewStmt',
  'AlterObjectSchemaStmt',
  'CommentStmt',
  'CreateFunctionStmt',
];

const isOfTheServer = ({ schema, name }: QualifiedName): boolean =>
  schema === 'pg_catalog' ||
  schema === 'information_schema' ||
  schema === 'pg_temp' ||
  (schema === undefined && name.startsWith('pg_'));
