import { drawFrame } from '../../cli/terminal/frame';
import { createLook } from '../../cli/terminal/look';
import { PlainLines } from '../../cli/terminal/plain';
import { advance, EMPTY_VIEW, type View } from '../../cli/terminal/view';
import type { ProgressEvent, StatementProgress } from '../../lambda/domain/step';

const event = (
  status: StatementProgress['status'],
  more: Partial<StatementProgress> = {},
): ProgressEvent => ({
  type: 'statement',
  step: 'Migrate',
  migration: '1_values',
  statement: 1,
  of: 1,
  line: 2,
  sql: 'UPDATE "TokenBalance" SET "valueUsd" = 1',
  status,
  ...more,
});

const PROGRESS = {
  done: 123_456,
  total: 500_000,
  unit: 'rows',
  rowsPerSecond: 84_000,
  remainingMs: 4_482,
} as const;

function viewOf(...events: readonly ProgressEvent[]): View {
  return events.reduce((view, one) => advance(view, one, 0).view, EMPTY_VIEW);
}

const frameOf = (view: View): string =>
  drawFrame(view, {
    look: createLook({ color: false, unicode: true }),
    columns: 110,
    rows: 40,
    tick: 0,
    now: 2_000,
    expected: [],
    maxBlockingMs: 100,
  }).join('\n');

describe('a backfill on the terminal', () => {
  test('shows rows, rows per second, what is left and why it is slow', () => {
    const slow = 'slowed down: a replica is 7 s and 12 MB behind';
    const frame = frameOf(viewOf(event('started'), event('progress', { ...PROGRESS, message: slow })));
    expect(frame).toContain('24 %');
    expect(frame).toContain('123,456 of 500,000 rows · 84,000 rows/s · 4.5 s left');
    expect(frame).toContain(slow);
  });

  test('shows no bar where the total is not known', () => {
    const frame = frameOf(viewOf(event('started'), event('progress', { done: 7, unit: 'rows' })));
    expect(frame).toContain('7 rows');
    expect(frame).not.toContain('%');
  });

  test('counts how often it stepped back, and keeps its bar', () => {
    const retry = event('retrying', { message: 'lock timeout' });
    const { current } = viewOf(
      event('started'),
      event('progress', PROGRESS),
      retry,
      retry,
      event('progress', PROGRESS),
    );
    expect(current?.statement).toMatchObject({
      retries: 2,
      message: 'lock timeout',
      gauge: { done: 123_456 },
    });
    expect(frameOf(viewOf(event('started'), retry, event('progress', PROGRESS)))).toContain(
      'stepped back 1 time',
    );
  });

  test('counts its time once', () => {
    const { current } = viewOf(
      event('started'),
      event('progress', { ...PROGRESS, durationMs: 900 }),
      event('finished', { durationMs: 1_000 }),
    );
    expect(current?.migrations).toMatchObject([{ durationMs: 1_000 }]);
    expect(current?.statement).toBeUndefined();
  });

  test('is told about every ten seconds where lines cannot be taken back', () => {
    const lines = new PlainLines('normal');
    const said = [0, 5_000, 10_000, 12_000, 21_000].flatMap((now) => {
      const one = event('progress', { ...PROGRESS, message: 'slowed down' });
      return lines.linesFor(one, advance(EMPTY_VIEW, one, now), now);
    });
    expect(said.filter((line) => line.includes('goes on'))).toHaveLength(2);
    expect(said.at(-1)).toContain(
      '1_values:2 (1/1) goes on: slowed down (123,456 of 500,000 rows, 84,000 rows/s, 4.5 s left)',
    );
  });
});
