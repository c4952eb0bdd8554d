import { MigrationsFolderError } from '../../lambda/domain/errors';
import { type Invariant, parseInvariant } from '../../lambda/domain/invariant';

const FILE = 'invariants/totals.sql';
const parse = (...lines: string[]): Invariant => parseInvariant({ file: FILE, sql: lines.join('\n') });

describe('the header of an invariant', () => {
  it('gives name, severity, expectation, key and the time of writing', () => {
    const sql =
      '-- invariant: Totals\n--severity: warning\n-- Expect:none\n-- key: a , "b"\n-- written: updatedAt\nSELECT 1';
    expect(parseInvariant({ file: FILE, sql })).toEqual({
      file: FILE,
      name: 'Totals',
      severity: 'warning',
      expect: 'none',
      key: ['a', '"b"'],
      written: 'updatedAt',
      sql,
    });
  });

  it('defaults to an error where rows do not stay the same', () => {
    expect(parse('-- invariant: x', '-- key: id', 'SELECT 1')).toMatchObject({
      severity: 'error',
      expect: 'same',
      written: undefined,
    });
  });

  it('understands line ends and marks of Windows, and keeps the mark from Postgres', () => {
    const invariant = parseInvariant({ file: FILE, sql: '\uFEFF-- invariant: x\r\n-- key: id\r\nSELECT 1' });
    expect(invariant).toMatchObject({
      name: 'x',
      key: ['id'],
      sql: '-- invariant: x\r\n-- key: id\r\nSELECT 1',
    });
  });

  it('ends with the first line that is no comment, and is not led astray by its own description', () => {
    const header = ['-- invariant: x: y', '-- key: id', '-- description: per key.', '--   key: the wallet'];
    expect(parse(...header, 'SELECT 1', '-- severity: warning')).toMatchObject({
      name: 'x: y',
      key: ['id'],
      severity: 'error',
    });
  });

  it.each([
    [
      'no name',
      ['-- key: id'],
      'the header names no invariant',
      'Begin the file with "-- invariant: <name>".',
    ],
    ['an empty name', ['-- invariant:', '-- key: id'], 'the header names no invariant', 'Begin the file'],
    [
      'no header',
      ['SELECT 1', '-- invariant: x', '-- key: id'],
      'the header names no invariant',
      'Begin the file',
    ],
    ['no key', ['-- invariant: x'], 'the header names no key', 'Add "-- key: <column>[, <column>]".'],
    ['an empty key', ['-- invariant: x', '-- key: , '], 'the header names no key', 'Add "-- key:'],
    [
      'another severity',
      ['-- invariant: x', '-- key: id', '-- severity: Fatal'],
      'severity "Fatal" is unknown',
      'Use error or warning.',
    ],
    [
      'another expectation',
      ['-- invariant: x', '-- key: id', '-- expect: all'],
      'expect "all" is unknown',
      'Use same or none.',
    ],
  ])('is refused with %s, and the error names the file and the remedy', (_, lines, problem, remedy) => {
    const refusal = (): Invariant => parse(...lines, 'SELECT 1');
    expect(refusal).toThrow(MigrationsFolderError);
    expect(refusal).toThrow(`${FILE}:1: ${problem}. ${remedy}`);
  });
});
