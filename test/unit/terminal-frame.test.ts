import { type Canvas, drawFinished, drawFrame } from '../../cli/terminal/frame';
import { createLook } from '../../cli/terminal/look';
import { USUAL_PHASES } from '../../cli/terminal/phases';
import { advance, EMPTY_VIEW, type PhaseView, type View } from '../../cli/terminal/view';
import { widthOf } from '../../cli/terminal/width';
import type { ProgressEvent, StatementProgress, StepProgress } from '../../lambda/domain/step';

const CREATE_INDEX = 'CREATE INDEX CONCURRENTLY "token_balance_usd_idx" ON "TokenBalance" ("usdValue" DESC)';

const canvas = (changes: Partial<Canvas> = {}): Canvas => ({
  look: createLook({ color: false, unicode: true }),
  columns: 99,
  rows: 40,
  tick: 0,
  now: 0,
  expected: USUAL_PHASES,
  maxBlockingMs: 100,
  ...changes,
});

const step = (
  name: StepProgress['step'],
  status: StepProgress['status'],
  more: Partial<StepProgress> = {},
): ProgressEvent => ({
  type: 'step',
  step: name,
  status,
  ...more,
});

const statement = (
  status: StatementProgress['status'],
  more: Partial<StatementProgress> = {},
): ProgressEvent => ({
  type: 'statement',
  step: 'Migrate',
  migration: '20251124090000_production_indexes',
  statement: 1,
  of: 3,
  line: 7,
  sql: CREATE_INDEX,
  status,
  ...more,
});

/** Events one second apart. */
function play(...events: ProgressEvent[]): { view: View; finished: PhaseView[]; now: number } {
  let view = EMPTY_VIEW;
  let now = -1000;
  const finished: PhaseView[] = [];
  for (const event of events) {
    now += 1000;
    const next = advance(view, event, now);
    view = next.view;
    finished.push(...next.finished);
  }
  return { view, finished, now };
}

const frameOf = (events: ProgressEvent[], changes: Partial<Canvas> = {}): string => {
  const { view, now } = play(...events);
  return `\n${drawFrame(view, canvas({ now: now + 400, ...changes })).join('\n')}\n`;
};

const logOf = (events: ProgressEvent[], changes: Partial<Canvas> = {}): string =>
  `\n${play(...events)
    .finished.flatMap((phase) => drawFinished(phase, canvas(changes)))
    .join('\n')}\n`;

test('a phase at work is shown with its bar and with the phases that are to come', () => {
  const frame = frameOf([
    step('Preflight', 'entered'),
    step('Preflight', 'passed'),
    step('BeginSnapshot', 'entered'),
    step('BeginSnapshot', 'passed'),
    step('InspectSnapshot', 'waiting', {
      message: 'base backup',
      done: 25_000_000,
      total: 100_000_000,
      unit: 'bytes',
    }),
  ]);
  expect(frame).toBe(`
  ⠋ Snapshot           2.4 s  waiting: base backup
      ━━━━━━━━────────────────────────  25 %  25.0 MB of 100 MB
  ○ Rehearse  ○ Approve  ○ Baseline  ○ Migrate  ○ Validate
`);
});

test('a statement at work is shown with its place, its time and why it stepped back', () => {
  const frame = frameOf([
    step('Migrate', 'entered'),
    step('Migrate', 'progress', { done: 1, total: 5, unit: 'migrations' }),
    statement('finished', { migration: '20251110090000_check_constraints', of: 1, durationMs: 12 }),
    statement('started', { statement: 3, of: 10 }),
    statement('retrying', { statement: 3, of: 10, message: 'a session of metabase holds "TokenBalance"' }),
    step('Migrate', 'progress', { done: 30, total: 120, unit: 'rows' }),
  ]);
  expect(frame).toBe(`
  ⠋ Migrate            5.4 s  migration 2/5
    ✔ 20251110090000_check_constraints                                       1 statement · 12 ms
    › 20251124090000_production_indexes                                           statement 3/10
      CREATE INDEX CONCURRENTLY "token_balance_usd_idx" ON "TokenBalance" ("usdValue" DE…  2.4 s
      stepped back 1 time to let the application pass: a session of metabase holds "TokenBalance"
      ━━━━━━━━────────────────────────  25 %  30 of 120 rows
  ○ Validate
`);
});

test('the footer tells what the application feels', () => {
  const { view } = play(step('Migrate', 'entered'));
  const application = { worstMs: 1204, requestsPerSecond: 198.6, errors: 1 };
  expect(drawFrame({ ...view, application }, canvas()).at(-1)).toBe(
    '  application  longest wait 1.2 s · 199 requests/s · 1 error',
  );
});

test('a phase that passed leaves one line, and migrating one more for each migration', () => {
  const log = logOf([
    step('Preflight', 'entered'),
    step('Preflight', 'passed', { message: '1 migration pending' }),
    step('Migrate', 'entered'),
    statement('finished', { durationMs: 812 }),
    statement('retrying', { statement: 2 }),
    statement('finished', { statement: 2, durationMs: 4 }),
    step('Migrate', 'passed', { message: '1 migration applied' }),
  ]);
  expect(log).toBe(`
  ✔ Preflight          1.0 s  1 migration pending
  ✔ Migrate            4.0 s  1 migration applied
    ✔ 20251124090000_production_indexes                          2 statements · 816 ms · 1 retry
`);
});

test('a failure is told in full and once, however long it is', () => {
  const reason = `could not create unique index "wallet_address_chain_unique": ${'duplicate key '.repeat(6)}(SQLSTATE 23505)`;
  const log = logOf(
    [
      step('Migrate', 'entered'),
      statement('failed', { durationMs: 31, message: reason }),
      step('Migrate', 'failed', { message: reason }),
    ],
    { columns: 79 },
  );
  expect(log.replaceAll(/\s+/g, ' ')).toContain(`failed: ${reason}`);
  expect(log.match(/could not create/g)).toHaveLength(1);
  expect(log).toContain('✖ 20251124090000_production_indexes');
  expect(log).toContain('0 of 3 statements');
});

test('a step that could not tell is not shown as a success', () => {
  const log = logOf([
    step('Validate', 'entered'),
    step('Validate', 'indeterminate', { message: 'no answer' }),
  ]);
  expect(log).toBe('\n  ? Validate           1.0 s  could not tell: no answer\n');
});

test('bookkeeping leaves no line unless it fails', () => {
  expect(logOf([step('Report', 'entered'), step('Report', 'passed')])).toBe('\n\n');
  expect(logOf([step('Notify', 'entered'), step('Notify', 'failed')])).toContain('✖ Notify');
});

test('recovery phases are shown when they happen and announce nothing', () => {
  const frame = frameOf([
    step('Migrate', 'entered'),
    step('Migrate', 'failed'),
    step('Assess', 'entered'),
    step('Assess', 'passed'),
    step('RollBack', 'entered'),
  ]);
  expect(frame).toBe('\n  ⠋ Roll back         400 ms\n');
});

test('a second run announces its phases like the first', () => {
  const frame = frameOf([
    step('Migrate', 'entered'),
    step('Migrate', 'failed'),
    step('Assess', 'entered'),
    step('Assess', 'passed'),
    step('Preflight', 'entered'),
  ]);
  expect(frame).toContain('○ Snapshot  ○ Rehearse  ○ Approve  ○ Baseline  ○ Migrate  ○ Validate');
});

test('a phase of several steps lasts until its last step succeeds', () => {
  const events = [
    step('BeginRehearsal', 'entered'),
    step('BeginRehearsal', 'passed'),
    step('InspectRehearsal', 'entered'),
    step('InspectRehearsal', 'passed'),
    step('RunRehearsal', 'entered'),
  ];
  expect(play(...events).finished).toHaveLength(0);
  expect(play(...events, step('RunRehearsal', 'passed')).finished).toHaveLength(1);
});

test('a phase left without its last step ends when the next begins, with the time of its own end', () => {
  const { finished } = play(
    step('CheckApproval', 'entered'),
    step('CheckApproval', 'passed', { message: 'not needed' }),
    step('Baseline', 'entered'),
  );
  expect(finished).toMatchObject([{ phase: 'Approve', verdict: 'passed', startedAt: 0, endedAt: 1000 }]);
});

test.each([33, 47, 60, 80, 200])('no line of the frame is wider than %i columns', (columns) => {
  const { view } = play(
    step('Migrate', 'entered'),
    statement('failed', { migration: `2025_${'ワ'.repeat(60)}`, message: 'x'.repeat(300) }),
    statement('started', { sql: `SELECT '${'👩‍🚀漢字'.repeat(40)}'`, migration: 'm'.repeat(200) }),
    statement('retrying', { message: 'y'.repeat(300) }),
    step('Migrate', 'progress', { done: 123_456_789, total: 987_654_321, unit: 'rows' }),
  );
  const application = { worstMs: 123_456, requestsPerSecond: 1_000_000, errors: 1_000_000 };
  const lines = drawFrame({ ...view, application }, canvas({ columns, now: 99_999 }));
  expect(lines.filter((line) => widthOf(line) > columns)).toEqual([]);
});

test('the frame fits the height of the terminal: older migrations give way', () => {
  const done = Array.from({ length: 60 }, (_, index) =>
    statement('finished', { migration: `2025_${index}`, durationMs: 1 }),
  );
  const { view } = play(step('Migrate', 'entered'), ...done, statement('started'));
  const lines = drawFrame(view, canvas({ rows: 12 }));
  expect(lines.length).toBeLessThan(12);
  expect(lines.join('\n')).toContain('2025_59');
  expect(lines.join('\n')).toContain('more above');
});
