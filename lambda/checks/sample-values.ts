/** A value for a column of a sample row, as an SQL expression: different in each row, NULL now and then. */
import { literal } from '../sql/names';
import type { ProbeColumn } from './probes/columns';

/** What constraints tend to demand, tried in turn. */
export const PALETTES = ['plain', 'hexadecimal', 'address', 'descending', 'defaults'] as const;
export type Palette = (typeof PALETTES)[number];

export interface Place {
  /** From 1. */
  readonly row: number;
  /** Of the column, from 0. */
  readonly position: number;
  readonly palette: Palette;
}

/** `undefined`: it is left to its default, or NULL. */
export function sampleValue(column: ProbeColumn, place: Place): string | undefined {
  const { row, position, palette } = place;
  if (palette === 'defaults' && !column.isKey)
    return column.isNullable ? undefined : typedValue(column, place);
  if (column.isNullable && !column.isKey && (row + position) % 4 === 0) return undefined;
  return typedValue(column, place);
}

function typedValue(column: ProbeColumn, place: Place): string | undefined {
  if (column.isArray) return `'{}'::${column.type}`;
  const { labels } = column;
  if (labels !== null && labels.length > 0) {
    return `${literal(labels[place.row % labels.length] ?? '')}::${column.type}`;
  }
  const value = VALUES[column.base]?.(place, column);
  return value === undefined ? undefined : `(${value})::${column.type}`;
}

type Value = (place: Place, column: ProbeColumn) => string;

const MODIFIER_HEADER = 4;

/** The number comes first: it survives being cut. */
const text: Value = ({ row, palette }, { base, modifier }) => {
  const length = base !== 'text' && modifier >= MODIFIER_HEADER ? modifier - MODIFIER_HEADER : 66;
  const hex = (digits: number): string => `0x${row.toString(16).padStart(digits, 'a')}`;
  const written: Readonly<Record<Palette, string>> = {
    plain: `${row} sample`,
    hexadecimal: length >= 66 ? hex(40) : hex(Math.max(1, Math.min(40, length - 2))),
    address: `sample${row}@example.org`,
    descending: `${row}`,
    defaults: `https://example.org/${row}`,
  };
  return literal(written[palette].slice(0, length));
};

const whole: Value = ({ row, palette }) => (palette === 'descending' ? `${100 - row}` : `${row}`);

const numeric: Value = ({ row, palette }, { modifier }) => {
  const scale = modifier < MODIFIER_HEADER ? 2 : (modifier - MODIFIER_HEADER) & 0x7ff;
  const precision = modifier < MODIFIER_HEADER ? 10 : (modifier - MODIFIER_HEADER) >> 16;
  const digits = precision - scale < 2 ? row / 100 : row + 0.25;
  return palette === 'address' ? '0' : digits.toFixed(Math.min(scale, 10));
};

/** Later columns hold later times, or earlier ones: one of the two is how they have to be. */
const moment: Value = ({ row, position, palette }) => {
  const days = palette === 'descending' ? 60 - position : position;
  return `timestamp '2026-01-01 00:00:00' + interval '${days} days ${row} hours'`;
};

const VALUES: Readonly<Record<string, Value>> = {
  text,
  varchar: text,
  bpchar: text,
  citext: text,
  name: text,
  int2: whole,
  int4: whole,
  int8: whole,
  numeric,
  float4: numeric,
  float8: numeric,
  money: whole,
  bool: ({ row }) => `${row % 2 === 0}`,
  date: moment,
  timestamp: moment,
  timestamptz: (place, column) => `(${moment(place, column)}) AT TIME ZONE 'UTC'`,
  time: ({ row }) => `time '00:00' + interval '${row} hours'`,
  interval: ({ row }) => `interval '${row} hours'`,
  uuid: ({ row }) => `md5('${row}')::uuid`,
  json: ({ row }) => `'{"sample": ${row}}'`,
  jsonb: ({ row }) => `'{"sample": ${row}}'`,
  bytea: ({ row }) => `'\\x${row.toString(16).padStart(2, '0')}'`,
  inet: ({ row }) => `'192.0.2.${row}'`,
};
