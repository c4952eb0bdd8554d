import { PassThrough, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTerminal, type Output, type TerminalOptions } from '../../cli/terminal';
import { jsonLine } from '../../cli/terminal/json';
import { Outlet } from '../../cli/terminal/outlet';
import type { ProgressEvent } from '../../lambda/domain/step';

class Recorder implements Output {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 80;
  readonly rows = 24;

  constructor({ isTTY = false } = {}) {
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

function terminalWith(options: Partial<TerminalOptions> & Pick<TerminalOptions, 'mode'>) {
  const stdout = new Recorder({ isTTY: options.mode === 'tty' });
  const stderr = new Recorder();
  const terminal = createTerminal({
    stdout,
    stderr,
    level: 'normal',
    color: options.mode === 'tty',
    now: () => 0,
    ...options,
  });
  return { terminal, stdout, stderr };
}

const HOSTILE = 'x\u001b[2J\u001b]8;;https://evil.example\u0007click\u009b31m\u202eright\r\nnext\u2066';

const entered: ProgressEvent = { type: 'step', step: 'Preflight', status: 'entered', message: HOSTILE };
const passed: ProgressEvent = { type: 'step', step: 'Preflight', status: 'passed', message: HOSTILE };
const failed: ProgressEvent = {
  type: 'statement',
  step: 'Migrate',
  migration: HOSTILE,
  statement: 1,
  of: 1,
  line: 1,
  sql: HOSTILE,
  status: 'failed',
  message: HOSTILE,
};

const UNSAFE = /[^\P{C}\n]/u;

test('under json, stdout carries one object a line, the result last, and people read stderr', () => {
  const { terminal, stdout, stderr } = terminalWith({ mode: 'json' });
  terminal.event(entered);
  terminal.event(failed);
  terminal.application({ worstMs: 4, requestsPerSecond: 200, errors: 0 });
  terminal.note('a note');
  terminal.result({ command: 'run', status: 'succeeded', durationMs: 4200 });
  terminal.event(passed);
  terminal.close();
  const objects = stdout.lines.map((line) => JSON.parse(line) as { type: string });
  expect(objects.map((one) => one.type)).toEqual(['step', 'statement', 'application', 'result']);
  expect(objects[1]).toEqual(failed);
  expect(objects.at(-1)).toEqual({ type: 'result', command: 'run', status: 'succeeded', durationMs: 4200 });
  expect(stderr.text).toContain('a note');
  expect(stderr.text).toContain('Succeeded in 4.2 s');
});

test.each(['plain', 'json'] as const)(
  'in %s mode hostile text cannot reach the terminal as a command',
  (mode) => {
    const { terminal, stdout, stderr } = terminalWith({ mode, level: 'verbose' });
    for (const event of [entered, passed, failed]) terminal.event(event);
    terminal.note(HOSTILE);
    terminal.summary(HOSTILE, [{ text: HOSTILE, style: 'red' }]);
    terminal.result({ command: 'run', status: 'failed', reason: HOSTILE, report: HOSTILE });
    terminal.close();
    expect(stdout.text).not.toMatch(UNSAFE);
    expect(stderr.text).not.toMatch(UNSAFE);
  },
);

test('on a terminal, hostile text brings no escape sequence but those that the terminal writes itself', async () => {
  const { terminal, stdout } = terminalWith({ mode: 'tty' });
  await untilDrawn(stdout, terminal);
  for (const event of [entered, passed, { ...failed, status: 'started' as const }, failed])
    terminal.event(event);
  terminal.note(HOSTILE);
  terminal.result({ command: 'run', status: 'failed', reason: HOSTILE });
  terminal.close();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this is about.
  const rest = stdout.text.replace(/\u001b\[(?:\?25[lh]|\?2026[hl]|\d*[ABGK]|\d+m)/g, '');
  expect(rest).toContain('␛[2J');
  expect(rest).not.toMatch(UNSAFE);
});

test('under quiet only the summary is written', () => {
  const { terminal, stdout } = terminalWith({ mode: 'plain', level: 'quiet' });
  terminal.event(entered);
  terminal.note('not told');
  terminal.application({ worstMs: 1, requestsPerSecond: 1, errors: 0 });
  terminal.event(passed);
  terminal.result({ command: 'run', status: 'nothing-to-do' });
  terminal.summary('the summary');
  terminal.close();
  expect(stdout.lines).toEqual([
    '',
    '  ✔ Nothing to do: no migration is pending',
    '    application   longest wait 1 ms, no errors',
    'the summary',
  ]);
});

test('a reader that goes away does not stop the work', async () => {
  let writes = 0;
  const stdout = new Writable({
    write: (_, __, done) => {
      writes += 1;
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
  const { terminal } = terminalWith({ mode: 'json', stdout });
  terminal.event(entered);
  await sleep(10);
  terminal.event(passed);
  terminal.event(failed);
  terminal.result({ command: 'run', status: 'succeeded' });
  terminal.close();
  await sleep(10);
  expect(writes).toBe(1);
});

test('an error that a stream throws at once is taken like one that it reports', () => {
  const outlet = new Outlet({
    write: () => {
      throw new Error('write after end');
    },
  });
  expect(() => outlet.line('text')).not.toThrow();
  expect(outlet.open).toBe(false);
});

test('the frame is taken away in the end, and what stays reads like a log', async () => {
  const { terminal, stdout } = terminalWith({ mode: 'tty', color: false });
  await untilDrawn(stdout, terminal);
  terminal.event({ type: 'step', step: 'Preflight', status: 'passed', message: 'fine' });
  terminal.event({ type: 'step', step: 'BeginSnapshot', status: 'entered' });
  terminal.note('a note');
  terminal.application({ worstMs: 3, requestsPerSecond: 200, errors: 0 });
  await sleep(100);
  terminal.result({ command: 'run', status: 'blocked' });
  terminal.close();
  expect(screenOf(stdout.text)).toEqual([
    '  ✔ Preflight          <1 ms  fine',
    '  › a note',
    '  · Snapshot           <1 ms',
    '',
    '  ⊘ Blocked: nothing was changed',
    '    application   longest wait 3 ms, no errors',
  ]);
});

test.each([
  ['yes\n', 'yes'],
  ['Y\n', 'yes'],
  ['no\n', 'no'],
  ['perhaps\n\nyes\n', 'yes'],
  ['a\nb\nc\nd\ne\nyes\n', 'no'],
  ['', 'no'],
])('the answer %j means %s', async (typed, meaning) => {
  const stdin = new PassThrough();
  stdin.end(typed);
  const { terminal, stdout } = terminalWith({ mode: 'plain', stdin });
  expect(await terminal.ask('Apply 3 migrations?')).toBe(meaning);
  expect(stdout.text).toContain('Apply 3 migrations? [yes/no] ');
  terminal.close();
});

test('what happens while a person is asked is told after the answer', async () => {
  const stdin = new PassThrough();
  const { terminal, stdout } = terminalWith({ mode: 'tty', color: false, stdin });
  await untilDrawn(stdout, terminal);
  const answer = terminal.ask('Apply?');
  terminal.event(passed);
  terminal.note('a note');
  stdin.write('yes\n');
  await answer;
  terminal.close();
  const told = stdout.text.slice(stdout.text.indexOf('Apply? [yes/no]'));
  expect(told).toMatch(/^Apply\? \[yes\/no\] .*Preflight.*a note/s);
  expect(stdout.text.match(/a note/g)).toHaveLength(1);
  expect(stdout.text.slice(0, -told.length)).not.toContain('a note');
});

test('a question that is called off, or that nobody can answer, is answered no', async () => {
  const { terminal } = terminalWith({ mode: 'plain', stdin: new PassThrough() });
  const calledOff = new AbortController();
  const answer = terminal.ask('Apply?', calledOff.signal);
  calledOff.abort();
  expect(await answer).toBe('no');
  const closed = terminal.ask('Apply?');
  terminal.close();
  expect(await closed).toBe('no');
  expect(await terminalWith({ mode: 'plain' }).terminal.ask('Apply?')).toBe('no');
});

test('JSON lines keep what a terminal could obey as escapes', () => {
  const value = { text: 'a\u009b31m\u202e\u2028\u{e0041}\u007f' };
  const line = jsonLine(value);
  expect(line).toMatch(/^[\x20-\x7e]*$/);
  expect(JSON.parse(line)).toEqual(value);
});

/** The frame's library is loaded while the first events come in. */
async function untilDrawn(stdout: Recorder, terminal: { event(event: ProgressEvent): void }): Promise<void> {
  terminal.event({ type: 'step', step: 'Preflight', status: 'entered' });
  for (let waited = 0; !stdout.text.includes('Preflight') && waited < 5000; waited += 20) await sleep(20);
  expect(stdout.text).toContain('Preflight');
}

/** What a terminal would show: just enough of one for what the frame writes. */
function screenOf(text: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this is about.
  for (const [token, count, command] of text.matchAll(/\u001b\[\??(\d*)([a-zA-Z])|\n|[^\u001b\n]+/g)) {
    const line = lines[row] ?? '';
    if (token === '\n') {
      row += 1;
      column = 0;
      lines[row] ??= '';
    } else if (command === 'A') row = Math.max(0, row - Number(count || 1));
    else if (command === 'B') row += Number(count || 1);
    else if (command === 'G') column = 0;
    else if (command === 'K') lines[row] = count === '2' ? '' : line.slice(0, column);
    else if (command === undefined) {
      lines[row] = line.slice(0, column).padEnd(column) + token + line.slice(column + token.length);
      column += token.length;
    }
  }
  while (lines.at(-1) === '') lines.pop();
  return lines;
}
