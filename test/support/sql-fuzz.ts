/** Random and mutated SQL: statements that mean something, with what people, editors and merge tools do to them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { RULES } from '../../lambda/checks/rules';
import { ALTER_TABLE_CASES } from './lock-cases-alter-table';
import { CREATE_CASES, DROP_CASES } from './lock-cases-create';
import { ALTER_CASES, REST_CASES } from './lock-cases-other';
import { LOCK_SCHEMA } from './lock-schema';

const projectRoot = join(__dirname, '..', '..');

const CASES = [...ALTER_TABLE_CASES, ...CREATE_CASES, ...DROP_CASES, ...ALTER_CASES, ...REST_CASES];

/** Every rule's examples, every statement whose locks are known, and the project's own migrations. */
export const SEEDS: readonly string[] = [
  ...RULES.flatMap(({ bad, good }) => [bad.sql, good.sql]),
  ...CASES,
  ...ownMigrations(),
];

/** Tables for the seeds, so that rules and rewriters have something to judge. */
export const HISTORY: readonly string[] = [LOCK_SCHEMA, ...RULES.map(({ bad }) => bad.before ?? '')];

function ownMigrations(): readonly string[] {
  const folder = join(projectRoot, 'prisma', 'migrations');
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => readFileSync(join(folder, name, 'migration.sql'), 'utf8'))
    .flatMap((sql) => sql.split(/;\n+/));
}

const WORDS = [
  ...'SELECT INSERT UPDATE DELETE MERGE WITH TABLE ALTER CREATE DROP INDEX CONCURRENTLY UNIQUE CONSTRAINT CHECK FOREIGN'.split(
    ' ',
  ),
  ...'KEY REFERENCES NOT NULL VALID VALIDATE DEFAULT COLUMN ADD TYPE USING SET FROM WHERE ON CASCADE RENAME TO IF EXISTS'.split(
    ' ',
  ),
  ...'DO BEGIN COMMIT LOCK TRUNCATE VACUUM REINDEX ENUM VALUE VIEW FUNCTION TRIGGER RETURNS LANGUAGE AS PARTITION OF'.split(
    ' ',
  ),
  ...'( ) [ ] , ; . :: || + - * / % = < > <> <= @> -> ->> # & | ^ ~ ! ? : := $1 1 -1 1.5e3 0x1F'.split(' '),
  ...['"T"', '"usdValue"', 'usdValue', 't', 'a', 'id', '"é"', 'x.y', '"a""b"', 'column', 'order', 'now()'],
  ...[
    "'text'",
    "'it''s'",
    "E'\\n'",
    "U&'\\0041'",
    "B'01'",
    '$$body$$',
    "$x$ DO 'y'; $x$",
    'int',
    'text',
    'uuid',
  ],
  ...[
    "'",
    '"',
    '$$',
    '$tag$',
    '/*',
    '*/',
    '--',
    '\\',
    '\n',
    '\r\n',
    '\t',
    '\u0001',
    '\u000b',
    '\ufeff',
    '\u202e',
  ],
  ...[
    '-- godwit:backfill\n',
    '-- godwit:allow x because y\n',
    '-- godwit:stepwise because z\n',
    '-- godwit:',
  ],
  ...['<<<<<<< HEAD\n', '=======\n', '>>>>>>> main\n', '\0', '😀', '\ud800', '\u2028'],
];

const word = fc.constantFrom(...WORDS);
const words = fc.array(word, { maxLength: 30 }).map((all) => all.join(' '));
const seed = fc.constantFrom(...SEEDS);

type Mutation = (sql: string) => string;

const place = fc.double({ min: 0, max: 1, noNaN: true });
const at = (sql: string, share: number): number => Math.floor(share * sql.length);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, word).map(
    ([where, added]): Mutation =>
      (sql) => {
        const index = at(sql, where);
        return `${sql.slice(0, index)} ${added} ${sql.slice(index)}`;
      },
  ),
  fc.tuple(place, place).map(
    ([one, other]): Mutation =>
      (sql) => {
        const [from, to] = [at(sql, Math.min(one, other)), at(sql, Math.max(one, other))];
        return sql.slice(0, from) + sql.slice(to);
      },
  ),
  fc.tuple(place, place).map(
    ([one, other]): Mutation =>
      (sql) => {
        const [from, to] = [at(sql, Math.min(one, other)), at(sql, Math.max(one, other))];
        return sql.slice(0, to) + sql.slice(from);
      },
  ),
  fc.tuple(place, fc.string({ unit: 'binary', maxLength: 3 })).map(
    ([where, added]): Mutation =>
      (sql) => {
        const index = at(sql, where);
        return sql.slice(0, index) + added + sql.slice(index + added.length);
      },
  ),
  fc.tuple(place, seed).map(
    ([where, other]): Mutation =>
      (sql) =>
        sql.slice(0, at(sql, where)) + other,
  ),
  // As a hand that forgets quotes, and as an editor that changes letters.
  fc.constant<Mutation>((sql) => sql.replaceAll('"', '')),
  fc.constant<Mutation>((sql) => sql.toLowerCase()),
  fc.tuple(word, word).map(
    ([from, to]): Mutation =>
      (sql) =>
        sql.replaceAll(from, to),
  ),
);

const mutated = fc
  .tuple(fc.array(seed, { minLength: 1, maxLength: 4 }), fc.array(mutation, { maxLength: 4 }))
  .map(([seeds, mutations]) => mutations.reduce((sql, mutate) => mutate(sql), seeds.join(';\n')));

/** One construct within itself, or after itself, as often as no person writes it. */
const repeated = fc
  .tuple(
    fc.constantFrom(
      ...([
        ['SELECT ', '(', '1', ')'],
        ['SELECT 1', '+1', '', ''],
        ['SELECT 1', ' UNION SELECT 1', '', ''],
        ['SELECT ', 'NOT ', 'true', ''],
        ['SELECT ', 'f(', '1', ')'],
        ['SELECT ', '(SELECT ', '1', ')'],
        ['SELECT ', 'CASE WHEN ', 'true', ' THEN 1 END'],
        ['CREATE TABLE d (a int CHECK (', 'NOT (', 'a > 1', ')'],
        ['CREATE VIEW v AS SELECT ', '(', '1', ')'],
        ['', 'SELECT 1;', '', ''],
        ['', '/*', '', '*/'],
        ['DO $$ BEGIN ', 'EXECUTE $a$', '', ''],
      ] as const),
    ),
    fc.constantFrom(10, 200, 480, 1500, 6000),
  )
  .map(([[head, open, middle, close], times]) => head + open.repeat(times) + middle + close.repeat(times));

export const anyFile: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: mutated },
  { weight: 5, arbitrary: words },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: repeated },
);
