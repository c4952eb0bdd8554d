/** Opens a drafted `down.sql` with what must be known of it: that it is a draft, and what it loses or cannot bring back. */
import { placeOf } from '../../lambda/domain/lost-write';
import type { DraftMigration } from '../../lambda/ports/schema-engine';
import { nameParts, quotedName, rangeName } from '../../lambda/sql/names';
import { type Node, parseScript } from '../../lambda/sql/parse';
import { placesLost } from '../../lambda/sql/places-lost';

export async function downDraft({ sql, downSql }: DraftMigration): Promise<string> {
  const [up, down] = [await parseScript(sql), await parseScript(downSql)];
  const lost = placesLost(down.statements).map((place) => lineOf(place, 'former'));
  const gone = placesLost(up.statements).map((place) => lineOf(place, 'new'));
  const refusing = down.statements.flatMap(({ node }) => columnsThatRefuseRows(node));
  return [
    '-- A draft, from the difference between the two schemas. Read it, and complete it where data must come back:',
    '-- the rehearsal runs the migration, this script and the migration again on a clone, and compares the rows.',
    ...section('It loses what is written after the migration to:', lost),
    ...section('It does not bring back what the migration takes away:', gone),
    ...section('It fails where the table holds rows, unless it gives them their values first:', refusing),
    '',
    downSql,
  ].join('\n');
}

const lineOf = (place: ReturnType<typeof placesLost>[number], type: 'former' | 'new'): string =>
  place.how === 'overwritten'
    ? `${placeOf(place)}, as far as its ${type} type cannot hold it`
    : placeOf(place);

const section = (title: string, places: readonly string[]): readonly string[] =>
  places.length === 0 ? [] : ['--', `-- ${title}`, ...places.map((place) => `--   ${onOneLine(place)}`)];

/** A line break in a name would end the comment, and the rest of the name be SQL. */
const onOneLine = (name: string): string => name.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');

/** Columns added as NOT NULL without a default. */
function columnsThatRefuseRows(node: Node): readonly string[] {
  if (!('AlterTableStmt' in node)) return [];
  const table = quotedName(rangeName(node.AlterTableStmt.relation));
  return (node.AlterTableStmt.cmds ?? []).flatMap((command) => {
    const { subtype, def } = 'AlterTableCmd' in command ? command.AlterTableCmd : {};
    if (subtype !== 'AT_AddColumn' || def === undefined || !('ColumnDef' in def)) return [];
    const kinds = (def.ColumnDef.constraints ?? []).flatMap((constraint) =>
      'Constraint' in constraint ? [constraint.Constraint.contype] : [],
    );
    const hasValue = kinds.includes('CONSTR_DEFAULT') || isSerial(def.ColumnDef.typeName?.names);
    if (!kinds.includes('CONSTR_NOTNULL') || hasValue) return [];
    return [placeOf({ table, column: def.ColumnDef.colname ?? '' })];
  });
}

/** Their default is a sequence. */
const isSerial = (names: readonly Node[] = []): boolean =>
  names.flatMap(nameParts).some((name) => ['smallserial', 'serial', 'bigserial'].includes(name));
