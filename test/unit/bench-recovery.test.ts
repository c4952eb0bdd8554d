import fc from 'fast-check';
import { reportOf } from '../../bench/measure';
import type { ContestantName } from '../../bench/recovery/contestant';
import type { Measurement } from '../../bench/recovery/measure-round';
import { versionIn } from '../../bench/recovery/peers';
import { phasesOf } from '../../bench/recovery/phases';
import { faultsOf, resultsOf } from '../../bench/recovery/results';
import { tableOf } from '../../bench/recovery/table';
import type { Score } from '../../bench/stall/score';

const BEGUN = Date.parse('2025-11-22T18:00:00.000Z');

const logOf = (marks: readonly (readonly [number, string])[]): string =>
  marks
    .map(([ms, words]) => {
      const [date = '', time = ''] = new Date(BEGUN + ms).toISOString().replace('Z', '').split('T');
      return `${date} ${time} UTC [4711] LOG:  ${words}\n`;
    })
    .join('');

const RECOVERY = [
  [1500, 'starting PostgreSQL 18.4 on x86_64-pc-linux-gnu'],
  [1510, 'database system was interrupted; last known up at 2025-11-22 17:59:12 UTC'],
  [2100, 'restored log file "000000010000000000000044" from archive'],
  [2150, 'redo starts at 0/44000028'],
  [3000, 'recovery stopping at restore point "target-1.ab", time 2025-11-22 17:59:40.123456+00'],
  [3050, 'redo done at 0/4A000F28 system usage: CPU: user: 0.5 s'],
  [3200, 'selected new timeline ID: 2'],
  [3400, 'database system is ready to accept connections'],
] as const;

test('the phases of a restore are read from the server’s log, and leave no gap', () => {
  const phases = phasesOf(logOf(RECOVERY), { begun: BEGUN, served: BEGUN + 3420 });
  expect(phases).toEqual({
    copyMs: 1500,
    settleMs: 650,
    replayMs: 900,
    promoteMs: 350,
    answerMs: 20,
  });
});

test('a log in which a phase is missing is no measurement', () => {
  const cut = logOf(RECOVERY.filter(([, words]) => !words.startsWith('redo done')));
  expect(() => phasesOf(cut, { begun: BEGUN, served: BEGUN + 3420 })).toThrow('no "redo done at"');
});

test('the version is what stands behind the name', () => {
  expect(versionIn('postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n')).toBe('15.18');
  expect(versionIn('pgBackRest 2.45\n')).toBe('2.45');
  expect(versionIn('postgres (PostgreSQL) 19devel\n')).toBe('19');
  expect(versionIn('command not found')).toBeUndefined();
});

const score = (worstMs: number): Score => ({
  requests: 500,
  errors: 0,
  worstMs,
  worstReadMs: worstMs,
  worstWriteMs: worstMs,
  p99Ms: 10,
  over100Ms: 0,
  overSecond: 0,
});

const measured = (
  contestant: ContestantName,
  round: number,
  { stallMs = 40, restoreMs = 3000, ...rest }: Partial<Measurement> & { readonly stallMs?: number } = {},
): Measurement => ({
  contestant,
  round,
  dataBytes: 1e9,
  backupMs: 4000,
  before: score(20),
  during: score(stallMs),
  errors: [],
  pointMs: 60,
  walBytes: 2e8,
  restoreMs,
  phases: { copyMs: 1, settleMs: 1, replayMs: 1, promoteMs: 1, answerMs: 1 },
  rows: 10,
  differing: [],
  ...rest,
});

const shortfalls = (...measurements: readonly Measurement[]): readonly string[] =>
  reportOf('recovery', resultsOf(measurements), faultsOf(measurements)).fallsShort;

test('quicker than pgBackRest, and hardly noticed: nothing falls short', () => {
  const peers = [
    measured('pgbackrest', 1, { restoreMs: 9000, stallMs: 900 }),
    measured('pg_basebackup', 1, { restoreMs: 2000 }),
  ];
  expect(shortfalls(measured('godwit', 1), ...peers)).toEqual([]);
  expect(shortfalls(measured('godwit', 1))).toEqual([]);
});

test('one round in which pgBackRest was quicker falls short, whatever the others were', () => {
  const rounds = fc.array(fc.record({ ours: fc.integer({ min: 1 }), theirs: fc.integer({ min: 1 }) }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(rounds, (drawn) => {
      const measurements = drawn.flatMap(({ ours, theirs }, index) => [
        measured('godwit', index + 1, { restoreMs: ours }),
        measured('pgbackrest', index + 1, { restoreMs: theirs }),
      ]);
      const isSlower = drawn.some(({ ours, theirs }) => ours > theirs);
      expect(shortfalls(...measurements)).toHaveLength(isSlower ? 1 : 0);
    }),
  );
});

test('the worst stall of all rounds counts, and only ours is judged', () => {
  expect(shortfalls(measured('godwit', 1), measured('godwit', 2, { stallMs: 101 }))).toEqual([
    'backup, godwit, worst stall: 101 ms, limit 100 ms',
  ]);
});

test('a restored instance that is not as it was fails, whoever restored it', () => {
  const [ours, theirs] = [
    measured('godwit', 1, { differing: ['public."Transfer"'] }),
    measured('pgbackrest', 1, { differing: ['public."Wallet"'], restoreMs: 9000 }),
  ];
  expect(shortfalls(ours)).toContain('godwit, round 1: not as at the restore point: public."Transfer"');
  expect(shortfalls(measured('godwit', 1), theirs)).toEqual([
    'pgbackrest, round 1: not as at the restore point: public."Wallet"',
  ]);
});

test('an error of the application is told', () => {
  expect(shortfalls(measured('godwit', 2, { errors: ['no answer', 'x'] }))).toContain(
    'godwit, round 2: 2 errors, the first: no answer',
  );
});

test('the table has a line for each tool with ranges over its rounds, and each verdict', () => {
  const measurements = [
    measured('godwit', 1),
    measured('godwit', 2, { restoreMs: 4000 }),
    measured('pgbackrest', 1, { restoreMs: 9000 }),
  ];
  const lines = tableOf(measurements, resultsOf(measurements));
  expect(lines.find((line) => line.startsWith('  godwit'))).toContain('3–4');
  expect(lines.find((line) => line.startsWith('  pgbackrest'))).toContain('9');
  expect(lines.filter((line) => line.startsWith('  ok'))).toHaveLength(4);
});
