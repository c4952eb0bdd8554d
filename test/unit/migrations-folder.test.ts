import fc from 'fast-check';
import {
  draftName,
  migrationNameProblem,
  sharedTimestamps,
  slug,
  timeForNext,
} from '../../lambda/domain/migration-name';
import { outOfOrder } from '../../lambda/domain/migrations-folder';

describe('names of migrations', () => {
  it.each(['20250101000000_init', '0_init', '20250101000000_a.b-C_d'])('may be %s', (name) => {
    expect(migrationNameProblem(name)).toBeUndefined();
  });

  it.each([
    '',
    'init',
    '../20250101000000_x',
    '20250101000000_a/b',
    '20250101000000_',
    '20250101000000_a\nb',
    '..',
  ])('may not be %j', (name) => expect(migrationNameProblem(name)).toContain('its name is not'));

  it('may not be longer than the ledger holds', () => {
    expect(migrationNameProblem(`20250101000000_${'x'.repeat(250)}`)).toContain('longer than');
  });

  it('are grouped by the timestamp that they share', () => {
    const names = ['20250101000000_b', '20250102000000_c', '20250101000000_a'];
    expect(sharedTimestamps(names)).toEqual([['20250101000000_a', '20250101000000_b']]);
  });

  it.each([
    ['init_production_schema', 'init_production_schema'],
    ['addPriceIndex', 'add_price_index'],
    ['  Straße & Ähre!', 'stra_e_ahre'],
    ['../../etc', 'etc'],
    ['???', ''],
  ])('are made of %j as %j', (given, made) => expect(slug(given)).toBe(made));

  it('that are drafted are always valid', () => {
    const dates = fc.date({ min: new Date('2000-01-01'), max: new Date('2999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(fc.string(), dates, (name, at) => {
        if (slug(name) !== '') expect(migrationNameProblem(draftName(name, at))).toBeUndefined();
      }),
    );
  });
});

describe('the time of the next migration', () => {
  const next = (names: string[], now: string): string =>
    draftName(
      'x',
      timeForNext(
        names.map((name) => ({ name })),
        new Date(now),
      ),
    );

  it('is now', () => {
    expect(next(['20250101000000_a'], '2025-06-01T12:00:00Z')).toBe('20250601120000_x');
    expect(next(['0_init'], '2025-06-01T12:00:00Z')).toBe('20250601120000_x');
    expect(next([], '2025-06-01T12:00:00Z')).toBe('20250601120000_x');
  });

  it('is after the last migration, even if that was written this second or by a clock ahead of ours', () => {
    expect(next(['20250601120000_a'], '2025-06-01T12:00:00.500Z')).toBe('20250601120001_x');
    expect(next(['20251231235959_a', '20250101000000_b'], '2025-06-01T12:00:00Z')).toBe('20260101000000_x');
  });
});

describe('out of order', () => {
  it('is a pending migration that sorts before an applied one', () => {
    expect(outOfOrder(['1_a', '3_c'], ['2_b', '4_d'])).toEqual(['2_b']);
  });

  it('is nothing on a new database', () => {
    expect(outOfOrder([], ['2_b', '1_a'])).toEqual([]);
  });
});
