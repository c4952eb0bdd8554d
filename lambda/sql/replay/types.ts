/** What a type's name stands for, and how a column's type is written. */
import type { TypeName } from 'libpg-query';
import { typmodOf } from '../effects/types';
import { nameParts, qualifiedName, shown, shownName } from '../names';
import type { Node } from '../parse';
import { CATALOG_SCHEMA } from './built-ins';
import type { ReplayedState } from './state';
import { type ReplayedType, whole } from './things';

export interface TypeOfColumn {
  readonly type: number;
  readonly typmod: number;
  readonly collation: number;
}

export const UNLIMITED = -1;

const SERIALS: Readonly<Record<string, string>> = {
  smallserial: 'int2',
  serial2: 'int2',
  serial: 'int4',
  serial4: 'int4',
  bigserial: 'int8',
  serial8: 'int8',
};

/** The integer type behind `serial` and the like. */
export function serialOf(typeName: TypeName | undefined): string | undefined {
  const parts = (typeName?.names ?? []).flatMap(nameParts);
  return parts.length === 1 ? SERIALS[parts[0] ?? ''] : undefined;
}

/** A type that nothing made so far (an extension may have) is taken to exist from here on. */
export function resolveType(typeName: TypeName | undefined, state: ReplayedState): TypeOfColumn {
  const name = qualifiedName((typeName?.names ?? []).flatMap(nameParts));
  const serial = serialOf(typeName);
  const known = state.findType(serial === undefined ? name : { schema: CATALOG_SCHEMA, name: serial });
  const type = known ?? makeType(name, state);
  const isArray = (typeName?.arrayBounds ?? []).length > 0 && type.array !== 0;
  return {
    type: isArray ? type.array : type.oid,
    typmod: modifierOf(type, typeName?.typmods),
    collation: type.collation,
  };
}

function makeType({ schema, name }: { schema: string | undefined; name: string }, state: ReplayedState) {
  return addType({ schema: schema ?? state.currentSchema, name }, {}, state);
}

/** With the type of its arrays. */
export function addType(
  { schema, name }: { readonly schema: string; readonly name: string },
  more: Partial<ReplayedType>,
  state: ReplayedState,
): ReplayedType {
  const type: ReplayedType = {
    class: 'type',
    oid: state.newOid(),
    schema,
    name,
    kind: 'base',
    array: state.newOid(),
    element: undefined,
    collation: 0,
    base: undefined,
    baseTypmod: UNLIMITED,
    notNull: false,
    checks: [],
    hasDefault: false,
    binaryTo: [],
    values: [],
    ...more,
  };
  state.put(type);
  state.put({
    ...type,
    oid: type.array,
    name: `_${name}`,
    kind: 'base',
    array: 0,
    element: type.oid,
    base: undefined,
    baseTypmod: UNLIMITED,
    notNull: false,
    checks: [],
    hasDefault: false,
    binaryTo: [],
    values: [],
  });
  state.depend(whole(type.array), whole(type.oid), 'internal');
  return type;
}

const FULL_RANGE = 0x7fff;
const FULL_PRECISION = 0xffff;

function modifierOf(type: ReplayedType, modifiers: readonly Node[] | undefined): number {
  if (type.schema === CATALOG_SCHEMA && type.name === 'interval') return intervalModifier(modifiers);
  return typmodOf({ name: type }, modifiers) ?? UNLIMITED;
}

/** Fields in the upper half, precision in the lower. */
function intervalModifier(modifiers: readonly Node[] | undefined): number {
  const [range, precision = FULL_PRECISION] = (modifiers ?? []).map((node) =>
    'A_Const' in node ? (node.A_Const.ival?.ival ?? 0) : 0,
  );
  if (range === undefined || (range === FULL_RANGE && precision === FULL_PRECISION)) return UNLIMITED;
  return ((range & FULL_RANGE) << 16) | (precision & FULL_PRECISION);
}

/** As `format_type` writes it. */
export function typeNameOf(
  { type, typmod }: Pick<TypeOfColumn, 'type' | 'typmod'>,
  state: ReplayedState,
): string {
  const found = state.type(type);
  if (found === undefined) return '???';
  const element = found.element === undefined ? undefined : state.type(found.element);
  return element === undefined ? plainName(found, typmod, state) : `${plainName(element, typmod, state)}[]`;
}

/** Names of the standard, where Postgres goes by another: before and after the limit. */
const STANDARD: Readonly<Record<string, readonly [before: string, after?: string]>> = {
  bool: ['boolean'],
  int2: ['smallint'],
  int4: ['integer'],
  int8: ['bigint'],
  float4: ['real'],
  float8: ['double precision'],
  numeric: ['numeric'],
  varchar: ['character varying'],
  bpchar: ['character'],
  bit: ['bit'],
  varbit: ['bit varying'],
  time: ['time', ' without time zone'],
  timetz: ['time', ' with time zone'],
  timestamp: ['timestamp', ' without time zone'],
  timestamptz: ['timestamp', ' with time zone'],
  interval: ['interval'],
};

function plainName(type: ReplayedType, typmod: number, state: ReplayedState): string {
  if (type.schema !== CATALOG_SCHEMA) {
    return state.findType({ schema: undefined, name: type.name })?.oid === type.oid
      ? shown(type.name)
      : shownName(type);
  }
  // Without a limit, `character` would mean one of 1.
  if (type.name === 'bpchar' && typmod === UNLIMITED) return 'bpchar';
  const [before, after = ''] = STANDARD[type.name] ?? [shownType(type.name)];
  return `${before}${limitOf(type.name, typmod)}${after}`;
}

/** The one built-in name that is a keyword. */
const shownType = (name: string): string => (name === 'char' ? '"char"' : shown(name));

const HEADER = 4;

function limitOf(name: string, typmod: number): string {
  if (typmod === UNLIMITED) return '';
  switch (name) {
    case 'varchar':
    case 'bpchar':
      return `(${typmod - HEADER})`;
    case 'numeric':
      return `(${((typmod - HEADER) >> 16) & 0xffff},${signed((typmod - HEADER) & 0x7ff)})`;
    case 'interval':
      return intervalLimit(typmod);
    default:
      return `(${typmod})`;
  }
}

/** A scale has eleven bits, and may be negative. */
const signed = (scale: number): number => (scale ^ 0x400) - 0x400;

const FIELDS: Readonly<Record<number, string>> = {
  4: ' year',
  2: ' month',
  8: ' day',
  1024: ' hour',
  2048: ' minute',
  4096: ' second',
  6: ' year to month',
  1032: ' day to hour',
  3080: ' day to minute',
  7176: ' day to second',
  3072: ' hour to minute',
  7168: ' hour to second',
  6144: ' minute to second',
};

function intervalLimit(typmod: number): string {
  const precision = typmod & FULL_PRECISION;
  const fields = FIELDS[(typmod >> 16) & FULL_RANGE] ?? '';
  return precision === FULL_PRECISION ? fields : `${fields}(${precision})`;
}
