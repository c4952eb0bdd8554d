import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lint } from '../../lambda/checks/lint';
import { migration } from '../support/linting';

const root = join(__dirname, '..', '..');
const prisma = join(root, 'prisma', 'migrations');
const read = (name: string) => migration(name, readFileSync(join(prisma, name, 'migration.sql'), 'utf8'));
const history = readdirSync(prisma)
  .filter((name) => !name.endsWith('.toml'))
  .sort();
/** The strategy was written when there was only the schema. */
const before = history.slice(0, 1).map(read);

/** As somebody pastes it; each finding as `line: rule, subject`. */
async function pasted(section: number): Promise<readonly string[]> {
  const sql = readFileSync(join(root, 'test', 'corpus', 'strategy', `section-${section}.sql`), 'utf8');
  const { findings } = await lint({ before, migrations: [migration('20260101000000_pasted', sql)] });
  return findings.map(({ line, id, subject }) => `${line}: ${id}, ${subject.slice(0, 60)}`);
}

test("the project's own migrations alarm nobody", async () => {
  const { findings } = await lint({ before: [], migrations: history.map(read) });
  expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
});

test('section 3: a keyword as a name, transactions of its own, and a lock on the table of a dropped index', async () => {
  expect(await pasted(3)).toEqual([
    '2: syntax-error, column',
    '5: transaction-control, BEGIN',
    '6: drop-index-blocks, idx_old_index',
    '8: transaction-control, COMMIT',
  ]);
});

test('section 4: rows read under lock, quotes that were lost, NaN, and what the foreign key no longer does', async () => {
  expect(await pasted(4)).toEqual(
    expect.arrayContaining([
      '2: check-scans-table, wallet_address_format on "Wallet"',
      '6: check-scans-table, balance_usd_non_negative on "TokenBalance"',
      '6: check-accepts-nan, balance_usd_non_negative on "TokenBalance"',
      '7: lost-quotes, "TokenBalance"."usdValue"',
      '11: lost-quotes, "GammaswapPosition"."healthRatio"',
      '10: check-accepts-nan, health_ratio_bounds on "GammaswapPosition"',
      '15: lost-quotes, "GovernanceLock"."lockEndsAt"',
      '15: lost-quotes, "GovernanceLock"."createdAt"',
      '19: lost-quotes, "PriceSnapshot"."priceUsd"',
      '18: check-accepts-nan, price_positive on "PriceSnapshot"',
      '6: lock-held-during-work, "Wallet"',
      '10: locks-held-together, "Wallet", "TokenBalance" and "GammaswapPosition"',
      '26: foreign-key-scans-table, "TokenBalance_walletId_fkey" on "TokenBalance"',
      '28: lost-quotes, "TokenBalance"."walletId"',
      '26: foreign-key-loses-update-action, "TokenBalance_walletId_fkey" on "TokenBalance"',
      '26: other-keys-still-cascade, "TokenBalance_walletId_fkey" on "TokenBalance"',
    ]),
  );
});

test('section 5: queries that nobody sees, with quotes lost, losses hidden, and a clock in them', async () => {
  const sql = readFileSync(join(root, 'test', 'corpus', 'strategy', 'section-5.sql'), 'utf8');
  const { findings } = await lint({ before, migrations: [migration('20260101000000_pasted', sql)] });
  const lost = findings.filter(({ id }) => id === 'lost-quotes').map(({ subject }) => subject);
  expect(lost).toEqual([
    '"TokenBalance"."usdValue"',
    '"TokenBalance"."walletId"',
    '"GovernanceLock"."lockAmount"',
    '"GovernanceLock"."votingPower"',
    '"GovernanceLock"."lockEndsAt"',
    '"Alert"."triggerAt"',
  ]);
  const queries = findings.filter(({ id }) => id === 'query-in-migration').map(({ effect }) => effect);
  expect(queries).toEqual([
    expect.stringContaining('leaves out the groups that lost all their rows'),
    expect.stringContaining('two readings differ as time goes by'),
    expect.any(String),
  ]);
});

test('section 7: a query that is executed to be explained, and a view that has no such columns', async () => {
  expect(await pasted(7)).toEqual([
    '3: lost-quotes, "TokenBalance"."usdValue"',
    '5: lost-quotes, "TokenBalance"."walletId"',
    '2: explain-runs, EXPLAIN (ANALYZE, BUFFERS) SELECT w.id, w.address, SUM(tb.us',
    expect.stringContaining('11: query-in-migration'),
    '11: unknown-column-of-view, pg_stat_user_indexes',
    '11: index-usage-misread, pg_stat_user_indexes',
  ]);
});
