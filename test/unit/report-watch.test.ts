import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { DEFAULT_POLICY, type JournalEntry, type RunRequest } from '../../lambda/domain/run';
import type { Blocking, WatchRecord, WatchSample } from '../../lambda/domain/watch';
import { createRun, Journal, readRequest } from '../../lambda/journal/journal';
import { collectReport } from '../../lambda/report/collect';
import { measuresOf } from '../../lambda/report/measures';
import { renderReport } from '../../lambda/report/render';
import { sparkDrawing, sparkText } from '../../lambda/report/sparkline';

const HOSTILE = 'shop | <b>"x"</b> @all';

const blocking = (pid: number, waitedMs: number): Blocking => ({
  pid,
  user: 'app "1"',
  applicationName: HOSTILE,
  relation: 'Wal|let',
  statement: '1_init, line 3: ALTER TABLE "Wal|let"',
  waitedMs,
});

const SERIES: readonly WatchSample[] = [
  { afterMs: 0, longestWaitMs: 0, waiting: 0, connections: 8, active: 1, walBytes: 0, buildShare: 0.25 },
  {
    afterMs: 500,
    longestWaitMs: 42,
    waiting: 2,
    connections: 16,
    active: 3,
    walBytes: 5_000_000,
    buildShare: 0.5,
  },
  { afterMs: 1_000, longestWaitMs: 0, waiting: 0, replicaLagMs: 1_500 },
];

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'godwit-report-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function reportOf(watches: readonly (WatchRecord | undefined)[]) {
  const store = new FileObjectStore(root);
  const request: RunRequest = {
    runId: 'run-1',
    requestedAt: '2026-01-31T12:00:00.000Z',
    requestedBy: 'me',
    database: 'db',
    project: { schema: '', lockfile: undefined, migrations: [], invariants: [] },
    policy: DEFAULT_POLICY,
  };
  await createRun(store, request);
  const journal = await Journal.open(store, 'run-1');
  for (const [index, watch] of watches.entries()) {
    const entry: JournalEntry = {
      type: 'statements',
      at: `2026-01-31T12:0${index}:30.000Z`,
      startedAt: `2026-01-31T12:0${index}:00.000Z`,
      applied: [],
      statements: [],
      worstBlockingMs: 0,
      ...(watch === undefined ? {} : { watch }),
    };
    await journal.append(entry);
  }
  const reopened = await Journal.open(store, 'run-1');
  return collectReport({ request: await readRequest(store, 'run-1'), journal: reopened });
}

test('a journal of before the watch kept a series still makes a report', async () => {
  const data = await reportOf([undefined]);
  expect(data.watch).toBeUndefined();
  const { markdown, html } = renderReport(data);
  for (const form of [markdown, html]) expect(form).not.toMatch(/Who waited|While it migrated/);
});

test('the watches of several entries are told as one, the longest wait first and ten at most', async () => {
  const blockings = Array.from({ length: 8 }, (_, index) => blocking(index, index + 1));
  const data = await reportOf([{ blockings, series: SERIES }, undefined, { blockings, series: SERIES }]);
  expect(data.watch?.series.map(({ afterMs }) => afterMs)).toEqual([
    0, 500, 1_000, 120_000, 120_500, 121_000,
  ]);
  const { markdown } = renderReport(data);
  const waits = markdown.split('\n').filter((line) => line.includes(' ms | shop'));
  expect(waits.map((line) => Number.parseInt(line.slice(2), 10))).toEqual([8, 8, 7, 7, 6, 6, 5, 5, 4, 4]);
});

test('both forms tell who waited, for how long, for what, and what the migration was at', async () => {
  const { markdown, html } = renderReport(await reportOf([{ blockings: [blocking(7, 42)], series: SERIES }]));
  expect(markdown).toContain(
    '| 42 ms | shop \\| &#60;b&#62;"x"&#60;/b&#62; @<!-- -->all (user app "1", pid 7) | <code>Wal\\|let</code> | <code>1_init, line 3: ALTER TABLE "Wal\\|let"</code> |',
  );
  expect(html).toContain('shop | &#60;b&#62;&#34;x&#34;&#60;/b&#62; @all (user app &#34;1&#34;, pid 7)');
  expect(html).toContain('<code>Wal|let</code>');
});

test('both forms draw what was measured, and leave out what was not', async () => {
  const { markdown, html } = renderReport(await reportOf([{ blockings: [], series: SERIES }]));
  expect(markdown).toContain('| Longest wait for the migration | 42 ms | ▁█▁ |');
  expect(markdown).toContain('| Connections | 16 | ▅█· |');
  expect(markdown).toContain('| WAL written | 5.0 MB | ▁█· |');
  expect(markdown).toContain('| Replica behind | 1.5 s | ··█ |');
  expect(markdown).toContain('| Index build | 50 % | ▃▅· |');
  expect(html).toContain('aria-label="WAL written over time"');
  expect(html.match(/<svg class="spark"/g)).toHaveLength(7);
  for (const form of [markdown, html]) {
    expect(form).not.toContain('Size of the database');
    expect(form).not.toContain('Who waited');
  }
});

test('a flat course is drawn at the bottom, a lone value as a dot, and a gap as a gap', () => {
  const flat = measuresOf([{ afterMs: 0, longestWaitMs: 0, waiting: 0 }])[0];
  expect(flat).toEqual({ title: 'Longest wait for the migration', peak: 'none', course: [0] });
  expect(sparkDrawing('x', [0]).source).toContain('d="M0 19L0 19"');
  expect(sparkDrawing('x', [0, undefined, 1]).source).toContain('d="M0 19L0 19M120 1L120 1"');
  expect(sparkText([])).toBe('');
  expect(sparkText([0, undefined, 1])).toBe('▁·█');
});

test('a long course keeps its peaks in forty columns', () => {
  const course = Array.from({ length: 120 }, (_, index) => (index === 61 ? 1 : 0));
  const text = sparkText(course);
  expect(Array.from(text)).toHaveLength(40);
  expect(text.indexOf('█')).toBe(20);
});
