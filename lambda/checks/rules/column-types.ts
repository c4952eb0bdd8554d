/** Tells what a change of type means for the values that are there, and for whoever reads and writes the old type. */
import type { ColumnDef } from 'libpg-query';
import type { Catalog, CatalogColumn, CatalogType } from '../../sql/catalog';
import { nameParts, qualifiedName, shown } from '../../sql/names';
import type { Node } from '../../sql/parse';

type Family = 'text' | 'number' | 'time' | 'truth' | 'json' | 'bytes' | 'uuid' | 'enum';

const FAMILIES: Readonly<Record<Exclude<Family, 'enum'>, readonly string[]>> = {
  text: ['text', 'varchar', 'bpchar', 'name', 'citext'],
  number: ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'money'],
  time: ['date', 'timestamp', 'timestamptz', 'time', 'timetz'],
  truth: ['bool'],
  json: ['json', 'jsonb'],
  bytes: ['bytea'],
  uuid: ['uuid'],
};

interface Shape {
  readonly name: string;
  readonly family: Family | undefined;
  readonly isArray: boolean;
  /** Modifiers as written: length, or precision and scale. */
  readonly limits: readonly number[];
  readonly type: CatalogType | undefined;
}

export interface TypeChange {
  readonly from: Shape;
  readonly to: Shape;
  readonly words: string;
  /** Without USING, no assignment cast leads from the one to the other. */
  readonly needsUsing: boolean;
  /** What of the values may be lost or refused. */
  readonly narrows: string | undefined;
  /** Whoever knows the old type can neither read nor write the new one. */
  readonly isOtherFamily: boolean;
}

/** `undefined` for a type of which too little is known. */
export function changeOf(
  column: CatalogColumn,
  definition: ColumnDef,
  catalog: Catalog,
): TypeChange | undefined {
  const from = shapeOfColumn(column, catalog);
  const to = shapeOfDefinition(definition, catalog);
  if (from === undefined) return undefined;
  const isOtherFamily =
    from.isArray !== to.isArray ||
    (from.family !== undefined && to.family !== undefined && from.family !== to.family);
  const isOtherEnum = from.family === 'enum' && to.family === 'enum' && from.name !== to.name;
  return {
    from,
    to,
    words: `${column.typeName} to ${wordsOf(to)}`,
    needsUsing:
      definition.raw_default === undefined &&
      ((isOtherFamily && (to.family !== 'text' || to.isArray)) || isOtherEnum),
    narrows: from.isArray || to.isArray ? undefined : narrowing(from, to),
    isOtherFamily,
  };
}

const familyOf = (name: string, type: CatalogType | undefined): Family | undefined =>
  type?.kind === 'enum'
    ? 'enum'
    : (Object.entries(FAMILIES).find(([, names]) => names.includes(name))?.[0] as Family | undefined);

function shapeOfColumn({ type: oid, typmod }: CatalogColumn, catalog: Catalog): Shape | undefined {
  const type = catalog.type(oid);
  if (type === undefined) return undefined;
  // An array's name is that of its elements, with an underscore before it.
  const isArray = type.name.name.startsWith('_');
  const name = isArray ? type.name.name.slice(1) : type.name.name;
  return { name, family: familyOf(name, type), isArray, limits: limitsOf(name, typmod), type };
}

function shapeOfDefinition({ typeName }: ColumnDef, catalog: Catalog): Shape {
  const parts = (typeName?.names ?? []).flatMap(nameParts);
  const type = catalog.findType(qualifiedName(parts));
  const name = parts.at(-1) ?? '';
  return {
    name,
    family: familyOf(name, type),
    isArray: (typeName?.arrayBounds ?? []).length > 0,
    limits: numbersOf(typeName?.typmods),
    type,
  };
}

const numbersOf = (modifiers: readonly Node[] | undefined): readonly number[] =>
  (modifiers ?? []).flatMap((node) => ('A_Const' in node ? [node.A_Const.ival?.ival ?? 0] : []));

const HEADER = 4;

function limitsOf(name: string, typmod: number): readonly number[] {
  if (typmod < 0) return [];
  if (name === 'numeric') return [(typmod - HEADER) >> 16, (typmod - HEADER) & 0x7ff];
  return name === 'varchar' || name === 'bpchar' ? [typmod - HEADER] : [typmod];
}

/** As people write it. */
const wordsOf = ({ name, limits, isArray }: Shape): string =>
  `${WORDS[name] ?? shown(name)}${limits.length > 0 ? `(${limits.join(',')})` : ''}${isArray ? '[]' : ''}`;

const WORDS: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bpchar: 'char',
  bool: 'boolean',
};

const WIDTH: Readonly<Record<string, number>> = {
  int2: 1,
  int4: 2,
  int8: 3,
  float4: 4,
  float8: 5,
  numeric: 6,
};

function narrowing(from: Shape, to: Shape): string | undefined {
  if (from.family === 'number' && to.family === 'number') return narrowNumber(from, to);
  if (from.family === 'text' && to.family === 'text') return narrowText(from, to);
  if (from.family === 'time' && to.family === 'time') return narrowTime(from, to);
  const removed =
    from.family === 'enum' && to.family === 'enum'
      ? (from.type?.values ?? []).filter((value) => to.type?.values.includes(value) === false)
      : [];
  return removed.length === 0
    ? undefined
    : `a row that has ${removed.map((value) => `'${value}'`).join(' or ')} cannot be cast, and the migration fails`;
}

function narrowNumber(from: Shape, to: Shape): string | undefined {
  if (from.name === 'numeric' && to.name === 'numeric') {
    const [precision = Infinity, scale = Infinity] = from.limits;
    const [newPrecision, newScale = 0] = to.limits;
    if (newPrecision === undefined) return undefined;
    if (newScale < scale) return `digits behind the ${newScale}th are rounded away, silently and for good`;
    const whole = precision - scale;
    return Number.isNaN(whole) || newPrecision - newScale < whole
      ? 'a value with more digits before the point makes it fail (22003)'
      : undefined;
  }
  const isExact = (name: string): boolean => !['float4', 'float8', 'money'].includes(name);
  if (isExact(from.name) && !isExact(to.name) && from.name !== 'int2') {
    return `${WORDS[to.name] ?? to.name} is not exact: digits are lost silently`;
  }
  if ((WIDTH[to.name] ?? 0) >= (WIDTH[from.name] ?? 0)) return undefined;
  const loss =
    isExact(from.name) && from.name !== 'numeric' ? '' : 'fractions are rounded away silently, and ';
  return `${loss}a value out of its range makes it fail (22003)`;
}

function narrowText(from: Shape, to: Shape): string | undefined {
  const [limit = Infinity] = from.limits;
  const isBlankPadded = to.name === 'bpchar';
  const [newLimit = isBlankPadded ? 1 : Infinity] = to.limits;
  return newLimit < limit
    ? 'a longer value makes it fail (22001), or is cut where USING casts it'
    : undefined;
}

function narrowTime(from: Shape, to: Shape): string | undefined {
  if (to.name === 'date' && from.name !== 'date') return 'the time of day is lost';
  if (to.name.startsWith('time') && !to.name.startsWith('timestamp') && from.name.startsWith('timestamp')) {
    return 'the date is lost';
  }
  const [digits = 6] = from.limits;
  const [newDigits = 6] = to.limits;
  if (from.name !== 'date' && to.name !== 'date' && newDigits < digits)
    return 'fractions of seconds are rounded away';
  const zones = ['timestamptz', 'timestamp'];
  return from.name !== to.name && zones.includes(from.name) && zones.includes(to.name)
    ? "values are converted by the migrating session's TimeZone, whichever that is"
    : undefined;
}

/** Whether values of the column are numbers that can be NaN. */
export const holdsNaN = (column: CatalogColumn, catalog: Catalog): boolean =>
  ['numeric', 'float4', 'float8'].includes(catalog.type(column.type)?.name.name ?? '');

export const isEnum = (column: CatalogColumn, catalog: Catalog): boolean =>
  catalog.type(column.type)?.kind === 'enum';
