/** Another value for a column of a table `t`, as an SQL expression: one that a down script must carry over exactly, and easily does not. */
import { quoted } from '../../sql/names';
import type { ProbeColumn } from './columns';

/**
 * `undefined` where nothing is known of the type. Changed is the finest part that the type holds, and where its type
 * was narrower `before` the migration, so much that the former one could not hold it.
 */
export function otherValue(column: ProbeColumn, before: ProbeColumn | undefined): string | undefined {
  const value = `t.${quoted(column.name)}`;
  // Joined to itself; an empty one stays as it is.
  if (column.isArray) return `${value} || ${value}`;
  return EXPRESSIONS[column.base]?.(value, column, before);
}

/**
 * For types of a few values, which one row after the other takes: a script that sets a constant leaves another one
 * nowhere. Those that the former type could not hold come first.
 */
export function otherChoices(
  { base, labels }: ProbeColumn,
  before: ProbeColumn | undefined,
  current: readonly (string | null)[],
): readonly string[] | undefined {
  const former = before?.labels ?? [];
  const choices =
    base === 'bool'
      ? ['true', 'false']
      : [...(labels ?? [])].sort((a, b) => Number(former.includes(a)) - Number(former.includes(b)));
  if (choices.length < 2) return undefined;
  const inTurn = (shift: number): readonly string[] =>
    current.map((_, row) => choices[(row + shift) % choices.length] ?? '');
  const first = inTurn(0);
  return first.every((choice, row) => choice === current[row]) ? inTurn(1) : first;
}

type Expression = (value: string, column: ProbeColumn, before: ProbeColumn | undefined) => string;

const plus =
  (nothing: string, step: string): Expression =>
  (value) =>
    `coalesce(${value}, ${nothing}) + ${step}`;

const integer: Expression = (value, { base }, before) => {
  const isWider = before !== undefined && (INTEGER_BYTES[base] ?? 0) > (INTEGER_BYTES[before.base] ?? 8);
  return `coalesce(${value}, 0) + ${isWider ? 2 ** (8 * (INTEGER_BYTES[before.base] ?? 8) - 1) : 1}`;
};

const INTEGER_BYTES: Readonly<Record<string, number>> = { int2: 2, int4: 4, int8: 8 };

const text: Expression = (value, column, before) => {
  const other = `translate(${value}, '${PLAIN}', '${SHIFTED}')`;
  const changed = `coalesce(case when ${other} = ${value} then ${value} || 'g' else ${other} end, 'g')`;
  if (before !== undefined && EXPRESSIONS[before.base] !== text) return `${changed} || 'g'`;
  const former = before === undefined ? undefined : lengthOf(before);
  const length = lengthOf(column) ?? Number.POSITIVE_INFINITY;
  return former !== undefined && length > former ? `rpad(${changed}, ${former + 1}, 'g')` : changed;
};

/** Length, spaces, punctuation and case stay; hexadecimal digits stay such, and so does the `0x` before them. */
const PLAIN = '123456789abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const SHIFTED = '234567891bcdefahijklmnopqrstuvwyzgBCDEFAHIJKLMNOPQRSTUVWXYZG';

const CHARACTER_TYPES: readonly string[] = ['varchar', 'bpchar'];

/** In characters; a modifier counts four bytes more. */
const lengthOf = ({ base, modifier }: ProbeColumn): number | undefined =>
  CHARACTER_TYPES.includes(base) && modifier >= 4 ? modifier - 4 : undefined;

const numeric: Expression = (value, column, before) => {
  const [now, former] = [digitsOf(column), before === undefined ? undefined : digitsOf(before)];
  const isFiner = former === undefined || (now?.scale ?? former.scale + 1) > former.scale;
  const holdsMore = former !== undefined && (now === undefined || now.whole > former.whole);
  if (!isFiner && holdsMore) return `coalesce(${value}, 0) + 1e${former.whole}`;
  const scale = now?.scale ?? (former === undefined ? 0 : former.scale + 1);
  return `coalesce(${value}, 0) + 1e${-scale}`;
};

/** Digits before and after the point; `undefined` without limit. */
function digitsOf({ base, modifier }: ProbeColumn): { whole: number; scale: number } | undefined {
  const integral = INTEGER_DIGITS[base];
  if (integral !== undefined) return { whole: integral, scale: 0 };
  if (base !== 'numeric' || modifier < 4) return undefined;
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  return { whole: ((modifier - 4) >> 16) - scale, scale };
}

const INTEGER_DIGITS: Readonly<Record<string, number>> = { int2: 5, int4: 10, int8: 19 };

/** Digits of a second; without a modifier, six. */
const moment =
  (nothing: string): Expression =>
  (value, { modifier }) =>
    `coalesce(${value}, ${nothing}) + interval '1 second' / 1e${modifier < 0 ? 6 : modifier}`;

const json =
  (type: 'json' | 'jsonb'): Expression =>
  (value) =>
    `jsonb_build_object('godwit', ${value})::${type}`;

const EXPRESSIONS: Readonly<Record<string, Expression>> = {
  int2: integer,
  int4: integer,
  int8: integer,
  numeric,
  float4: plus('0', '0.5'),
  float8: plus('0', '0.123456789'),
  money: plus('0::money', '0.01::money'),
  text,
  varchar: text,
  bpchar: text,
  citext: text,
  date: plus("date '2000-01-01'", '1'),
  timestamp: moment("timestamp '2000-01-01'"),
  timestamptz: moment("timestamptz '2000-01-01'"),
  time: moment("time '12:00'"),
  timetz: moment("timetz '12:00+00'"),
  interval: plus("interval '0'", "interval '1 second'"),
  uuid: () => 'gen_random_uuid()',
  json: json('json'),
  jsonb: json('jsonb'),
  bytea: (value) => `coalesce(${value}, '') || '\\x67'::bytea`,
  inet: plus("inet '192.0.2.1'", '1'),
};
