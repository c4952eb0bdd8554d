import { parseScript } from '../../lambda/sql/parse';
import { withoutSecrets } from '../../lambda/sql/secrets';

async function shown(sql: string): Promise<string> {
  const [statement] = (await parseScript(sql)).statements;
  if (!statement) throw new Error('no statement');
  return withoutSecrets(statement);
}

test.each([
  [`CREATE ROLE app LOGIN PASSWORD 'hunter2'`, `CREATE ROLE app LOGIN PASSWORD '***'`],
  [`ALTER ROLE app PASSWORD 'it''s mine'`, `ALTER ROLE app PASSWORD '***'`],
  [
    `CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'u', password 'hunter2')`,
    `CREATE USER MAPPING FOR app SERVER s OPTIONS (user '***', password '***')`,
  ],
  [
    `CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p`,
    `CREATE SUBSCRIPTION s CONNECTION '***' PUBLICATION p`,
  ],
])('%s is shown without its secret', async (sql, expected) => {
  expect(await shown(sql)).toBe(expected);
});

test.each([`CREATE ROLE app PASSWORD E'hunt\\145r2 hunter2'`, 'CREATE ROLE app PASSWORD $$hunter2$$'])(
  '%s, whose notation hides it, is not shown at all',
  async (sql) => {
    expect(await shown(sql)).not.toContain('hunter2');
  },
);

test('other statements are shown as they are', async () => {
  expect(await shown(`UPDATE t SET password = 'x'`)).toBe(`UPDATE t SET password = 'x'`);
});
