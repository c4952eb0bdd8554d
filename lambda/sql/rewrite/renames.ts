/** Renamed columns and tables go by both names until nobody uses the old one. */
import type { RenameStmt } from 'libpg-query';
import type { CatalogRelation } from '../catalog';
import { quoted, quotedName, rangeName, shown } from '../names';
import { type Answer, contracting, expanding, type Rewriter, type Situation } from './draft';
import { createBothWays, createTrigger, type Pair, removeTrigger, triggerFor } from './keeping-in-step';
import { alter, backfillObstacle, columnOf, shownColumn, shownTable } from './tables';
import { actionOf, type Unit } from './units';

export const renameColumn: Rewriter = (unit, situation): Answer => {
  const rename = renameIn(unit);
  if (rename?.renameType !== 'OBJECT_COLUMN' || rename.relationType !== 'OBJECT_TABLE') return undefined;
  const table = situation.catalog.find(rangeName(rename.relation));
  const [old, successor] = [rename.subname ?? '', rename.newname ?? ''];
  const column = table === undefined ? undefined : columnOf(table, old);
  if (table === undefined || column === undefined || situation.isNew(table)) return undefined;
  if (takesPlaceOf(unit, successor, situation) || givesWayTo(unit, old, situation)) return undefined;
  const obstacle = backfillObstacle(table, situation.catalog) ?? obstacleToCopy(table, old);
  if (obstacle !== undefined) return { refused: obstacle };
  const on = quotedName(rangeName(rename.relation));
  const pair: Pair = { on, table, old, successor };
  const trigger = triggerFor(pair, situation);
  const [was, is] = [quoted(old), quoted(successor)];
  const indexes = situation.catalog.indexesOf(table).flatMap((index) => copyOf(index, pair, situation));
  return {
    groups: [
      expanding('apart', [
        alter(on, `ADD COLUMN ${is} ${column.typeName}`),
        createBothWays(pair, trigger),
        createTrigger(pair, trigger),
        `-- godwit:backfill\nUPDATE ${on} SET ${is} = ${was} WHERE ${is} IS NULL AND ${was} IS NOT NULL`,
        ...indexes,
      ]),
      contracting('together', [
        ...removeTrigger(pair, trigger),
        alter(on, `DROP COLUMN ${is}`),
        `-- godwit:allow rename-column because both names were there until now\n${unit.statement.sql}`,
      ]),
    ],
    rule: 'rename-column',
    reason: `${shownColumn(table, old)} goes by both names, kept in step whichever is written, until the release that knows only ${shown(old)} is gone`,
    waitFor: { names: [successor], stage: 'contract' },
  };
};

/** What was kept beside it has just gone: its name is free. */
const takesPlaceOf = (unit: Unit, name: string, { before }: Situation): boolean =>
  before.some(
    (other) =>
      isOnSameTable(unit, other) &&
      actionOf(other)?.subtype === 'AT_DropColumn' &&
      actionOf(other)?.name === name,
  ) || before.some((other) => isOnSameTable(unit, other) && renameIn(other)?.subname === name);

/** Another column takes its name in the same migration. */
const givesWayTo = (unit: Unit, name: string, { rest }: Situation): boolean =>
  rest.some((other) => isOnSameTable(unit, other) && renameIn(other)?.newname === name);

function isOnSameTable(one: Unit, other: Unit): boolean {
  const [a, b] = [relationOf(one), relationOf(other)];
  return a !== undefined && b !== undefined && a.relname === b.relname;
}

const relationOf = ({ statement: { node } }: Unit): { relname?: string } | undefined => {
  if ('AlterTableStmt' in node) return node.AlterTableStmt.relation;
  return 'RenameStmt' in node ? node.RenameStmt.relation : undefined;
};

function obstacleToCopy(table: CatalogRelation, name: string): string | undefined {
  const column = columnOf(table, name);
  if (column?.generated !== undefined || column?.identity === true) {
    return `the values of ${shownColumn(table, name)} are made by the server, and cannot be kept in step with a second column`;
  }
  if (column?.hasDefault === true && !column.notNull) {
    return `${shownColumn(table, name)} may be NULL and has a default: of a row that is inserted under the new name nobody could tell whether NULL was meant`;
  }
  return undefined;
}

/** For the queries of the next release; it goes with the column. */
function copyOf(
  index: CatalogRelation,
  { on, table, old, successor }: Pair,
  { names, catalog }: Situation,
): readonly string[] {
  if (index.index === undefined || index.index.isComputed || !index.index.columns.includes(old)) return [];
  const keys = index.index.keys.flatMap((key) => key ?? []);
  if (index.index.method !== 'btree' || keys.length !== index.index.columns.length) return [];
  const name = names.free(`${table.name.name}_${successor}`, '_idx', catalog);
  const columns = keys.map((key) => quoted(key === old ? successor : key)).join(', ');
  return [`CREATE INDEX CONCURRENTLY ${quoted(name)} ON ${on} (${columns})`];
}

export const renameTable: Rewriter = (unit, situation): Answer => {
  const rename = renameIn(unit);
  if (rename?.renameType !== 'OBJECT_TABLE') return undefined;
  const table = situation.catalog.find(rangeName(rename.relation));
  if (table === undefined || situation.isNew(table)) return undefined;
  const old = rangeName(rename.relation);
  const successor = { ...old, name: rename.newname ?? '' };
  if (situation.rest.some((other) => makesView(other, old.name))) return undefined;
  const columns = table.columns.map(({ name }) => quoted(name)).join(', ');
  return {
    groups: [
      expanding('together', [
        unit.statement.sql,
        `CREATE VIEW ${quotedName(old)} WITH (security_invoker = true) AS SELECT ${columns} FROM ${quotedName(successor)}`,
      ]),
      contracting('either', [`DROP VIEW ${quotedName(old)}`]),
    ],
    rule: 'rename-table',
    reason: `the running release goes on with ${shownTable(table)}, which is a view then that can be read and written; grant on it what roles other than the owner had on the table`,
  };
};

const makesView = ({ statement: { node } }: Unit, name: string): boolean =>
  'ViewStmt' in node && node.ViewStmt.view?.relname === name;

export const renameIn = ({ statement: { node } }: Unit): RenameStmt | undefined =>
  'RenameStmt' in node ? node.RenameStmt : undefined;

/** The two names of an enum's value cannot both be valid in one column. */
export const renameValue: Rewriter = ({ statement: { node } }): Answer => {
  if (!('AlterEnumStmt' in node) || node.AlterEnumStmt.oldVal === undefined) return undefined;
  const { oldVal, newVal = '' } = node.AlterEnumStmt;
  return {
    refused: `a release that knows '${oldVal}' cannot read '${newVal}', nor the other way round: add '${newVal}', deploy a release that knows both and writes the new one, update the rows as a backfill, and only then remove '${oldVal}'`,
  };
};
