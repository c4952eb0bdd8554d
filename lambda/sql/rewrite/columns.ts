/** New columns that would write or read a table in full: nullable first, their default for new rows, a backfill, then what they require. */
import type { ColumnDef, Constraint } from 'libpg-query';
import type { CatalogColumn, CatalogRelation } from '../catalog';
import { effectsOf } from '../effects/effects';
import { nameParts, quoted, shown } from '../names';
import { constraintAnswer, definition } from './constraints';
import { type Answer, expanding, type Group, type Rewriter, type Situation } from './draft';
import { chosenName } from './names';
import { requireGroup } from './not-null';
import {
  alter,
  backfillObstacle,
  columnOf,
  shownColumn,
  shownTable,
  tableInUse,
  tableText,
  touchesRows,
} from './tables';
import { actionOf, type Unit } from './units';

export const addColumn: Rewriter = async (unit, situation) => {
  const action = actionOf(unit);
  const table = tableInUse(unit, situation);
  if (action?.subtype !== 'AT_AddColumn' || action.def === undefined || table === undefined) return undefined;
  if (!('ColumnDef' in action.def) || !touchesRows(unit, situation)) return undefined;
  const isComputed = effectsOf(unit.statement, situation.catalog).rewrites.length > 0;
  const parts = { ...partsOf(unit, action.def.ColumnDef), isComputed };
  if (columnOf(table, parts.name) !== undefined) return undefined;
  return answer({ unit, situation, table, parts });
};

interface Parts {
  readonly name: string;
  /** With its collation. */
  readonly type: string;
  readonly serial: string | undefined;
  readonly defaultText: string | undefined;
  /** Each row has a value of its own. */
  readonly isComputed: boolean;
  readonly isRequired: boolean;
  readonly rest: readonly { readonly constraint: Constraint; readonly text: string }[];
}

interface Addition {
  readonly unit: Unit;
  readonly situation: Situation;
  readonly table: CatalogRelation;
  readonly parts: Parts;
}

/** What these are is only known once each row has its own. */
const SERIALS: Readonly<Record<string, string>> = {
  serial: 'integer',
  serial4: 'integer',
  bigserial: 'bigint',
  serial8: 'bigint',
  smallserial: 'smallint',
  serial2: 'smallint',
};

const ATTRIBUTES: readonly string[] = [
  'CONSTR_ATTR_DEFERRABLE',
  'CONSTR_ATTR_NOT_DEFERRABLE',
  'CONSTR_ATTR_DEFERRED',
  'CONSTR_ATTR_IMMEDIATE',
  'CONSTR_ATTR_ENFORCED',
  'CONSTR_ATTR_NOT_ENFORCED',
];

function partsOf({ text }: Unit, column: ColumnDef): Omit<Parts, 'isComputed'> {
  const own = (column.constraints ?? []).flatMap((node) => ('Constraint' in node ? [node.Constraint] : []));
  const collation = column.collClause?.location;
  const starts = [
    ...own.map(({ location }) => location ?? 0),
    ...(collation === undefined ? [] : [collation]),
  ];
  const endOf = (from: number): number =>
    Math.min(...starts.filter((start) => start > from), Number.MAX_SAFE_INTEGER);
  const slice = (from: number): string => text.between(from, endOf(from));
  const typeAt = column.typeName?.location ?? 0;
  const written = (column.typeName?.names ?? []).flatMap(nameParts);
  const serial = written.length === 1 ? SERIALS[written[0] ?? ''] : undefined;
  const byDefault = own.find(({ contype }) => contype === 'CONSTR_DEFAULT');
  const afterKeyword = text.words.find(({ start }) => start > (byDefault?.location ?? 0))?.start ?? 0;
  return {
    name: column.colname ?? '',
    type: [serial ?? slice(typeAt), ...(collation === undefined ? [] : [slice(collation)])].join(' '),
    serial,
    defaultText:
      byDefault === undefined ? undefined : text.between(afterKeyword, endOf(byDefault.location ?? 0)),
    isRequired: serial !== undefined || own.some(({ contype }) => contype === 'CONSTR_NOTNULL'),
    rest: withAttributes(own, (constraint) => definition(text, constraint, endOf(constraint.location ?? 0))),
  };
}

/** `DEFERRABLE` and its like belong to the constraint before them. */
function withAttributes(
  own: readonly Constraint[],
  textOf: (constraint: Constraint) => string,
): readonly { constraint: Constraint; text: string }[] {
  const rest: { constraint: Constraint; text: string }[] = [];
  for (const constraint of own) {
    const last = rest.at(-1);
    const text = textOf(constraint);
    if (ATTRIBUTES.includes(constraint.contype ?? '')) {
      if (last !== undefined) rest[rest.length - 1] = { ...last, text: `${last.text} ${text}` };
    } else if (!['CONSTR_NOTNULL', 'CONSTR_NULL', 'CONSTR_DEFAULT'].includes(constraint.contype ?? '')) {
      rest.push({ constraint, text });
    }
  }
  return rest;
}

function answer(addition: Addition): Answer {
  const { unit, situation, table, parts } = addition;
  const reason = obstacle(addition);
  if (reason !== undefined) return { refused: reason };
  const on = tableText(unit);
  const comes = coming(on, addition);
  if (comes === undefined) return { refused: 'the name that its sequence would have is taken' };
  const groups: Group[] = [comes];
  const isFilled = parts.serial !== undefined || parts.defaultText !== undefined;
  if (parts.isRequired && !(isFilled && !parts.isComputed)) {
    const required = requireGroup(on, parts.name, table, situation);
    groups.push(isFilled ? required : { ...required, stage: 'contract' });
  }
  for (const one of parts.rest) {
    const more = constraintOf(addition, one);
    if (more === undefined || !('groups' in more))
      return more ?? { refused: `${one.text} cannot be told apart` };
    groups.push(...more.groups);
  }
  const rule = parts.isRequired && !isFilled ? 'add-required-column' : 'add-column-rewrites';
  return { groups, rule, reason: reasonOf(addition) };
}

/** The column itself, with its values. */
function coming(on: string, addition: Addition): Group | undefined {
  const { table, parts, situation } = addition;
  const { defaultText } = parts;
  const name = quoted(parts.name);
  if (parts.serial !== undefined) {
    const sequence = chosenName(table, [parts.name], 'seq', situation.catalog);
    return sequence === undefined ? undefined : numbered(on, sequence, addition);
  }
  if (defaultText === undefined) return expanding('either', [alter(on, `ADD COLUMN ${name} ${parts.type}`)]);
  if (parts.isComputed) {
    const nullable = `ADD COLUMN ${name} ${parts.type}`;
    const byDefault = `ALTER COLUMN ${name} SET DEFAULT ${defaultText}`;
    return expanding('apart', [alter(on, nullable, byDefault), backfill(on, name, defaultText)]);
  }
  // One value for all rows that are there is kept once, in the catalog.
  const required = parts.isRequired ? ' NOT NULL' : '';
  return expanding('either', [
    alter(on, `ADD COLUMN ${name} ${parts.type} DEFAULT ${defaultText}${required}`),
  ]);
}

function reasonOf({ table, parts }: Addition): string {
  const name = shownColumn(table, parts.name);
  if (parts.isComputed) {
    return `a value of its own for each row would write ${shownTable(table)} anew under lock: ${shown(parts.name)} is nullable first, new rows get the default at once, the others in batches, and then it is required`;
  }
  if (parts.isRequired && parts.defaultText === undefined) {
    return `no value is known for rows that are there: ${name} comes nullable, and the contract migration requires it; it stops as long as a row has none, and goes on when it is run again`;
  }
  return `what ${name} requires is proven while ${shownTable(table)} can be read and written`;
}

function obstacle({ situation, table, parts }: Addition): string | undefined {
  for (const { constraint } of parts.rest) {
    if (constraint.contype === 'CONSTR_GENERATED') {
      return `the values of a stored generated column are computed while ${shownTable(table)} is locked: make it VIRTUAL (Postgres 18), or a plain column that the application or a trigger fills`;
    }
    if (constraint.contype === 'CONSTR_IDENTITY') {
      return `an identity column is numbered while ${shownTable(table)} is locked: add a plain column, fill it in batches, and then ADD GENERATED … AS IDENTITY, RESTART behind the last number`;
    }
  }
  if (!parts.isComputed) return undefined;
  return backfillObstacle(table, situation.catalog);
}

/** As Postgres spells SERIAL out, but for the rows that are there. */
function numbered(on: string, sequence: string, { table, parts }: Addition): Group {
  const name = quoted(parts.name);
  const place =
    table.name.schema === 'public' ? quoted(sequence) : `${quoted(table.name.schema)}.${quoted(sequence)}`;
  const next = `nextval('${place.replaceAll("'", "''")}')`;
  return expanding('apart', [
    `CREATE SEQUENCE ${place} AS ${parts.type}`,
    alter(on, `ADD COLUMN ${name} ${parts.type}`, `ALTER COLUMN ${name} SET DEFAULT ${next}`),
    `ALTER SEQUENCE ${place} OWNED BY ${on}.${name}`,
    backfill(on, name, next),
  ]);
}

const backfill = (on: string, name: string, value: string): string =>
  `-- godwit:backfill\nUPDATE ${on} SET ${name} = ${value} WHERE ${name} IS NULL`;

function constraintOf(
  { unit, situation, table, parts }: Addition,
  { constraint, text }: { constraint: Constraint; text: string },
): Answer {
  const key = { String: { sval: parts.name } };
  const own: Constraint =
    constraint.contype === 'CONSTR_FOREIGN'
      ? { ...constraint, fk_attrs: [key] }
      : { ...constraint, keys: [key] };
  const isCheck = constraint.contype === 'CONSTR_CHECK';
  const withColumn =
    constraint.contype === 'CONSTR_FOREIGN' ? `FOREIGN KEY (${quoted(parts.name)}) ${text}` : text;
  const known = { ...table, columns: [...table.columns, newColumn(parts)] };
  const made = isCheck ? { ...own, keys: [] } : own;
  return constraintAnswer({
    unit,
    situation: { ...situation, joined: [] },
    table: known,
    constraint: made,
    text: withColumn,
  });
}

const newColumn = ({ name, type, isRequired }: Parts): CatalogColumn => ({
  name,
  typeName: type,
  isDefaultVolatile: false,
  type: 0,
  typmod: -1,
  collation: 0,
  notNull: isRequired,
  hasDefault: false,
  generated: undefined,
  identity: false,
});
