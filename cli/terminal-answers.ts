/**
 * Puts a run's questions to whoever sits at this terminal, one at a time; an answer given elsewhere takes the question
 * away, and what became of the answer given here is told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LocalControl } from '../lambda/adapters/embedded/workflow/local-control';
import { messageOf } from '../lambda/domain/errors';
import {
  type Answer,
  answerKey,
  type Decision,
  type Question,
  type QuestionName,
  questionKey,
} from '../lambda/domain/question';
import type { ObjectStore } from '../lambda/ports/object-store';
import type { AnswerOutcome, PersonsAnswer } from '../lambda/ports/workflow-control';
import { refusalOf } from './answer-refusal';
import type { Terminal } from './terminal';
import { whoami } from './whoami';

const POLL_MS = 200;

export interface TerminalAnswers {
  readonly terminal: Terminal;
  readonly store: ObjectStore;
  readonly control: LocalControl;
  readonly runId: string;
}

/** `stop` takes away what is asked. */
export function answerAtTerminal(answers: TerminalAnswers): { stop(): void } {
  const stopped = new AbortController();
  void askInTurn(answers, stopped.signal);
  return { stop: () => stopped.abort() };
}

/** Never rejects: nobody waits for it. */
async function askInTurn(answers: TerminalAnswers, stopped: AbortSignal): Promise<void> {
  const { terminal, runId } = answers;
  const open = new Set<QuestionName>(['approval', 'decision']);
  while (open.size > 0 && !stopped.aborted) {
    for (const name of open) {
      try {
        if (await put(answers, name, stopped)) open.delete(name);
      } catch (error) {
        if (stopped.aborted) return;
        open.delete(name);
        terminal.summary(
          `The ${name} could not be asked for, or answered, here: ${messageOf(error)}. ` +
            `Answer from another terminal: ${ELSEWHERE[name]} ${runId}`,
        );
      }
    }
    await pause(stopped);
  }
}

const ELSEWHERE: Readonly<Record<QuestionName, string>> = {
  approval: 'godwit approve|reject',
  decision: 'godwit decide',
};

/** Whether it was asked for, here or elsewhere. */
async function put(
  { terminal, store, control, runId }: TerminalAnswers,
  name: QuestionName,
  stopped: AbortSignal,
): Promise<boolean> {
  const question = await read<Question>(store, questionKey(runId, name));
  if (question === undefined) return false;
  // A run that goes on finds what it had been told before.
  if (await store.get(answerKey(runId, name))) return true;
  const taken = new AbortController();
  const away = AbortSignal.any([stopped, taken.signal]);
  const elsewhere = answeredElsewhere(store, answerKey(runId, name), away).finally(() => taken.abort());
  // It fails while nobody waits for it yet.
  elsewhere.catch(() => undefined);
  const answer = await choice(terminal, question, away);
  const isTakenAway = away.aborted;
  taken.abort();
  const other = await elsewhere;
  if (stopped.aborted) return true;
  if (isTakenAway && other) {
    terminal.note(`Answered elsewhere: ${other.answer}, by ${other.by}.`);
    return true;
  }
  const refusal = refusalOf(runId, await send(control, runId, answer));
  if (refusal === undefined) terminal.note(`${runId}: ${answer}.`);
  else terminal.summary(`Your answer "${answer}" does not count: ${refusal}`);
  return true;
}

async function choice(
  terminal: Terminal,
  question: Question,
  away: AbortSignal,
): Promise<'approve' | 'reject' | Decision> {
  if (question.question === 'decision') return terminal.choose(question.text, decisionsOf(question), away);
  return (await terminal.ask(question.text, away)) === 'yes' ? 'approve' : 'reject';
}

function send(
  control: LocalControl,
  runId: string,
  answer: 'approve' | 'reject' | Decision,
): Promise<AnswerOutcome> {
  const person: PersonsAnswer = { by: whoami(), at: new Date().toISOString() };
  switch (answer) {
    case 'approve':
      return control.approve(runId, person);
    case 'reject':
      return control.reject(runId, person);
    case 'roll-back':
    case 'restore':
    case 'hold':
      return control.decide(runId, answer, person);
  }
}

/** `undefined` where nobody did until the signal. */
async function answeredElsewhere(
  store: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  while (!signal.aborted) {
    const answer = await read<Answer>(store, key);
    if (answer) return answer;
    await pause(signal);
  }
  return undefined;
}

async function read<T>(store: ObjectStore, key: string): Promise<T | undefined> {
  const stored = await store.get(key);
  return stored && (JSON.parse(stored.body) as T);
}

const pause = (signal: AbortSignal): Promise<void> =>
  sleep(POLL_MS, undefined, { signal }).catch(() => undefined);

const decisionsOf = ({ answers = ['restore'] }: Question): readonly [Decision, ...Decision[]] => {
  const ways = answers.filter((answer) => answer === 'roll-back' || answer === 'restore');
  const [first, ...others] = ways;
  return first === undefined ? ['hold'] : [first, ...others, 'hold'];
};
