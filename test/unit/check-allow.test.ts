import { parseScript } from '../../lambda/sql/parse';

const directives = async (sql: string) => (await parseScript(sql)).directives;

const RULE = 'index-blocks-writes';

describe('godwit:allow', () => {
  test('directly above a statement is about that statement', async () => {
    const sql = `SELECT 1;\n-- godwit:allow ${RULE} because the table is small\n-- CreateIndex\nSELECT 2;\nSELECT 3;`;
    expect(await directives(sql)).toEqual([
      { name: 'allow', rule: RULE, reason: 'the table is small', line: 2, statement: 2 },
    ]);
  });

  test('above the first statement is about that one alone', async () => {
    expect(await directives(`-- godwit:allow ${RULE} because x\nSELECT 1; SELECT 2`)).toMatchObject([
      { statement: 1 },
    ]);
  });

  test.each([
    ['with an empty line after it', `-- godwit:allow ${RULE} because x\n\nSELECT 1; SELECT 2`],
    ['with Windows line ends', `-- godwit:allow ${RULE} because x\r\n\r\n-- one\r\nSELECT 1; SELECT 2`],
    ['with other comments around', `-- made by hand\n-- godwit:allow ${RULE} because x\n-- y\n \nSELECT 1`],
  ])('at the head of the file %s is about the whole file', async (_name, sql) => {
    const [directive] = await directives(sql);
    expect(directive).toMatchObject({ name: 'allow', rule: RULE, reason: 'x' });
    expect(directive).not.toHaveProperty('statement');
  });

  test('further down is about the next statement, with an empty line or without', async () => {
    const sql = `SELECT 1;\n\n-- godwit:allow ${RULE} because x\n\nSELECT 2; SELECT 3`;
    expect(await directives(sql)).toMatchObject([{ statement: 2 }]);
  });

  test('several times above a statement allows several rules', async () => {
    const sql = '-- godwit:allow one because a\n-- godwit:allow two because b  c\nSELECT 1';
    expect(await directives(sql)).toMatchObject([
      { rule: 'one', reason: 'a' },
      { rule: 'two', reason: 'b c' },
    ]);
  });

  test.each([
    ['without a reason', '-- godwit:allow x\nSELECT 1', 'needs a reason'],
    ['with an empty reason', '-- godwit:allow x because \nSELECT 1', 'needs a reason'],
    ['with a reason that is not introduced', '-- godwit:allow x it is small\nSELECT 1', 'needs a reason'],
    ['without a rule', '-- godwit:allow because y\nSELECT 1', 'names no rule'],
    ['with no statement after it', 'SELECT 1;\n-- godwit:allow x because y', 'No statement follows'],
    ['behind a statement', 'SELECT 1; -- godwit:allow x because y\nSELECT 2', 'behind a statement'],
    ['within a statement', 'SELECT\n-- godwit:allow x because y\n1', 'behind a statement'],
  ])('%s is refused with its line', async (_name, sql, words) => {
    const line = sql.split('\n').findIndex((text) => text.includes('godwit:')) + 1;
    await expect(parseScript(sql)).rejects.toMatchObject({
      name: 'SqlDirectiveError',
      line,
      message: expect.stringContaining(words),
    });
  });
});
