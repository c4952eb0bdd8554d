import {
  type DataLossWindow,
  dataLossWindow,
  describeWindow,
  type WriteCounters,
} from '../../lambda/domain/data-loss';

const counters = (
  nextTransaction: number,
  tables: WriteCounters['tables'],
  more: Partial<WriteCounters> = {},
) => ({
  at: `2026-01-31T12:00:${String(nextTransaction % 60).padStart(2, '0')}.000Z`,
  nextTransaction: String(nextTransaction),
  epoch: 'one',
  tables,
  ...more,
});
const changes = (inserted: number, updated = 0, deleted = 0) => ({ inserted, updated, deleted });

describe('the data-loss window', () => {
  it('counts transactions and rows since the restore point, the most changed table first', () => {
    const window = dataLossWindow({
      restorePoint: counters(10, { wallet: changes(5, 1), token: changes(7), quiet: changes(3) }),
      now: counters(19, { wallet: changes(6, 3, 1), token: changes(20), quiet: changes(3) }),
    });
    expect(window).toEqual({
      since: '2026-01-31T12:00:10.000Z',
      until: '2026-01-31T12:00:19.000Z',
      transactions: 9,
      tables: [
        { table: 'token', ...changes(13), whileMigrating: 0 },
        { table: 'wallet', ...changes(1, 2, 1), whileMigrating: 0 },
      ],
    });
  });

  it('tells apart what was changed while the migration ran', () => {
    const { tables } = dataLossWindow({
      restorePoint: counters(10, { wallet: changes(1) }),
      migration: {
        before: counters(11, { wallet: changes(2) }),
        after: counters(12, { wallet: changes(2, 500) }),
      },
      now: counters(13, { wallet: changes(3, 500) }),
    });
    expect(tables).toEqual([{ table: 'wallet', ...changes(2, 500), whileMigrating: 500 }]);
  });

  it('counts a table from nothing that is new, or was made anew under its name', () => {
    const { tables } = dataLossWindow({
      restorePoint: counters(10, { remade: changes(50) }),
      now: counters(20, { remade: changes(4, 1), fresh: changes(2) }),
    });
    expect(tables).toEqual([
      { table: 'remade', ...changes(4, 1), whileMigrating: 0 },
      { table: 'fresh', ...changes(2), whileMigrating: 0 },
    ]);
  });

  it('does not guess which rows where the counters began anew', () => {
    const window = dataLossWindow({
      restorePoint: counters(10, { wallet: changes(50) }),
      now: counters(20, { wallet: changes(60) }, { epoch: 'two' }),
    });
    expect(window).toMatchObject({ transactions: 10, tables: undefined });
    expect(describeWindow(window)).toContain('which rows is not known');
  });

  it('counts transactions beyond 32 bits exactly', () => {
    const window = dataLossWindow({
      restorePoint: counters(0, {}, { nextTransaction: '9007199254740993000' }),
      now: counters(0, {}, { nextTransaction: '9007199254740993007' }),
    });
    expect(window.transactions).toBe(7);
  });
});

describe('told to people, the window', () => {
  const window = (more: Partial<DataLossWindow>): string =>
    describeWindow({ since: 'A', until: 'B', transactions: 12, tables: [], ...more });

  it('is said to be empty where nothing was written', () => {
    expect(window({ transactions: 0 })).toBe('nothing was written between A and B');
  });

  it('names three tables with what happened to their rows, and how many more there are', () => {
    const table = (name: string, loss: object) => ({
      table: name,
      ...changes(0),
      whileMigrating: 0,
      ...loss,
    });
    const tables = [
      table('a', { inserted: 4, updated: 5, whileMigrating: 2 }),
      table('b', { deleted: 3 }),
      table('c', { inserted: 2 }),
      table('d', { inserted: 1 }),
    ];
    expect(window({ tables })).toBe(
      'at most 12 transactions wrote between A and B: 9 rows of a (4 new, 5 changed; 2 while the migration ran, its own among them), 3 rows of b (3 deleted), 2 rows of c (2 new), and rows of 1 more tables',
    );
  });
});
