import { createHash } from 'node:crypto';
import type { ReportData } from '../../lambda/report/data';
import { renderReport } from '../../lambda/report/render';
import { STYLE } from '../../lambda/report/style';
import { bytesText, countText, durationText, utcText } from '../../lambda/report/words';

const REPORT: ReportData = {
  runId: 'run-20251122-114450-1a2b',
  status: 'rolled-back',
  reason: 'Portfolio totals are broken for 118 wallets.',
  database: '127.0.0.1:5432/wedefidaily',
  requestedBy: 'maria',
  startedAt: '2025-11-22T11:44:50.000Z',
  finishedAt: '2025-11-22T11:46:31.000Z',
  phases: [
    { name: 'Preflight', verdict: 'passed', durationMs: 900, message: '1 migration pending' },
    { name: 'Validate', verdict: 'failed', durationMs: 1800 },
    { name: 'Approve', verdict: 'skipped' },
  ],
  checklist: [{ item: 'Database backup completed', verdict: 'done', evidence: 'restore point p1, 312 MB' }],
  findings: [
    { id: 'old-transaction', severity: 'info', subject: 'pid 7', effect: 'It waits.', remedy: 'End it.' },
    {
      id: 'many-rows',
      severity: 'error',
      migration: 'm1',
      line: 16,
      subject: 'T',
      effect: 'Locks.',
      remedy: 'Batch.',
    },
  ],
  migrations: [
    {
      name: '20251201090000_reprice_balances',
      effect: 'rolled-back',
      hasDownScript: true,
      statements: [
        {
          line: 16,
          sql: 'UPDATE "T" SET "v" = 1',
          rehearsedMs: 61,
          durationMs: 74,
          attempts: 3,
          rewrites: true,
          locks: [{ relation: 'public."T"', mode: 'AccessExclusiveLock', heldMs: 40 }],
          cost: { observedMs: 2, walBytes: 30_000_000, grownBytes: 16_000_000, databaseBytes: 90_000_000 },
        },
        { line: 20, sql: 'SELECT 1' },
      ],
    },
  ],
  invariants: [
    {
      name: 'Portfolio totals',
      severity: 'error',
      verdict: 'broken',
      before: '9 rows',
      after: '9 rows',
      differences: ['w1: 1 → 1000'],
    },
    { name: 'Alerts', severity: 'error', verdict: 'held', before: '1 row', after: '1 row', differences: [] },
  ],
  worstBlockingMs: 3.1,
  maxBlockingMs: 100,
  estimate: {
    duration: { lowMs: 1_300, likelyMs: 2_600, highMs: 5_200 },
    blocking: { lowMs: 41, likelyMs: 41, highMs: 82 },
    lockWait: { statements: 56, giveUpMs: 60_000 },
    disk: { walBytes: 31_000_000, grownBytes: -2_000_000, peakBytes: 17_000_000, temporaryBytes: 4_000_000 },
    basis: ['A restored volume is slow at the first touch.'],
  },
  migratedMs: 2_900,
  plans: [
    {
      file: 'watched/totals.sql',
      verdict: 'worse-until-analyze',
      costBefore: 1_234.4,
      costAfter: 98_765,
      reason: 'Seq Scan on "T"',
    },
  ],
  application: { requests: 20_310, errors: 0, worstMs: 38, p99Ms: 8 },
  restorePoint: { name: 'p1', at: '2025-11-22T11:45:09.000Z', lsn: '0/5A000028' },
  rollbackPlan: [
    { rung: 'down-script', chosen: true, reason: 'proven on the clone' },
    { rung: 'restore', chosen: false, reason: 'what was written since is lost' },
  ],
  dataLoss: {
    since: '2025-11-22T11:45:09.000Z',
    until: '2025-11-22T11:52:00.000Z',
    transactions: 4711,
    tables: [{ table: 'public."PriceSnapshot"', inserted: 6123, updated: 17, deleted: 0, whileMigrating: 0 }],
  },
  timeline: [{ at: '2025-11-22T11:44:50.000Z', event: 'Preflight entered' }],
  next: ['Correct the migration and run again.'],
};

/** Nothing that a run may lack. */
const LEAST: ReportData = {
  runId: 'run-1',
  status: 'nothing-to-do',
  reason: 'No migration is pending.',
  database: 'db',
  requestedBy: 'ci',
  startedAt: '2025-11-22T11:44:50.000Z',
  phases: [],
  checklist: [],
  findings: [],
  migrations: [],
  invariants: [],
  maxBlockingMs: 100,
  rollbackPlan: [],
  timeline: [],
  next: [],
};

const FACTS = [
  'run-20251122-114450-1a2b',
  '127.0.0.1',
  'maria',
  'Written since the restore point',
  '6123',
  '2025-11-22 11:44:50 UTC',
  '1 min 41 s',
  'restore point p1, 312 MB',
  'many-rows',
  'Batch.',
  '61 ms',
  '74 ms',
  'broken',
  'held',
  'w1: 1 → 1000',
  '20,310 requests, 0 errors',
  '1.3 s to 5.2 s',
  '2.9 s',
  '21.0 MB',
  'Disk that is given back',
  'A restored volume is slow at the first touch.',
  'each of 56 statements may wait up to 60 s for its locks',
  'watched/totals.sql',
  'worse until ANALYZE',
  '98,765',
  'AccessExclusiveLock for 40 ms',
  '30.0 MB',
  '16.0 MB',
  '38 ms',
  'Down script',
  'proven on the clone',
  'Preflight entered',
  'Correct the migration and run again.',
];

test.each(FACTS)('both forms tell %j', (fact) => {
  const { markdown, html } = renderReport(REPORT);
  expect(markdown).toContain(fact);
  expect(html).toContain(fact);
});

test('rehearsed and production durations stand side by side', () => {
  const { markdown } = renderReport(REPORT);
  expect(markdown).toContain('| Line | Statement | Rehearsed | Production | Attempts |');
  expect(markdown).toContain('(writes the table anew) | 61 ms | 74 ms | 3 |');
  expect(markdown).toContain('<code>SELECT 1</code> | – | – | – |');
});

test('the worst findings come first', () => {
  const { html } = renderReport(REPORT);
  expect(html.indexOf('many-rows')).toBeLessThan(html.indexOf('old-transaction'));
});

test('sections without content are left out', () => {
  const { markdown, html } = renderReport(LEAST);
  for (const title of ['Invariants', 'Findings', 'Way back', 'Phases', 'Timeline', 'What to do next']) {
    expect(markdown).not.toContain(title);
    expect(html).not.toContain(title);
  }
});

test('every row of a Markdown table has as many cells as its head', () => {
  const tables = renderReport(REPORT)
    .markdown.split('\n\n')
    .filter((part) => part.startsWith('|'));
  for (const table of tables) {
    const widths = table.split('\n').map((row) => row.split(/(?<!\\)\|/).length);
    expect(new Set(widths).size).toBe(1);
  }
  expect(tables.length).toBeGreaterThan(5);
});

test('a comment never grows beyond what a pull request takes', () => {
  const statements = Array.from({ length: 500 }, (_, line) => ({ line, sql: 'SELECT '.repeat(30) }));
  const migrations = Array.from({ length: 5 }, (_, index) => ({
    name: `m${index}`,
    effect: 'applied' as const,
    hasDownScript: false,
    statements,
  }));
  const { markdown } = renderReport({ ...REPORT, migrations });
  expect(markdown.length).toBeLessThan(65_536);
  expect(markdown).toContain('sections more in the HTML report');
  expect(markdown.match(/<details>/g)?.length).toBe(markdown.match(/<\/details>/g)?.length);
});

test('the page allows its own style and nothing else', () => {
  const { html } = renderReport(REPORT);
  const hash = createHash('sha256').update(styleIn(html)).digest('base64');
  expect(html).toContain(
    `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
  );
  expect(html).not.toMatch(/<script|<link|<img|<iframe|\sstyle=|\son\w+=|url\(|@import|https?:/i);
});

test('the page names its language, and every table its caption and the scope of its headings', () => {
  const { html } = renderReport(REPORT);
  expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
  const tables = html.match(/<table[\s\S]*?<\/table>/g) ?? [];
  expect(tables.length).toBeGreaterThan(5);
  for (const table of tables) {
    expect(table).toContain('<caption');
    expect(table.match(/<th(?! scope=)[\s>]/g)).toBeNull();
  }
});

test.each(['light', 'dark'] as const)(
  'in %s colours every text has a contrast of at least 4.5 : 1',
  (scheme) => {
    const colors = colorsOf(scheme);
    const pairs = [
      ...['ink', 'soft'].flatMap((text) => [
        [text, 'ground'],
        [text, 'sheet'],
      ]),
      ...['good', 'bad', 'caution', 'calm'].flatMap((tone) => [
        [tone, `${tone}-ground`],
        [tone, 'sheet'],
      ]),
    ];
    const low = pairs.filter(
      ([text = '', ground = '']) => contrast(colors[text] ?? '', colors[ground] ?? '') < 4.5,
    );
    expect(low).toEqual([]);
  },
);

test('durations, sizes and counts are written as people read them', () => {
  expect([0.2, 12.4, 999.6, 1500, 59_999, 61_000, 3_600_000, Number.NaN].map(durationText)).toEqual([
    '<1 ms',
    '12 ms',
    '1000 ms',
    '1.5 s',
    '1 min 00 s',
    '1 min 01 s',
    '1 h 00 min',
    'unknown',
  ]);
  expect([7, 1500, 312_000_000].map(bytesText)).toEqual(['7 bytes', '1.5 kB', '312 MB']);
  expect([999, 1000, 1_234_567].map(countText)).toEqual(['999', '1,000', '1,234,567']);
  expect(utcText('2025-11-22T11:44:50+02:00')).toBe('2025-11-22 09:44:50 UTC');
  expect(utcText('yesterday')).toBe('yesterday');
});

const styleIn = (html: string): string => html.match(/<style>([\s\S]*?)<\/style>/)?.[1] ?? '';

function colorsOf(scheme: 'light' | 'dark'): Record<string, string> {
  const blocks = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map((match) => match[1] ?? '');
  const block = blocks[scheme === 'light' ? 0 : 1] ?? '';
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#\w{6})/g)].map(([, name, color]) => [name, color]),
  );
}

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
