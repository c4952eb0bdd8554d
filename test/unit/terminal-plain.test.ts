import { chooseMode } from '../../cli/terminal/mode';
import { type Level, PlainLines } from '../../cli/terminal/plain';
import { advance, EMPTY_VIEW } from '../../cli/terminal/view';
import { cutTo, widthOf, wrapTo } from '../../cli/terminal/width';
import type { ProgressEvent } from '../../lambda/domain/step';

const NINE = Date.parse('2025-11-22T09:00:00Z');

/** Pairs of seconds and events. */
function linesOf(level: Level, events: readonly (readonly [number, ProgressEvent])[]): string[] {
  const plain = new PlainLines(level);
  let view = EMPTY_VIEW;
  return events.flatMap(([seconds, event]) => {
    const now = NINE + seconds * 1000;
    const step = advance(view, event, now);
    view = step.view;
    return plain.linesFor(event, step, now);
  });
}

const backup = (done: number): ProgressEvent => ({
  type: 'step',
  step: 'InspectSnapshot',
  status: 'waiting',
  message: 'base backup',
  done,
  total: 3_000_000,
  unit: 'bytes',
});

const SNAPSHOT: readonly (readonly [number, ProgressEvent])[] = [
  [0, { type: 'step', step: 'BeginSnapshot', status: 'entered' }],
  [1, { type: 'step', step: 'BeginSnapshot', status: 'passed' }],
  [1, { type: 'step', step: 'InspectSnapshot', status: 'entered' }],
  [2, backup(1_000_000)],
  [2, { type: 'step', step: 'InspectSnapshot', status: 'entered' }],
  [12, backup(2_000_000)],
  [13, backup(2_500_000)],
  [15, { type: 'step', step: 'InspectSnapshot', status: 'passed', message: 'restore point ready' }],
];

const statement = (
  step: 'Migrate' | 'RunRehearsal',
  status: 'started' | 'finished' | 'failed',
  durationMs = 12,
): ProgressEvent => ({
  type: 'statement',
  step,
  migration: '20251124090000_production_indexes',
  statement: 1,
  of: 2,
  line: 7,
  sql: 'CREATE INDEX\n  CONCURRENTLY "i" ON "T" ("c")',
  status,
  ...(status === 'started' ? {} : { durationMs }),
  ...(status === 'failed' ? { message: 'no space' } : {}),
});

test('a phase begins with a line and ends with one, and in between speaks at most every ten seconds', () => {
  expect(linesOf('normal', SNAPSHOT)).toEqual([
    '09:00:00Z Snapshot started',
    '09:00:12Z Snapshot waits: base backup (2.0 MB of 3.0 MB)',
    '09:00:15Z Snapshot passed in 15.0 s: restore point ready',
  ]);
});

test('verbose tells every step and every bit of progress', () => {
  expect(linesOf('verbose', SNAPSHOT)).toEqual([
    '09:00:00Z Snapshot (BeginSnapshot) started',
    '09:00:01Z Snapshot (BeginSnapshot) passed in 1.0 s',
    '09:00:01Z Snapshot (InspectSnapshot) started',
    '09:00:02Z Snapshot (InspectSnapshot) waits: base backup (1.0 MB of 3.0 MB)',
    '09:00:12Z Snapshot (InspectSnapshot) waits: base backup (2.0 MB of 3.0 MB)',
    '09:00:13Z Snapshot (InspectSnapshot) waits: base backup (2.5 MB of 3.0 MB)',
    '09:00:15Z Snapshot (InspectSnapshot) passed in 14.0 s: restore point ready',
  ]);
});

test('quiet tells nothing while it works', () => {
  expect(linesOf('quiet', SNAPSHOT)).toEqual([]);
});

test('statements that take long are told where they change production, on the clone only when they fail', () => {
  expect(
    linesOf('normal', [
      [0, statement('RunRehearsal', 'finished')],
      [1, statement('RunRehearsal', 'failed')],
      [2, statement('Migrate', 'started')],
      [3, statement('Migrate', 'finished', 700)],
      [4, statement('Migrate', 'finished')],
    ]),
  ).toEqual([
    '09:00:00Z Rehearse started',
    '09:00:01Z Rehearse 20251124090000_production_indexes:7 (1/2) failed in 12 ms: no space  CREATE INDEX CONCURRENTLY "i" ON "T" ("c")',
    '09:00:02Z Rehearse left in 2.0 s',
    '09:00:02Z Migrate started',
    '09:00:03Z Migrate 20251124090000_production_indexes:7 (1/2) finished in 700 ms  CREATE INDEX CONCURRENTLY "i" ON "T" ("c")',
  ]);
});

test.each([
  ['a terminal', { isTTY: true }, {}, 'tty'],
  ['a pipe', {}, {}, 'plain'],
  ['CI', { isTTY: true }, { CI: 'true' }, 'plain'],
  ['NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, 'plain'],
  ['an empty NO_COLOR', { isTTY: true }, { NO_COLOR: '' }, 'tty'],
  ['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, 'plain'],
])('on %s the mode fits', (_, stream, env, mode) => {
  const stdout = { write: () => true, ...stream };
  expect(chooseMode({ stdout, json: false, noColor: false, env }).mode).toBe(mode);
  expect(chooseMode({ stdout, json: true, noColor: false, env })).toMatchObject({
    mode: 'json',
    color: false,
  });
  expect(chooseMode({ stdout, json: false, noColor: true, env }).mode).toBe('plain');
});

test('widths count what is seen: wide characters twice, combining ones not at all', () => {
  expect(widthOf('abc')).toBe(3);
  expect(widthOf('漢字')).toBe(4);
  expect(widthOf('e\u0301')).toBe(1);
  expect(widthOf('👩‍🚀')).toBe(2);
  expect(cutTo('漢字漢字', 5)).toBe('漢字…');
  expect(cutTo('abc', 3)).toBe('abc');
  expect(wrapTo('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrapTo('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
});
