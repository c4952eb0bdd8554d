import { migrate } from '../../lambda/migrate/executor';
import { clock, useWallet } from '../support/wallet-executor';

const wallet = useWallet();
const { run, ledger, request } = wallet;

const STEP_MS = 60_000;
const STEPWISE = [
  'ALTER TABLE wallet ADD COLUMN a int;',
  'CREATE INDEX CONCURRENTLY wallet_address ON wallet (address);',
].join('\n');

/** In a step that has `leftMs` left of its minute; the statement of that number is known to take long. */
const inStep = (leftMs: number, long: { statement: number; takesMs: number }) => ({
  deadline: new Date(clock.now().getTime() + leftMs),
  stepTimeMs: STEP_MS,
  estimates: (_migration: string, statement: number) =>
    statement === long.statement ? long.takesMs : undefined,
});

const columns = async (): Promise<number> =>
  (await run("SELECT FROM pg_attribute WHERE attrelid = 'wallet'::regclass AND attnum > 0")).rowCount;

describe('a statement that takes long', () => {
  test('is not begun in what is left of a step, but in the next one', async () => {
    const long = { statement: 2, takesMs: 30_000 };
    expect(await migrate(request(STEPWISE, inStep(20_000, long)))).toMatchObject({ outcome: 'waiting' });
    expect(await columns()).toBe(3);
    expect(await wallet.indexes()).toEqual([]);
    expect(await migrate(request(STEPWISE, inStep(STEP_MS, long)))).toMatchObject({ outcome: 'applied' });
    expect(await wallet.indexes()).toEqual([{ name: 'wallet_address', valid: true }]);
  });

  test('in an atomic file keeps all of it from being begun', async () => {
    const sql = 'CREATE TABLE first (a int);\nALTER TABLE wallet ADD COLUMN a int;';
    const outcome = await migrate(request(sql, inStep(20_000, { statement: 2, takesMs: 30_000 })));
    expect(outcome).toMatchObject({ outcome: 'waiting', applied: [] });
    expect(await ledger()).toEqual([]);
  });

  test('for longer than any step is left to a longer runner, and what was before it stays done', async () => {
    const long = { statement: 2, takesMs: 600_000 };
    const outcome = await migrate(request(STEPWISE, inStep(STEP_MS, long)));
    expect(outcome).toMatchObject({
      outcome: 'needs-long-runner',
      migration: '1_test',
      statement: 2,
      estimateMs: 600_000,
    });
    expect(await wallet.indexes()).toEqual([]);
    // Whoever has no deadline goes on from there.
    expect(await migrate(request(STEPWISE))).toMatchObject({ outcome: 'applied' });
    expect(await columns()).toBe(3);
  });
});
