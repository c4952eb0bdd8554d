import {
  DEFAULT_DRILL_TARGETS,
  type DrillCheck,
  type DrillRecord,
  drillIdOf,
  drillInstanceOf,
  judge,
  phasesOf,
  withMark,
} from '../../lambda/domain/drill';
import { renderDrill } from '../../lambda/report/drill';

const at = (second: number): string => new Date(Date.UTC(2026, 0, 31, 12, 0, second)).toISOString();
const held: DrillCheck = { name: 'Rows as recorded', verdict: 'held', evidence: '3 tables', details: [] };
const PROVEN: DrillRecord = {
  drillId: 'drill-20260131-120000-abcd',
  database: 'embedded/wedefidaily',
  targets: DEFAULT_DRILL_TARGETS,
  startedAt: at(0),
  restorePoint: { name: 'before-run', at: at(0), takenByDrill: false },
  rpo: { measuredAt: at(10), restorableUntil: at(4) },
  marks: [
    { phase: 'begin', at: at(10) },
    { phase: 'copy', at: at(11) },
    { phase: 'replay', at: at(14) },
    { phase: 'open', at: at(20) },
    { phase: 'prove', at: at(21) },
    { phase: 'proven', at: at(30) },
  ],
  comparedWith: 'serving',
  checks: [held],
  tables: [{ name: 'public."Wallet"', rows: 7 }],
  isDiscarded: true,
};

test('a drill that proved everything within its targets passed', () => {
  expect(judge(PROVEN)).toEqual({
    outcome: 'passed',
    verified: true,
    rpoMs: 6_000,
    rtoMs: 20_000,
    reasons: [],
  });
});

test('the recovery time is the sum of its phases', () => {
  expect(phasesOf(PROVEN.marks)).toEqual([
    { phase: 'begin', durationMs: 1_000 },
    { phase: 'copy', durationMs: 3_000 },
    { phase: 'replay', durationMs: 6_000 },
    { phase: 'open', durationMs: 1_000 },
    { phase: 'prove', durationMs: 9_000 },
  ]);
});

test('a phase that goes on is marked once', () => {
  const once = withMark(PROVEN, 'replay', at(40));
  expect(withMark(once, 'replay', at(50))).toBe(once);
});

const RESTORED_ELSEWHERE = { ...PROVEN, comparedWith: 'none' } as const;
const { rpo: _rpo, ...NEVER_ARCHIVED } = PROVEN;

test.each<[string, DrillRecord, string, boolean, RegExp]>([
  [
    'a recovery slower than its target',
    { ...PROVEN, targets: { rpoMs: 60_000, rtoMs: 19_999 } },
    'too-slow',
    true,
    /recovery took 20 s/,
  ],
  [
    'more lost than allowed',
    { ...PROVEN, targets: { rpoMs: 5_999, rtoMs: 60_000 } },
    'too-slow',
    true,
    /6 s of writes would be lost/,
  ],
  ['an archive that holds nothing', NEVER_ARCHIVED, 'too-slow', true, /nothing is restorable/],
  [
    'a broken check',
    { ...PROVEN, checks: [{ ...held, verdict: 'broken', details: ['public.t: 1 rows instead of 2', 'x'] }] },
    'not-proven',
    false,
    /Rows as recorded: broken: public\.t: 1 rows instead of 2, and 1 more/,
  ],
  [
    'a check that could not be made out',
    { ...PROVEN, checks: [{ ...held, verdict: 'indeterminate' }] },
    'not-proven',
    false,
    /could not be told/,
  ],
  [
    'rows that nobody compared',
    { ...PROVEN, checks: [{ ...held, verdict: 'not-made', evidence: 'the database is too large' }] },
    'not-proven',
    false,
    /Rows as recorded: not looked at: the database is too large/,
  ],
  [
    'nothing to compare with but what an earlier drill recovered',
    { ...PROVEN, comparedWith: 'drill' },
    'not-proven',
    false,
    /from an earlier drill alone/,
  ],
  ['nothing to compare with', RESTORED_ELSEWHERE, 'not-proven', false, /nobody had recorded/],
  [
    'commits that are missing',
    { ...PROVEN, lost: { from: at(1), to: at(2) } },
    'not-proven',
    false,
    /commits between/,
  ],
  [
    'a proof that never ended',
    { ...PROVEN, marks: PROVEN.marks.slice(0, -1) },
    'not-proven',
    false,
    /never finished/,
  ],
  ['a failure', { ...PROVEN, failure: 'the disk is full' }, 'failed', false, /the disk is full/],
  ['a person who stopped it', { ...PROVEN, aborted: true, failure: 'x' }, 'aborted', false, /a person/],
])('%s is no success', (_case, record, outcome, verified, reason) => {
  const verdict = judge(record);
  expect(verdict).toMatchObject({ outcome, verified });
  expect(verdict.reasons.join()).toMatch(reason);
});

test('every attempt at one event of the schedule is the same drill, and another event another', () => {
  const event = { at: '2026-11-22T03:00:00Z', event: 'e1d5' };
  expect(drillIdOf(event)).toMatch(/^drill-20261122-030000-[0-9a-f]{4}$/);
  expect(drillIdOf({ ...event })).toBe(drillIdOf(event));
  expect(drillIdOf({ ...event, event: 'e1d6' })).not.toBe(drillIdOf(event));
  // RDS' limit, with the prefix of its adapter.
  expect(`godwit-${drillInstanceOf('a'.repeat(40))}`.length).toBeLessThanOrEqual(63);
});

test.each([
  [{}],
  [{ drillId: '../elsewhere' }],
  [{ drillId: 'a'.repeat(41) }],
  [{ at: 'never', event: 'x' }],
])('%j begins no drill', (input) => {
  expect(() => drillIdOf(input)).toThrow(/A drill/);
});

test("a stranger's text becomes markup in neither form of the report", () => {
  const hostile = `<img src=x onerror=alert(1)> [a](javascript:b) | @everyone \u202e`;
  const { markdown, html } = renderDrill({
    ...PROVEN,
    database: hostile,
    failure: hostile,
    restorePoint: { name: hostile, at: hostile, takenByDrill: true },
    checks: [{ name: 'Rows', verdict: 'broken', evidence: hostile, details: [hostile] }],
    tables: [{ name: hostile, rows: 1, sampled: 0.5 }],
  });
  for (const text of [markdown, html]) {
    expect(text).not.toContain('<img');
    expect(text).not.toContain('\u202e');
    expect(text).toContain('onerror');
  }
  expect(markdown).not.toMatch(/(?<!\\)\[a\\?\]\(javascript/);
  expect(markdown).not.toMatch(/@everyone/);
  expect(html).not.toContain('<script');
});

test('the report shows how long each phase took, what was proven, and of samples that they are samples', () => {
  const { markdown, html } = renderDrill({
    ...PROVEN,
    tables: [{ name: 'public.large', rows: 10, sampled: 0.25 }],
  });
  for (const text of [markdown, html]) {
    expect(text).toContain('Replay WAL and promote');
    expect(text).toContain('6.0 s');
    expect(text).toContain('a sample of 25.00 %');
    expect(text).toContain('what the serving database held at the restore point');
  }
});
