/** Puts a run's questions to whoever sits at this terminal; an answer given elsewhere takes the question away. */
import type { LocalControl } from '../lambda/adapters/embedded/workflow/local-control';
import { type Decision, type Question, type QuestionName, questionKey } from '../lambda/domain/question';
import type { ObjectStore } from '../lambda/ports/object-store';
import type { PersonsAnswer } from '../lambda/ports/workflow-control';
import type { Terminal } from './terminal';
import { whoami } from './whoami';

const POLL_MS = 200;

export interface TerminalAnswers {
  readonly terminal: Terminal;
  readonly store: ObjectStore;
  readonly control: LocalControl;
  readonly runId: string;
}

export function answerAtTerminal({ terminal, store, control, runId }: TerminalAnswers): { stop(): void } {
  const answered = new AbortController();
  const asked = new Set<QuestionName>();
  const put = async (name: QuestionName): Promise<void> => {
    const stored = await store.get(questionKey(runId, name));
    if (!stored || asked.has(name)) return;
    asked.add(name);
    const question = JSON.parse(stored.body) as Question;
    if (name === 'approval') {
      const answer = await terminal.ask(question.text, answered.signal);
      if (answered.signal.aborted) return;
      await (answer === 'yes' ? control.approve(runId, person()) : control.reject(runId, person()));
      return;
    }
    const decision = await terminal.choose(question.text, decisionsOf(question), answered.signal);
    if (!answered.signal.aborted) await control.decide(runId, decision, person());
  };
  const poll = setInterval(() => {
    for (const name of ['approval', 'decision'] as const) {
      if (!asked.has(name)) void put(name);
    }
  }, POLL_MS);
  return {
    stop: () => {
      clearInterval(poll);
      answered.abort();
    },
  };
}

const person = (): PersonsAnswer => ({ by: whoami(), at: new Date().toISOString() });

const decisionsOf = ({ answers = ['restore'] }: Question): readonly [Decision, ...Decision[]] => {
  const ways = answers.filter((answer) => answer === 'roll-back' || answer === 'restore');
  const [first, ...others] = ways;
  return first === undefined ? ['hold'] : [first, ...others, 'hold'];
};
