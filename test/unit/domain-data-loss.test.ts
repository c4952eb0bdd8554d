import {
  type Counted,
  type DataLossWindow,
  dataLossWindow,
  describeWindow,
  type WriteCounters,
} from '../../lambda/domain/data-loss';

type Changes = Omit<Counted[string], 'name'> & { readonly name?: string };

/** By oid, for which any word does: a table is called by it where it has no other name. */
const named = (all: Readonly<Record<string, Changes>>): Counted =>
  Object.fromEntries(Object.entries(all).map(([oid, one]) => [oid, { name: oid, ...one }]));

const counters = (
  nextTransaction: number,
  tables: Readonly<Record<string, Changes>>,
  more: Partial<WriteCounters> = {},
): WriteCounters => ({
  at: `2026-01-31T12:00:${String(nextTransaction % 60).padStart(2, '0')}.000Z`,
  nextTransaction: String(nextTransaction),
  epoch: 'one',
  tables: named(tables),
  databases: {},
  unlogged: [],
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

  it('counts a table from nothing that is new, or whose counters somebody reset', () => {
    const { tables } = dataLossWindow({
      restorePoint: counters(10, { remade: changes(50) }),
      now: counters(20, { remade: changes(4, 1), fresh: changes(2) }),
    });
    expect(tables).toEqual([
      { table: 'remade', ...changes(4, 1), whileMigrating: 0 },
      { table: 'fresh', ...changes(2), whileMigrating: 0 },
    ]);
  });

  it('names a table that is gone, with what was counted before it went', () => {
    const gone = dataLossWindow({
      restorePoint: counters(10, { wallet: changes(100), quiet: changes(7) }),
      migration: { before: counters(11, { wallet: changes(600), quiet: changes(7) }) },
      now: counters(12, {}),
    });
    expect(gone.tables).toEqual([
      { table: 'wallet', isGone: true, ...changes(500), whileMigrating: 0 },
      { table: 'quiet', isGone: true, ...changes(0), whileMigrating: 0 },
    ]);
    expect(describeWindow(gone)).toContain(
      'at least 500 rows of wallet (gone since, perhaps with more; 500 new), at least 0 rows of quiet (gone since, perhaps with more)',
    );
  });

  it('takes a table that was renamed for the same, and what came and went meanwhile for nothing', () => {
    const { tables } = dataLossWindow({
      restorePoint: counters(10, { 16400: { name: 'wallet', ...changes(70_000) } }),
      migration: {
        before: counters(11, { 16400: { name: 'wallet', ...changes(70_001) }, scratch: changes(9) }),
        after: counters(12, { 16400: { name: 'purse', ...changes(70_001, 5) } }),
      },
      now: counters(13, { 16400: { name: 'purse', ...changes(70_001, 5) } }),
    });
    expect(tables).toEqual([{ table: 'purse', formerly: 'wallet', ...changes(1, 5), whileMigrating: 5 }]);
  });

  it('tells a table from the one that took its name', () => {
    const { tables } = dataLossWindow({
      restorePoint: counters(10, { 1: { name: 'wallet', ...changes(3) } }),
      now: counters(11, { 2: { name: 'wallet', ...changes(4) } }),
    });
    expect(tables).toEqual([
      { table: 'wallet', ...changes(4), whileMigrating: 0 },
      { table: 'wallet', isGone: true, ...changes(0), whileMigrating: 0 },
    ]);
  });

  it('names the other databases that a restore takes back, and tables that come back empty', () => {
    const window = dataLossWindow({
      restorePoint: counters(
        10,
        {},
        { databases: named({ billing: changes(5), old: changes(1), idle: changes(2) }) },
      ),
      now: counters(
        20,
        {},
        { databases: named({ billing: changes(6, 2), idle: changes(2) }), unlogged: ['public.cache'] },
      ),
    });
    expect(window).toMatchObject({
      databases: [
        { database: 'billing', rows: 3 },
        { database: 'old', isGone: true },
      ],
      unlogged: ['public.cache'],
    });
    expect(describeWindow(window)).toContain(
      'a restore takes the other databases of the server back as well: at most 3 rows of billing, old, which is gone since; unlogged tables come back empty: public.cache',
    );
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
