import * as fc from 'fast-check';
import {
  compare as compareReadings,
  type Invariant,
  parseInvariant,
  type Reading,
  type ReadingRow,
} from '../../lambda/domain/invariant';
import type { InvariantOutcome } from '../../lambda/domain/run';

const parse = (...lines: string[]): Invariant =>
  parseInvariant({ file: 'invariants/totals.sql', sql: lines.join('\n') });

/** Synchronous properties only: what it answers is no promise. */
const holds = <T>(property: fc.IProperty<T>): void => fc.assert(property);

const compare = (
  invariant: Invariant,
  before?: Reading,
  after?: Reading,
  isBack?: boolean,
): InvariantOutcome => compareReadings(invariant, before, after, isBack ? { isBack } : {});

const SAME = parse('-- invariant: Totals', '-- key: wallet, chain', 'SELECT 1');
const WRITTEN: Invariant = { ...SAME, written: 'at' };
const NONE: Invariant = { ...SAME, expect: 'none', key: ['id'] };

const reading = (...rows: ReadingRow[]): Reading => ({ rows, durationMs: 1 });
const row = (
  wallet: string,
  total: string | null,
  at: string | null = null,
  chain: string | null = 'eth',
): ReadingRow => ({
  wallet,
  chain,
  total,
  at,
});

describe('rows that must stay the same', () => {
  const before = reading(row('a', '1'), row('b', '2'));

  it('have held where they are the same, in whatever order', () => {
    const outcome = compare(SAME, before, reading(row('b', '2'), row('a', '1')));
    expect(outcome).toEqual({
      name: 'Totals',
      severity: 'error',
      verdict: 'held',
      before: '2 rows',
      after: '2 rows',
      differences: [],
    });
  });

  it.each([
    ['a changed value', reading(row('a', '1'), row('b', '2.0')), ['b, eth: total 2 → 2.0']],
    ['a lost value', reading(row('a', null), row('b', '2')), ['a, eth: total 1 → null']],
    ['swapped values', reading(row('a', '2'), row('b', '1')), ['a, eth: total 1 → 2', 'b, eth: total 2 → 1']],
    ['a lost row', reading(row('a', '1')), ['b, eth: gone']],
    ['a new row', reading(row('a', '1'), row('b', '2'), row('c', '3')), ['c, eth: new']],
    ['no rows at all', reading(), ['a, eth: gone', 'b, eth: gone']],
    [
      'a column that came',
      reading({ ...row('a', '1'), x: null }, row('b', '2')),
      ['a, eth: x absent → null'],
    ],
  ])('are broken by %s', (_, after, differences) => {
    expect(compare(SAME, before, after)).toMatchObject({ verdict: 'broken', differences });
  });

  it('are not mixed up where the values of a key run into each other', () => {
    const hostile = reading(
      row('a, b', '1', null, 'c'),
      row('a', '2', null, 'b, c'),
      row('null', '3', null, 'x'),
      row('x', '4', null, null),
    );
    expect(compare(SAME, hostile, hostile).verdict).toBe('held');
    const lost = reading(row('a', '2', null, 'b, c'), row('null', '3', null, 'x'), row('x', '4', null, null));
    expect(compare(SAME, hostile, lost)).toMatchObject({ verdict: 'broken', differences: ['a, b, c: gone'] });
    expect(
      compare(SAME, reading(row('x', '1', null, null)), reading(row('x', '1', null, 'null'))),
    ).toMatchObject({ verdict: 'broken' });
  });

  it('show the first five differences and count the rest', () => {
    const many = reading(...Array.from({ length: 8 }, (_, index) => row(`${index}`, '1')));
    const { differences } = compare(SAME, many, reading());
    expect(differences).toHaveLength(6);
    expect(differences.at(-1)).toBe('and 3 more');
  });
});

describe('rows that tell when the application wrote them', () => {
  const before = reading(
    row('a', '1', '2026-01-01T00:00:00'),
    row('b', '2', '2026-01-02T00:00:00.5'),
    row('c', '3'),
  );
  const with_ = (...changed: ReadingRow[]): Reading => {
    const keys = changed.map((each) => each.wallet);
    const kept = 'rows' in before ? before.rows.filter((each) => !keys.includes(each.wallet)) : [];
    return reading(...kept, ...changed);
  };
  const verdictOf = (after: Reading) => compare(WRITTEN, before, after).verdict;

  it('may differ where they were written later', () => {
    expect(verdictOf(with_(row('a', '9', '2026-01-01T00:00:00.000001')))).toBe('held');
    expect(verdictOf(with_(row('c', '9', '2026-01-01T00:00:00')))).toBe('held');
  });

  it('may not differ where they were not, or seem to have been written earlier, or never', () => {
    expect(verdictOf(with_(row('a', '9', '2026-01-01T00:00:00')))).toBe('broken');
    expect(verdictOf(with_(row('a', '9', '2025-12-31T00:00:00')))).toBe('broken');
    expect(verdictOf(with_(row('a', '9', null)))).toBe('broken');
    expect(verdictOf(with_(row('c', '9')))).toBe('broken');
  });

  it('may not be swapped, times and all', () => {
    expect(
      verdictOf(with_(row('a', '2', '2026-01-02T00:00:00.5'), row('b', '1', '2026-01-01T00:00:00'))),
    ).toBe('broken');
  });

  it('may be joined by rows that were written after all others, and by no others', () => {
    expect(verdictOf(with_(row('d', '4', '2026-01-02T00:00:00.6')))).toBe('held');
    expect(verdictOf(with_(row('d', '4', '2026-01-02T00:00:00.5')))).toBe('broken');
    expect(verdictOf(with_(row('d', '4', null)))).toBe('broken');
  });

  it('may not be lost', () => {
    const rows = 'rows' in before ? before.rows.slice(1) : [];
    expect(compare(WRITTEN, before, reading(...rows))).toMatchObject({
      verdict: 'broken',
      differences: ['a, eth: gone'],
    });
  });
});

describe('violations that there must be none of', () => {
  it('have held where there are none, or none but those that were there', () => {
    expect(compare(NONE, reading(), reading())).toMatchObject({ verdict: 'held', before: '0 violations' });
    const known = reading({ id: '1', usd: '-1' });
    expect(compare(NONE, known, known)).toMatchObject({ verdict: 'held', after: '1 violation' });
    expect(compare(NONE, known, reading()).verdict).toBe('held');
  });

  it('are broken by a new one, which is shown', () => {
    const after = reading({ id: '1', usd: '-1' }, { id: '"2"', usd: '-2' });
    const outcome = compare({ ...NONE, severity: 'warning' }, reading({ id: '1', usd: '-1' }), after);
    expect(outcome).toMatchObject({
      verdict: 'broken',
      severity: 'warning',
      differences: [`"2": {"id":"\\"2\\"","usd":"-2"}`],
    });
  });
});

describe('what could not be read', () => {
  const fine = reading(row('a', '1'));
  const problem: Reading = { problem: 'relation "x" does not exist' };

  it.each([
    ['after', fine, problem, 'relation "x" does not exist'],
    ['before', problem, fine, 'relation "x" does not exist'],
    ['either time', problem, problem, 'relation "x" does not exist'],
    ['after, not even tried', fine, undefined, 'not read'],
    ['before, not even tried', undefined, fine, 'not read'],
  ])('is indeterminate and never held: %s', (_, before, after, reason) => {
    for (const invariant of [SAME, { ...NONE, key: ['wallet'] }]) {
      expect(compare(invariant, before, after)).toMatchObject({
        verdict: 'indeterminate',
        differences: [reason],
      });
    }
  });

  it('has held where its tables are only made by the migration, unless they bring violations with them', () => {
    const absent: Reading = { problem: 'relation "x" does not exist', isAbsent: true };
    expect(compare(SAME, absent, fine)).toMatchObject({
      verdict: 'held',
      before: 'not there',
      after: '1 row',
    });
    expect(compare(NONE, absent, reading()).verdict).toBe('held');
    expect(compare(NONE, absent, reading({ id: '1' })).verdict).toBe('broken');
    expect(compare(SAME, absent, absent).verdict).toBe('indeterminate');
    expect(compare(SAME, absent, absent, true).verdict).toBe('held');
    expect(compare(SAME, fine, absent, true).verdict).toBe('indeterminate');
  });

  it('is indeterminate where rows cannot be told apart: two of a key, or no such column', () => {
    const twice = reading(row('a', '1'), row('a', '2'));
    expect(compare(SAME, twice, twice)).toMatchObject({
      verdict: 'indeterminate',
      differences: ['several rows have the key a, eth'],
    });
    expect(compare(SAME, fine, twice).verdict).toBe('indeterminate');
    const unnamed = reading({ id: '1' }, { id: '2' });
    for (const invariant of [
      { ...NONE, key: ['walletId'] },
      { ...SAME, key: ['id'], written: 'walletId' },
    ]) {
      const differences = ['the query gives no column "walletId", which the header names'];
      expect(compare(invariant, unnamed, unnamed)).toMatchObject({ verdict: 'indeterminate', differences });
    }
  });
});

describe('compare, whatever the rows', () => {
  const value = fc.option(fc.oneof(fc.constantFrom('null', 'a', 'a, b', ', ', '"'), fc.string()), {
    nil: null,
  });
  const rows = fc.uniqueArray(fc.record({ wallet: value, chain: value, total: value, at: value }), {
    selector: (each) => JSON.stringify([each.wallet, each.chain]),
    minLength: 1,
    maxLength: 6,
  });
  const invariants = fc.constantFrom(SAME, WRITTEN);
  const pick = <T>(from: readonly T[], seed: number): T => from[seed % from.length] as T;

  it('does not mind the order of rows', () => {
    const shuffled = rows.chain((given) =>
      fc.tuple(fc.constant(given), fc.shuffledSubarray(given, { minLength: given.length })),
    );
    holds(
      fc.property(invariants, shuffled, (invariant, [before, after]) => {
        expect(compare(invariant, reading(...before), reading(...after)).verdict).toBe('held');
      }),
    );
  });

  it('finds every change of a row that was not written', () => {
    holds(
      fc.property(invariants, rows, fc.nat(), value, (invariant, before, seed, total) => {
        const changed = pick(before, seed);
        fc.pre(changed.total !== total);
        const after = before.map((each) => (each === changed ? { ...each, total } : each));
        expect(compare(invariant, reading(...before), reading(...after)).verdict).toBe('broken');
      }),
    );
  });

  it('finds every lost row', () => {
    holds(
      fc.property(invariants, rows, fc.nat(), (invariant, before, seed) => {
        const lost = pick(before, seed);
        const after = before.filter((each) => each !== lost);
        expect(compare(invariant, reading(...before), reading(...after)).verdict).toBe('broken');
      }),
    );
  });

  it('finds every row that appeared without a time of writing', () => {
    holds(
      fc.property(invariants, rows, fc.nat(), (invariant, after, seed) => {
        const added = pick(after, seed);
        const before = after.filter((each) => each !== added);
        const now = after.map((each) => (each === added ? { ...each, at: null } : each));
        expect(compare(invariant, reading(...before), reading(...now)).verdict).toBe('broken');
      }),
    );
  });
});
