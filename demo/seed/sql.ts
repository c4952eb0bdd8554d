/** Fragments of SQL from which every seeded value is derived: the same text gives the same row on any server. */

/** Fixed, so that two databases seeded months apart hold the same bytes. */
export const ANCHOR = "TIMESTAMP '2025-11-01 00:00:00'";

export interface TableSeed {
  readonly table: string;
  readonly sql: string;
}

interface Insert {
  readonly table: string;
  readonly from: string;
  /** Column by column, so that a name and its value cannot drift apart. */
  readonly values: Readonly<Record<string, string>>;
  readonly with?: string;
}

export function insert({ table, from, values, with: query }: Insert): TableSeed {
  const columns = Object.keys(values).map((column) => `"${column}"`);
  const expressions = Object.values(values);
  const prefix = query === undefined ? '' : `WITH ${query} `;
  const rows = `${prefix}SELECT ${expressions.join(', ')} FROM ${from}`;
  return { table, sql: `INSERT INTO "${table}" (${columns.join(', ')}) ${rows}` };
}

type Names = Readonly<Record<string, string>>;

/** Names for what is derived from the rows so far; later records may use the names of earlier ones. */
export function derive(...derived: readonly Names[]): string {
  const laterals = derived.map((names, level) => {
    const list = Object.entries(names).map(([name, expression]) => `${expression} AS ${name}`);
    return ` CROSS JOIN LATERAL (SELECT ${list.join(', ')} OFFSET 0) AS derived${level}`;
  });
  return laterals.join('');
}

/** `i` from 0 to count - 1, and what is derived from it. */
export const series = (count: number, ...derived: readonly Names[]): string =>
  `generate_series(0, ${count - 1}) AS i${derive(...derived)}`;

export const uuid = (table: string, n = 'i'): string => `md5('${table}:' || (${n}))::uuid::text`;

const key = (topic: string, n: string): string => `'${topic}/' || (${n})`;

const digest = (topic: string, n: string): string => `encode(sha256((${key(topic, n)})::bytea), 'hex')`;

export const address = (topic: string, n = 'i'): string => `'0x' || left(${digest(topic, n)}, 40)`;

export const hash64 = (topic: string, n = 'i'): string => `'0x' || ${digest(topic, n)}`;

/** A non-negative integer of 28 bits. */
const bits = (topic: string, n: string): string =>
  `('x' || substr(md5(${key(topic, n)}), 1, 7))::bit(28)::integer`;

export const below = (limit: number, topic: string, n = 'i'): string => `(${bits(topic, n)} % ${limit})`;

/** Six exact decimals in [0, 1): numeric, since floats print differently from one server setting to another. */
export const unit = (topic: string, n = 'i'): string => `((${bits(topic, n)} % 1000000)::numeric / 1000000)`;

export const between = (low: number, high: number, topic: string, n = 'i'): string =>
  `(${low} + ${high - low} * ${unit(topic, n)})`;

export const amount = (expression: string): string => `round(${expression}, 18)`;

export const oneOf = (choices: readonly string[], index: string): string =>
  `(ARRAY[${choices.map((choice) => `'${choice}'`).join(', ')}])[(${index}) % ${choices.length} + 1]`;

export const sometimes = (condition: string, expression: string): string =>
  `CASE WHEN ${condition} THEN ${expression} END`;

export const before = (seconds: string): string => `(${ANCHOR} - make_interval(secs => ${seconds}))`;

export const DAY = 86_400;
