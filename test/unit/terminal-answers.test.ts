/** A run's questions at a terminal, while others may answer them from elsewhere. */
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTerminal, type Terminal } from '../../cli/terminal';
import { answerAtTerminal } from '../../cli/terminal-answers';
import { LocalControl } from '../../lambda/adapters/embedded/workflow/local-control';
import { type Answer, answerKey, type Question, questionKey } from '../../lambda/domain/question';
import type { ObjectStore } from '../../lambda/ports/object-store';
import { RUN, useSteps } from '../support/steps';

const steps = useSteps();
const SOMEBODY = { by: 'somebody', at: new Date().toISOString() };

let input: PassThrough;
let shown: string;
let terminal: Terminal;
let asking: { stop(): void } | undefined;

beforeEach(() => {
  input = new PassThrough();
  shown = '';
  const write = (text: string): boolean => {
    shown += text;
    return true;
  };
  const output = { isTTY: false, write };
  terminal = createTerminal({
    stdout: output,
    stderr: output,
    stdin: input,
    mode: 'plain',
    level: 'normal',
    color: false,
    now: () => 0,
  });
});
afterEach(() => {
  asking?.stop();
  terminal.close();
});

const control = (): LocalControl => new LocalControl(steps.store, async () => undefined);

const begin = (store: ObjectStore = steps.store): void => {
  asking = answerAtTerminal({
    terminal,
    store,
    control: new LocalControl(store, async () => undefined),
    runId: RUN,
  });
};

async function question(name: Question['question'], more: Partial<Question> = {}): Promise<void> {
  const asked: Question = {
    runId: RUN,
    question: name,
    text: `The ${name}?`,
    askedAt: SOMEBODY.at,
    answerBy: new Date(Date.now() + 60_000).toISOString(),
    ...more,
  };
  await steps.store.putIfAbsent(questionKey(RUN, name), JSON.stringify(asked));
}

async function untilShown(text: string): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!shown.includes(text)) {
    if (Date.now() > deadline) throw new Error(`"${text}" is not among ${shown}`);
    await sleep(10);
  }
}

async function answerTo(name: Question['question']): Promise<Partial<Answer>> {
  return JSON.parse((await steps.store.get(answerKey(RUN, name)))?.body ?? '{}') as Partial<Answer>;
}

test('an answer is written down and confirmed', async () => {
  await question('approval');
  begin();
  await untilShown('The approval? [yes/no]');
  input.write('no\n');
  await untilShown(`${RUN}: reject.`);
  expect(await answerTo('approval')).toMatchObject({ answer: 'reject' });
});

test('an answer given elsewhere takes the question away, and the next one is asked and answered alone', async () => {
  await question('approval');
  begin();
  await untilShown('The approval?');
  await control().approve(RUN, SOMEBODY);
  await untilShown('Answered elsewhere: approve, by somebody.');
  await question('decision', { answers: ['roll-back', 'restore', 'hold'] });
  await untilShown('The decision? [roll-back/restore/hold]');
  input.write('restore\n');
  await untilShown(`${RUN}: restore.`);
  expect(await answerTo('decision')).toMatchObject({ answer: 'restore' });
  expect(await answerTo('approval')).toMatchObject({ answer: 'approve', by: 'somebody' });
});

test('whoever answers too late is told that it does not count', async () => {
  await question('approval', { answerBy: new Date(Date.now() - 1).toISOString() });
  begin();
  await untilShown('The approval?');
  input.write('no\n');
  await untilShown('Your answer "reject" does not count');
  expect(await answerTo('approval')).toEqual({});
});

test('whoever answers in the same moment as another is told who was first', async () => {
  await question('approval');
  const slow: ObjectStore = {
    get: (key) => steps.store.get(key),
    list: (prefix) => steps.store.list(prefix),
    putIfMatch: (...put) => steps.store.putIfMatch(...put),
    putIfAbsent: async (key, body) => {
      await control().approve(RUN, SOMEBODY);
      return steps.store.putIfAbsent(key, body);
    },
  };
  begin(slow);
  await untilShown('The approval?');
  input.write('no\n');
  await untilShown(`does not count: ${RUN} was answered already: approve, by somebody.`);
});

test('what was answered before is not asked again', async () => {
  await question('approval');
  await control().approve(RUN, SOMEBODY);
  await question('decision');
  begin();
  await untilShown('The decision?');
  expect(shown).not.toContain('The approval?');
});

test('where the answer cannot be written down, the person learns it, and how to answer elsewhere', async () => {
  await question('approval');
  const full: ObjectStore = {
    get: (key) => steps.store.get(key),
    list: (prefix) => steps.store.list(prefix),
    putIfMatch: (...put) => steps.store.putIfMatch(...put),
    putIfAbsent: async () => Promise.reject(new Error('no space left on device')),
  };
  begin(full);
  await untilShown('The approval?');
  input.write('yes\n');
  await untilShown(
    `here: no space left on device. Answer from another terminal: godwit approve|reject ${RUN}`,
  );
});

test('once it is stopped, what is typed answers nothing', async () => {
  await question('approval');
  begin();
  await untilShown('The approval?');
  asking?.stop();
  input.write('yes\n');
  await sleep(300);
  expect(await answerTo('approval')).toEqual({});
});
