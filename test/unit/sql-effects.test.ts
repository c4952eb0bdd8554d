import fc from 'fast-check';
import { Catalog, type CatalogRelation } from '../../lambda/sql/catalog';
import { effectsOf, relationsMentioned } from '../../lambda/sql/effects/effects';
import { provesNotNull } from '../../lambda/sql/effects/proof';
import { quoted, quotedName } from '../../lambda/sql/names';
import { parseScript, type SqlStatement } from '../../lambda/sql/parse';
import { ALTER_TABLE_CASES } from '../support/lock-cases-alter-table';
import { CREATE_CASES, DROP_CASES } from '../support/lock-cases-create';
import { ALTER_CASES, REST_CASES } from '../support/lock-cases-other';

async function parse(sql: string): Promise<SqlStatement> {
  const [statement] = (await parseScript(sql)).statements;
  if (statement === undefined) throw new Error(`no statement in ${sql}`);
  return statement;
}

const table = (name: string, more: Partial<CatalogRelation> = {}): CatalogRelation => ({
  oid: 1,
  name: { schema: 'public', name },
  kind: 'table',
  lockable: true,
  parents: [],
  isPartition: false,
  defaultPartition: undefined,
  pages: 1,
  columns: [],
  constraints: [],
  hasTriggers: false,
  hasRules: false,
  sequences: [],
  index: undefined,
  reads: [],
  isUnlogged: false,
  accessMethod: 'heap',
  tablespace: 'pg_default',
  ofType: undefined,
  ...more,
});

const catalogOf = (...relations: readonly CatalogRelation[]): Catalog =>
  new Catalog({
    ...Catalog.EMPTY.rows,
    relations,
    named: relations.map(({ name: { name }, oid }) => ({ mention: { schema: undefined, name }, oid })),
  });

const named = async (sql: string) =>
  relationsMentioned(await parse(sql)).relations.map(({ schema, name }) => [schema, name]);

describe('the relations that a statement mentions', () => {
  test('include those of subqueries, joins, constraints and WITH', async () => {
    expect(await named('WITH a AS (SELECT * FROM b) INSERT INTO c SELECT * FROM a JOIN s.d ON true')).toEqual(
      [
        [undefined, 'b'],
        [undefined, 'c'],
        ['s', 'd'],
      ],
    );
    expect(await named('CREATE TABLE x (id int REFERENCES y, LIKE z)')).toEqual([
      [undefined, 'y'],
      [undefined, 'z'],
    ]);
  });

  test('leave out the name of a WITH query where it hides a table, and only there', async () => {
    expect(await named('WITH a AS (SELECT 1) SELECT * FROM a')).toEqual([]);
    expect(await named('WITH a AS (SELECT * FROM a) SELECT * FROM a')).toEqual([[undefined, 'a']]);
    expect(await named('WITH RECURSIVE a AS (SELECT * FROM a) SELECT * FROM a')).toEqual([]);
    expect(await named('WITH a AS (SELECT 1) SELECT * FROM s.a')).toEqual([['s', 'a']]);
    expect(await named('WITH a AS (SELECT 1) DELETE FROM a')).toEqual([[undefined, 'a']]);
    expect(await named('SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) AS b, a')).toEqual([
      [undefined, 'a'],
    ]);
  });

  test('are told whatever is in their names', async () => {
    const name = fc
      .string({ minLength: 1, maxLength: 15, unit: 'grapheme' })
      .filter((text) => !text.includes('\0') && Buffer.byteLength(text) < 64);
    await fc.assert(
      fc.asyncProperty(name, name, name, async (schema, relation, column) => {
        const sql = `ALTER TABLE ${quotedName({ schema, name: relation })} DROP COLUMN ${quoted(column)}`;
        const mentions = relationsMentioned(await parse(sql));
        expect(mentions.relations).toEqual([{ schema, name: relation }]);
        expect(mentions.doomed).toEqual([{ kind: 'column', name: { schema, name: relation }, part: column }]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('effects', () => {
  test('on a relation that does not exist yet are none, and expand', async () => {
    expect(effectsOf(await parse('ALTER TABLE x ALTER COLUMN a SET NOT NULL'), Catalog.EMPTY)).toMatchObject({
      locks: [],
      scans: [],
      phase: 'expand',
    });
  });

  test('of several actions are the strongest of each relation', async () => {
    const both = catalogOf(table('x', { oid: 1 }), table('y', { oid: 2 }));
    const sql =
      'ALTER TABLE x ALTER COLUMN a SET STATISTICS 1, ADD FOREIGN KEY (a) REFERENCES y, ENABLE TRIGGER ALL';
    expect(effectsOf(await parse(sql), both).locks.map(({ oid, mode }) => [oid, mode])).toEqual([
      [1, 'ShareRowExclusiveLock'],
      [2, 'ShareRowExclusiveLock'],
    ]);
  });

  test('of code that is hidden are opaque, and not known to be repeatable', async () => {
    for (const sql of ['DO $$ BEGIN END $$', 'CALL p()', 'SELECT f()', 'DROP OWNED BY x']) {
      expect(effectsOf(await parse(sql), Catalog.EMPTY)).toMatchObject({ opaque: true, idempotent: false });
    }
    expect(effectsOf(await parse('SELECT 1'), Catalog.EMPTY)).toMatchObject({ opaque: false });
  });

  test.each([
    ['ALTER TABLE x ADD COLUMN b int', 'expand'],
    ['ALTER TABLE x ADD COLUMN b int NOT NULL', 'contract'],
    ['ALTER TABLE x ADD COLUMN b int NOT NULL DEFAULT 1', 'expand'],
    ['ALTER TABLE x ADD FOREIGN KEY (a) REFERENCES y NOT VALID', 'contract'],
    ['ALTER TABLE x ADD FOREIGN KEY (b) REFERENCES y', 'expand'],
    ['ALTER TABLE x ALTER COLUMN a DROP NOT NULL', 'expand'],
    ['ALTER TABLE x DROP COLUMN a', 'contract'],
    ['ALTER TABLE x RENAME COLUMN a TO b', 'contract'],
    ['CREATE INDEX ON x (a)', 'expand'],
    ['CREATE UNIQUE INDEX ON x (a)', 'contract'],
    ['CREATE UNIQUE INDEX ON x (b)', 'expand'],
    ['CREATE UNIQUE INDEX ON x (lower(a))', 'contract'],
    ['CREATE TABLE z ()', 'expand'],
    ['DROP TABLE x', 'contract'],
    ['DROP INDEX i', 'expand'],
    ['UPDATE x SET a = 1', 'neutral'],
    ['ANALYZE x', 'neutral'],
  ])('of %s %s', async (sql, phase) => {
    const column = {
      name: 'a',
      type: 23,
      typmod: -1,
      collation: 0,
      notNull: false,
      hasDefault: false,
      generated: undefined,
      identity: false,
      typeName: 'integer',
      isDefaultVolatile: false,
    };
    expect(effectsOf(await parse(sql), catalogOf(table('x', { columns: [column] }))).phase).toBe(phase);
  });
});

test.each([
  ['a IS NOT NULL', ['a']],
  ['a IS NOT NULL AND (b > 1 AND c IS NOT NULL)', ['a', 'c']],
  ['a IS NOT NULL OR b IS NOT NULL', []],
  ['NOT (a IS NULL)', []],
  ['a > 0', []],
  ['(a + 1) IS NOT NULL', []],
])('the CHECK %s proves that %j are never NULL', async (check, columns) => {
  expect(provesNotNull((await parse(`ALTER TABLE x ADD CHECK (${check})`)).node)).toEqual(columns);
});

test('of a relation that the catalog does not know, every statement has effects', async () => {
  const all = [ALTER_TABLE_CASES, ALTER_CASES, CREATE_CASES, DROP_CASES, REST_CASES].flat();
  for (const statement of (await parseScript(all.join(';\n'))).statements) {
    expect(effectsOf(statement, Catalog.EMPTY)).toBeDefined();
  }
});
