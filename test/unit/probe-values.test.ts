import type { ProbeColumn } from '../../lambda/checks/probes/columns';
import { otherChoices, otherValue } from '../../lambda/checks/probes/values';

const NUMERIC = (precision: number, scale: number): number => ((precision << 16) | (scale & 0x7ff)) + 4;

const column = (base: string, modifier = -1, more: Partial<ProbeColumn> = {}): ProbeColumn => ({
  number: 2,
  name: 'c"x',
  type: base,
  base,
  modifier,
  isArray: false,
  labels: null,
  isNullable: false,
  isKey: false,
  isReference: false,
  isWritable: true,
  ...more,
});

describe('another value', () => {
  it.each([
    ['one more', column('int4'), undefined, 'coalesce(t."c""x", 0) + 1'],
    [
      'what an integer of half the size could not hold',
      column('int8'),
      column('int4'),
      'coalesce(t."c""x", 0) + 2147483648',
    ],
    [
      'the last digit',
      column('numeric', NUMERIC(10, 2)),
      column('numeric', NUMERIC(10, 2)),
      'coalesce(t."c""x", 0) + 1e-2',
    ],
    [
      'a digit that the former scale lacked',
      column('numeric', NUMERIC(36, 18)),
      column('numeric', NUMERIC(10, 2)),
      'coalesce(t."c""x", 0) + 1e-18',
    ],
    [
      'a digit that the former scale lacked, of a number without limits',
      column('numeric'),
      column('numeric', NUMERIC(10, 2)),
      'coalesce(t."c""x", 0) + 1e-3',
    ],
    [
      'more digits before the point than there were',
      column('numeric', NUMERIC(20, 2)),
      column('numeric', NUMERIC(10, 2)),
      'coalesce(t."c""x", 0) + 1e8',
    ],
    [
      'a fraction where there was an integer',
      column('numeric', NUMERIC(12, 2)),
      column('int4'),
      'coalesce(t."c""x", 0) + 1e-2',
    ],
    [
      'hundreds where no smaller digit is kept',
      column('numeric', NUMERIC(4, -2)),
      undefined,
      'coalesce(t."c""x", 0) + 1e2',
    ],
    [
      'the finest part of a second',
      column('timestamp', 3),
      column('timestamp', 0),
      `coalesce(t."c""x", timestamp '2000-01-01') + interval '1 second' / 1e3`,
    ],
    ['an array joined to itself', column('_text', -1, { isArray: true }), undefined, 't."c""x" || t."c""x"'],
    ['nothing, of a type that is not known', column('polygon'), undefined, undefined],
  ])('is %s', (_, now, before, expression) => {
    expect(otherValue(now, before)).toBe(expression);
  });

  it('is a text of the same length, or one longer than the former type could hold', () => {
    const same = otherValue(column('varchar', 9), column('varchar', 9));
    expect(same).not.toContain('rpad');
    expect(otherValue(column('text'), column('varchar', 9))).toBe(`rpad(${same}, 6, 'g')`);
    expect(otherValue(column('varchar', 14), column('varchar', 9))).toBe(`rpad(${same}, 6, 'g')`);
    expect(otherValue(column('varchar', 9), column('text'))).toBe(same);
    expect(otherValue(column('text'), column('int4'))).toBe(`${same} || 'g'`);
  });

  it('maps letters and digits one to one, so that what is unique stays so', () => {
    const [, plain = '', shifted = ''] =
      /translate\(.*?, '(.*?)', '(.*?)'\)/.exec(otherValue(column('text'), undefined) ?? '') ?? [];
    expect([...plain].sort()).toEqual([...shifted].sort());
    expect([...plain].filter((letter, index) => letter === shifted[index])).toEqual([]);
    const classOf = (letter: string | undefined): number =>
      ['123456789', 'abcdef', 'ghijklmnopqrstuvwyz', 'ABCDEF'].findIndex((letters) =>
        letters.includes(letter ?? '?'),
      );
    expect([...plain].map(classOf)).toEqual([...shifted].map(classOf));
  });
});

describe('one of a few values', () => {
  it('is each of them in turn, so that no constant is everywhere', () => {
    expect(otherChoices(column('bool'), undefined, ['true', 'true', 'true'])).toEqual([
      'true',
      'false',
      'true',
    ]);
    expect(otherChoices(column('bool'), undefined, ['true', 'false'])).toEqual(['false', 'true']);
  });

  it('begins with what the former type could not hold', () => {
    const before = column('kind', -1, { labels: ['a', 'b'] });
    const now = column('kind', -1, { labels: ['a', 'b', 'c'] });
    expect(otherChoices(now, before, ['a', 'a', 'a', 'a'])).toEqual(['c', 'a', 'b', 'c']);
  });

  it('is none where there is but one', () => {
    expect(otherChoices(column('kind', -1, { labels: ['a'] }), undefined, ['a'])).toBeUndefined();
    expect(otherChoices(column('text'), undefined, ['a'])).toBeUndefined();
  });
});
