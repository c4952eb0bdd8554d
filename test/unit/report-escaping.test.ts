import fc from 'fast-check';
import type { ReportData } from '../../lambda/report/data';
import { escapeHtml } from '../../lambda/report/html';
import { code, escapeMarkdown } from '../../lambda/report/markdown';
import { renderReport } from '../../lambda/report/render';
import { visible, visibleLine } from '../../lambda/report/visible';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '&lt;script&gt;',
  '`code` | pipe | ``` fence',
  '[link](javascript:alert(1)) ![image](https://evil.example/x.png)',
  'https://evil.example www.evil.example',
  '@everyone closes #12',
  '<!-- comment --> <!-- -->',
  '# heading\n- list\n---\n</code></details>',
  '\u202egnp.exe \u2066isolated\u2069 zero\u200bwidth \ufeff',
  '\u001b[31mred\u001b]8;;https://evil.example\u0007',
  '$&  $1 \\ \\| *bold* _emphasis_ ~~gone~~',
  'tag\u{e0041}\u{e0042} lone \ud800 surrogate',
];

const text = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom(...HOSTILE, ...'<>&"\'`|\\@#\n\r\t _*[]()'), { maxLength: 8 })
    .map((parts) => parts.join('')),
);

/** Every place where text of a stranger can stand. */
const reportWith = (words: string): ReportData => ({
  runId: words,
  status: 'failed',
  reason: words,
  database: words,
  requestedBy: words,
  startedAt: words,
  finishedAt: words,
  phases: [{ name: words, verdict: 'failed', durationMs: 1, message: words }],
  checklist: [{ item: words, verdict: 'missing', evidence: words }],
  estimate: {
    duration: { lowMs: 1, likelyMs: 2, highMs: 4 },
    blocking: { lowMs: 1, likelyMs: 1, highMs: 2 },
    lockWait: { statements: 0, giveUpMs: 1 },
    disk: { walBytes: 1, grownBytes: 1, peakBytes: 1 },
    basis: [words],
  },
  plans: [{ file: words, verdict: 'worse', costBefore: 1, costAfter: 2, reason: words }],
  findings: [
    { id: words, severity: 'error', migration: words, line: 1, subject: words, effect: words, remedy: words },
  ],
  migrations: [
    {
      name: words,
      effect: 'partial',
      hasDownScript: false,
      statements: [
        {
          line: 1,
          sql: words,
          durationMs: 1,
          locks: [{ relation: words, mode: words, heldMs: 1 }],
        },
      ],
    },
  ],
  invariants: [
    {
      name: words,
      severity: 'error',
      verdict: 'broken',
      before: words,
      after: words,
      differences: [words, words],
    },
  ],
  maxBlockingMs: 100,
  watch: {
    blockings: [
      { pid: 1, user: words, applicationName: words, relation: words, statement: words, waitedMs: 1 },
    ],
    series: [{ afterMs: 0, longestWaitMs: 1, waiting: 1 }],
  },
  restorePoint: { name: words, at: words, lsn: words },
  rollbackPlan: [{ rung: 'hold', chosen: true, reason: words }],
  dataLoss: {
    since: words,
    until: words,
    transactions: 1,
    tables: [
      { table: words, formerly: words, isGone: true, inserted: 1, updated: 0, deleted: 0, whileMigrating: 0 },
    ],
    databases: [{ database: words, rows: 1 }],
    unlogged: [words],
  },
  timeline: [{ at: words, event: words }],
  next: [words],
});

const HARMLESS = renderReport(reportWith('harmless'));
const TAGS = tagsOf(HARMLESS.html);
const SHAPE = shapeOf(HARMLESS.markdown);

test('whatever a text contains, the page keeps exactly the markup that it has without it', () => {
  fc.assert(
    fc.property(text, (words) => {
      expect(tagsOf(renderReport(reportWith(words)).html)).toBe(TAGS);
    }),
  );
});

test('whatever a text contains, the Markdown keeps exactly its rows, cells and HTML tags', () => {
  fc.assert(
    fc.property(text, (words) => {
      const { markdown } = renderReport(reportWith(words));
      expect(shapeOf(markdown)).toBe(SHAPE);
    }),
  );
});

test('no report contains a character that is not seen, but line breaks', () => {
  fc.assert(
    fc.property(text, (words) => {
      const { markdown, html } = renderReport(reportWith(words));
      expect(markdown).not.toMatch(UNSEEN);
      expect(html).not.toMatch(UNSEEN);
    }),
  );
});

test('escaped HTML reads as the text that it was', () => {
  fc.assert(
    fc.property(text, (words) => {
      const escaped = escapeHtml(words);
      expect(escaped).not.toMatch(/[<>"'`]/);
      expect(unescapeHtml(escaped)).toBe(visible(words));
    }),
  );
});

test('escaped Markdown reads as the text that it was', () => {
  fc.assert(
    fc.property(text, (words) => {
      const escaped = escapeMarkdown(words);
      expect(escaped.replaceAll('<!-- -->', '')).not.toMatch(/[<>]|(?<!\\)(?:\\\\)*[`|[\]*]/);
      expect(unescapeMarkdown(escaped)).toBe(visibleLine(words));
    }),
  );
});

test('nobody is mentioned, no issue is referred to and no address becomes a link', () => {
  expect(escapeMarkdown('@everyone')).toBe('@<!-- -->everyone');
  expect(escapeMarkdown('closes #12;')).toBe('closes #<!-- -->12;');
  expect(escapeMarkdown('https://evil.example')).toBe('https&#58;//evil.example');
  expect(escapeMarkdown('WWW.evil.example')).toBe('WWW&#46;evil.example');
});

test('what stays readable is left as it is', () => {
  expect(escapeMarkdown('20251201090000_reprice_balances: 1,204.11 → 88.40 (3 %)')).toBe(
    '20251201090000_reprice_balances: 1,204.11 → 88.40 (3 %)',
  );
  expect(code('a|b`c')).toBe('<code>a\\|b\\`c</code>');
  expect(visibleLine('Größe 漢字 🚀')).toBe('Größe 漢字 🚀');
});

test('control characters are shown, not obeyed', () => {
  expect(visibleLine('\u001b[2J\u0000\u007f\u009b31m')).toBe('␛[2J␀␡\\u{9B}31m');
  expect(visibleLine('\u202e\u200b\u{e0041}\ud800')).toBe('\\u{202E}\\u{200B}\\u{E0041}\\u{D800}');
  expect(visibleLine(' a\r\n\tb\u0085c ')).toBe('a b c');
  expect(visible('a\r\n\tb\u2028c')).toBe('a\n  b\\u{2028}c');
});

const UNSEEN = /[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u;

function tagsOf(html: string): string {
  const tags = html.match(/<[^>]*>/g) ?? [];
  return tags.map((tag) => tag.replace(/="[^"]*"/g, '=""')).join('\n');
}

/** Cells count in tables only: between HTML's block tags a pipe is a pipe. */
function shapeOf(markdown: string): string {
  const lines = markdown.replaceAll('<!-- -->', '').split('\n');
  return lines
    .map((line) => {
      const cells = line.startsWith('|') ? line.replace(/\\./g, '').split('|').length : 0;
      return `${cells} ${(line.match(/<[^>]*>/g) ?? []).join('')}`;
    })
    .join('\n');
}

const unescapeHtml = (escaped: string): string =>
  escaped.replace(/&#(\d+);/g, (_, digits: string) => String.fromCharCode(Number(digits)));

const unescapeMarkdown = (escaped: string): string =>
  unescapeHtml(escaped.replaceAll('<!-- -->', '').replace(/\\([\\`*_[\]|~$])/g, '$1'));
