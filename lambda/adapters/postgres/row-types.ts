/**
 * How values arrive: exact numbers stay text, instants become Dates, and nothing depends on the machine's time zone.
 *
 * `timestamp` without time zone is read as UTC, because that is what Prisma writes into it; `pg` alone would read it as
 * local time. Dates end at milliseconds: a comparison that needs the microseconds casts to text in SQL. `date` and
 * `interval` stay text, since neither is an instant.
 */
import { types } from 'pg';

const OID = {
  text: 25,
  textArray: 1009,
  date: 1082,
  dateArray: 1182,
  timestamp: 1114,
  timestampArray: 1115,
  timestamptz: 1184,
  interval: 1186,
  intervalArray: 1187,
  numericArray: 1231,
} as const;

type Parser = (text: string) => unknown;

const parserOf = (oid: number): Parser => types.getTypeParser(oid, 'text') as Parser;
const asIs: Parser = (text) => text;

/** `infinity` and dates BC carry no offset of their own; both are understood by the parser for `timestamptz`. */
const asUtc: Parser = (text) => {
  const parseInstant = parserOf(OID.timestamptz);
  if (text.includes('infinity')) return parseInstant(text);
  return parseInstant(text.endsWith(' BC') ? `${text.slice(0, -3)}+00 BC` : `${text}+00`);
};

/** Arrays of other than one dimension nest; only the leaves are values. */
const mapLeaves = (value: unknown, parse: Parser): unknown =>
  Array.isArray(value)
    ? value.map((item) => mapLeaves(item, parse))
    : typeof value === 'string'
      ? parse(value)
      : value;

const OVERRIDES: ReadonlyMap<number, Parser> = new Map<number, Parser>([
  [OID.date, asIs],
  [OID.interval, asIs],
  [OID.timestamp, asUtc],
  [OID.dateArray, (text) => parserOf(OID.textArray)(text)],
  [OID.intervalArray, (text) => parserOf(OID.textArray)(text)],
  [OID.numericArray, (text) => parserOf(OID.textArray)(text)],
  [OID.timestampArray, (text) => mapLeaves(parserOf(OID.textArray)(text), asUtc)],
]);

export const rowTypes = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    (format !== 'binary' && OVERRIDES.get(oid)) ||
    types.getTypeParser(oid, format)) as typeof types.getTypeParser,
};
