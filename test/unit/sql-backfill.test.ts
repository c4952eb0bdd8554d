import fc from 'fast-check';
import { backfillOf } from '../../lambda/sql/backfill';
import { leftOverQuery, narrowed, repeatCondition } from '../../lambda/sql/backfill-splice';
import { planOf, problemsOf } from '../../lambda/sql/facts';
import { parseScript, type SqlStatement } from '../../lambda/sql/parse';

async function statementOf(sql: string): Promise<SqlStatement> {
  const [statement] = (await parseScript(sql)).statements;
  if (statement === undefined) throw new Error('no statement');
  return statement;
}

const marked = (mark: string, sql: string) => `-- godwit:backfill ${mark}\n${sql}`;
const UPDATE = 'UPDATE "Token" SET a = 1';

describe('the mark', () => {
  test.each([
    ['', { line: 1 }],
    ['"Token"', { line: 1, table: { schema: undefined, name: 'Token' } }],
    ['by "id"', { line: 1, key: ['id'] }],
    [
      'public."Token" BY Id, "O""k, by", value',
      { line: 1, table: { schema: 'public', name: 'Token' }, key: ['id', 'O"k, by', 'value'] },
    ],
    ['"Tö.ken" by "ключ"', { line: 1, table: { schema: undefined, name: 'Tö.ken' }, key: ['ключ'] }],
  ])('%j names what it names', async (mark, expected) => {
    expect(backfillOf(await statementOf(marked(mark, UPDATE)))).toEqual(expected);
  });

  test.each([
    '"Token" "id"',
    'by',
    'by "id",',
    'a.b.c',
    '"Token',
    'select',
    'by $1',
    'Token by id desc',
    ': x',
  ])('%j is not understood, and refused with its line', async (mark) => {
    await expect(parseScript(`SELECT 1;\n${marked(mark, UPDATE)}`)).rejects.toMatchObject({
      name: 'SqlDirectiveError',
      line: 2,
    });
  });

  test('belongs to the next statement, over other comments and lines', async () => {
    const { statements } = await parseScript(
      `SELECT 1;\n\n-- godwit:backfill\n-- why\n\n/* x */ ${UPDATE};\n${UPDATE}`,
    );
    expect(statements.map((statement) => backfillOf(statement)?.line)).toEqual([undefined, 3, undefined]);
  });

  test.each([
    ['above nothing', `${UPDATE};\n-- godwit:backfill`, 2],
    ['twice', `-- godwit:backfill\n-- godwit:backfill\n${UPDATE}`, 2],
    ['behind a statement', `SELECT 1; -- godwit:backfill\n${UPDATE}`, 1],
    ['within a statement', `UPDATE "Token"\n-- godwit:backfill\nSET a = 1`, 2],
  ])('%s is refused', async (_, sql, line) => {
    await expect(parseScript(sql)).rejects.toMatchObject({ name: 'SqlDirectiveError', line });
  });

  test('makes its file stepwise', async () => {
    expect(planOf(await parseScript(`SELECT 1;\n${marked('', UPDATE)}`))).toMatchObject({
      mode: 'stepwise',
      reason: expect.stringContaining('line 3'),
    });
  });
});

describe('a marked statement', () => {
  test.each([
    ['is no UPDATE or DELETE', '', 'CREATE TABLE t (a int)', 'Only an UPDATE or a DELETE'],
    ['inserts', '', 'INSERT INTO t SELECT 1', 'Only an UPDATE or a DELETE'],
    ['returns rows', '', 'DELETE FROM t RETURNING *', 'RETURNING'],
    ['follows a cursor', '', 'DELETE FROM t WHERE CURRENT OF c', 'CURRENT OF'],
    ['writes in its WITH', '', 'WITH w AS (DELETE FROM u RETURNING 1) UPDATE t SET a = 1', 'WITH writes'],
    ['has a parameter', '', 'UPDATE t SET a = $1', 'parameter'],
    ['reads its table in a subquery', '', 'UPDATE t SET a = (SELECT max(a) FROM t)', 'second time'],
    [
      'reads its table in a WITH',
      '',
      'WITH m AS (SELECT max(a) FROM s.t) UPDATE t SET a = 1 FROM m',
      'second time',
    ],
    ['joins its table with itself', '', 'DELETE FROM t USING t AS u WHERE u.a > t.a', 'second time'],
    ['chooses arbitrarily', '', 'DELETE FROM t WHERE a IN (SELECT a FROM u LIMIT 5)', 'LIMIT'],
    ['is of another table', '"T"', 'DELETE FROM t', 'names the table "T"'],
    ['is of another schema', 'a.t', 'DELETE FROM b.t', 'names the table a.t'],
    ['assigns its key', 'by id', 'UPDATE t SET a = 1, (b, id) = (1, 2)', 'assigns id'],
  ])('that %s is refused', async (_, mark, sql, message) => {
    const script = await parseScript(marked(mark, sql));
    expect(problemsOf(script)).toMatchObject([
      { statement: 1, line: 2, problem: expect.stringContaining(message) },
    ]);
  });

  test.each([
    ['s.t', 'UPDATE t SET a = u.a FROM u JOIN v USING (a) WHERE u.b = t.b'],
    ['t', 'WITH x AS (SELECT 1) DELETE FROM ONLY s.t AS z USING x WHERE z.a NOT IN (SELECT a FROM other.u)'],
    ['', 'UPDATE t SET a = (SELECT p FROM price WHERE price.id = t.id LIMIT 1)'],
    ['', 'DELETE FROM s.t WHERE EXISTS (SELECT FROM other.t AS x)'],
  ])('is fine: %j above %s', async (mark, sql) => {
    expect(problemsOf(await parseScript(marked(mark, sql)))).toEqual([]);
  });
});

describe('narrowing', () => {
  test.each([
    ['UPDATE t SET a = 1', 'UPDATE t SET a = 1 WHERE x > 1'],
    ['DELETE FROM t WHERE a OR b', 'DELETE FROM t WHERE( a OR b) AND (x > 1)'],
    [
      "UPDATE t SET a = (SELECT 1 FROM u WHERE u.x) /* WHERE */ WHERE -- WHERE\n a = 'WHERE'",
      "UPDATE t SET a = (SELECT 1 FROM u WHERE u.x) /* WHERE */ WHERE( -- WHERE\n a = 'WHERE') AND (x > 1)",
    ],
  ])('%j', async (sql, expected) => {
    expect((await narrowed(await statementOf(sql), 'x > 1')).sql).toBe(expected);
  });

  test('changes nothing but the WHERE of whatever statement, and finds positions again', async () => {
    const expression = fc.constantFrom(
      'a IS NULL',
      'a = 1 AND b = 2',
      'a = 1 OR b = 2',
      'NOT a',
      '(SELECT true FROM u WHERE u.a = t.a)',
      "x IN (1, 2) AND y = ARRAY[1, 2] AND z = 'WHERE ''(' ",
      'count(*) FILTER (WHERE a) OVER () > 1',
      'a BETWEEN SYMMETRIC 1 AND 2 AND b',
      '"WHERE" = $$ WHERE ( $$ -- (WHERE\n',
      '\'ä😀\' = /* ( */ a COLLATE "C"',
    );
    const where = fc.array(fc.tuple(expression, fc.constantFrom(' AND ', ' OR ')), { maxLength: 4 });
    const head = fc.constantFrom(
      'UPDATE t SET a = CASE WHEN b THEN 1 END, c = ARRAY[(SELECT 1 WHERE true)]',
      'UPDATE ONLY s.t AS z SET (a, b) = (SELECT 1, 2 FROM u WHERE u.x) FROM (SELECT 1 WHERE true) AS q',
      "WITH w AS (SELECT 1 WHERE '(' = 'x') DELETE FROM t USING w",
      'UPDATE "WHERE" SET "ä😀" = 2',
    );
    await fc.assert(
      fc.asyncProperty(head, where, async (start, parts) => {
        const conditions = parts
          .map(([text, joint], index) => (index === 0 ? text : `${joint}${text}`))
          .join('');
        const sql = conditions === '' ? start : `${start} WHERE ${conditions}`;
        const statement = await statementOf(sql);
        const after = await narrowed(statement, 'k > $1 AND k <= $2');
        const characters = [...after.sql];
        const found = [...statement.sql].map(() => '');
        for (let position = 1; position <= characters.length; position += 1) {
          const original = after.originalPosition(position);
          const isAdded =
            position === characters.indexOf('(', start.length) + 1 && characters[position - 1] === '(';
          if (original !== undefined && !isAdded) found[original - 1] = characters[position - 1] ?? '';
        }
        expect(found.join('')).toBe(statement.sql);
      }),
      { numRuns: 150 },
    );
  });
});

describe('a second pass', () => {
  test.each([
    ['UPDATE t SET a = b WHERE a IS NULL', '( b\n) IS NOT NULL'],
    [
      'UPDATE t AS x SET c = 1, a = f(b, (SELECT 1)) -- why\n, d = 2 WHERE b > 1 AND x.a IS NULL',
      '( f(b, (SELECT 1)) -- why\n) IS NOT NULL',
    ],
    [
      'UPDATE t SET a = b IS DISTINCT FROM c FROM u WHERE t.a IS NULL',
      '( b IS DISTINCT FROM c\n) IS NOT NULL',
    ],
    ['UPDATE t SET a = lower(b) WHERE a IS DISTINCT FROM lower(b)', 'true'],
  ])('of %j adds %j', async (sql, expected) => {
    const statement = await statementOf(sql);
    const condition = await repeatCondition(statement);
    expect(condition?.replace('(', '( ').replace('(  ', '( ')).toBe(expected);
    await narrowed(statement, condition ?? '');
  });

  test.each([
    'UPDATE t SET a = 1',
    'UPDATE t SET a = b WHERE a IS NULL OR c',
    'UPDATE t SET a = b WHERE c IS NULL',
    'UPDATE t SET a = b, n = n + 1 WHERE a IS NULL',
    'UPDATE t SET a = b, n = t.n + 1 WHERE a IS NULL',
    'UPDATE t SET a = row_to_json(t) WHERE a IS NULL',
    'UPDATE t SET (a, b) = (SELECT 1, 2) WHERE a IS NULL',
    'UPDATE t SET a = DEFAULT WHERE a IS NULL',
    'UPDATE t SET a = b WHERE a IS NOT NULL',
    'UPDATE t SET a = b FROM u WHERE u.a IS NULL',
    'UPDATE x.t AS w SET a = b FROM y.t WHERE t.a IS NULL',
    'UPDATE t SET a = b WHERE a IS DISTINCT FROM c',
    'DELETE FROM t WHERE a IS NULL',
  ])('is not made of %s', async (sql) => {
    expect(await repeatCondition(await statementOf(sql))).toBeUndefined();
  });

  test('is preceded by a look for rows where one query can tell', async () => {
    expect(
      await leftOverQuery(await statementOf('UPDATE ONLY "T" AS x SET a = 1 WHERE x.a IS NULL'), 'true'),
    ).toBe('SELECT 1 FROM ONLY "T" AS "x" WHERE ( x.a IS NULL) AND (true) LIMIT 1');
    expect(
      await leftOverQuery(await statementOf('UPDATE t SET a = 1 FROM u WHERE t.a IS NULL'), 'true'),
    ).toBeUndefined();
  });
});
