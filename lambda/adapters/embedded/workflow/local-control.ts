/** Questions, answers and aborts through the object store, so that a person may act from another terminal. */
import {
  type Answer,
  abortKey,
  answerKey,
  type Decision,
  mayAnswer,
  type Question,
  type QuestionName,
  questionKey,
} from '../../../domain/question';
import type { StepOutput } from '../../../domain/step';
import { recordAnswer, resumesWith } from '../../../journal/answers';
import { Journal, readRequest } from '../../../journal/journal';
import type { Clock } from '../../../ports/clock';
import type { ObjectStore } from '../../../ports/object-store';
import type { AnswerOutcome, PersonsAnswer, WorkflowControl } from '../../../ports/workflow-control';
import { AnswerTimeout } from './local-workflow';

const POLL_MS = 200;

export class LocalControl implements WorkflowControl {
  readonly #store: ObjectStore;
  readonly #begin: (runId: string) => Promise<void>;

  /** `begin` executes the workflow of a run in this process. */
  constructor(store: ObjectStore, begin: (runId: string) => Promise<void>) {
    this.#store = store;
    this.#begin = begin;
  }

  async start(runId: string): Promise<void> {
    // The workflow would end as if nothing were wrong: none of its steps can journal a run that is none.
    await readRequest(this.#store, runId);
    await this.#begin(runId);
  }

  approve(runId: string, person: PersonsAnswer): Promise<AnswerOutcome> {
    return this.#answer(runId, 'approval', { ...person, answer: 'approve' });
  }

  reject(runId: string, person: PersonsAnswer): Promise<AnswerOutcome> {
    return this.#answer(runId, 'approval', { ...person, answer: 'reject' });
  }

  decide(runId: string, decision: Decision, person: PersonsAnswer): Promise<AnswerOutcome> {
    return this.#answer(runId, 'decision', { ...person, answer: decision });
  }

  async abort(runId: string, person: PersonsAnswer): Promise<void> {
    // A second abort changes nothing: the first one's author stands.
    await this.#store.putIfAbsent(abortKey(runId), JSON.stringify(person));
  }

  /** A run that has ended asks nothing. An abort is an answer to whether to begin, not to what becomes of a failed migration. */
  async #isOver(runId: string, question: QuestionName): Promise<boolean> {
    if ((await Journal.open(this.#store, runId)).outcome !== undefined) {
      return !(await this.#store.get(answerKey(runId, question)));
    }
    if (question === 'decision') return false;
    const aborted = await this.#store.get(abortKey(runId));
    return aborted !== undefined && !(await this.#store.get(answerKey(runId, question)));
  }

  async #answer(runId: string, question: QuestionName, answer: Answer): Promise<AnswerOutcome> {
    const stored = await this.#store.get(questionKey(runId, question));
    const asked = stored && (JSON.parse(stored.body) as Question);
    // Past its deadline a question is none any more: the run has gone on without an answer.
    if (!asked || Date.parse(answer.at) > Date.parse(asked.answerBy)) return { outcome: 'not-asked' };
    if (await this.#isOver(runId, question)) return { outcome: 'not-asked' };
    if (!mayAnswer(asked, answer)) return { outcome: 'not-offered', answers: asked.answers ?? [] };
    const written = await this.#store.putIfAbsent(answerKey(runId, question), JSON.stringify(answer));
    if (written.outcome === 'written') return { outcome: 'accepted' };
    const earlier = await readAnswer(this.#store, runId, question);
    return { outcome: 'already-answered', by: earlier?.by ?? '?', answer: earlier?.answer ?? '?' };
  }
}

export interface WaitForAnswer {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly question: QuestionName;
  readonly runId: string;
  isAborted(): Promise<boolean>;
}

/** Waits until somebody answers, the deadline passes, or the run is aborted, which counts as a refusal. */
export async function waitForAnswer(request: WaitForAnswer): Promise<StepOutput> {
  const { store, clock, runId, question } = request;
  const asked = await store.get(questionKey(runId, question));
  const deadline = asked ? Date.parse((JSON.parse(asked.body) as Question).answerBy) : 0;
  for (;;) {
    const answer = await readAnswer(store, runId, question);
    if (answer) {
      await recordAnswer(store, runId, question, answer);
      return resumesWith[answer.answer];
    }
    // What becomes of a failed migration is asked all the same.
    if (question === 'approval' && (await request.isAborted()))
      return { verdict: 'blocked', route: 'aborted' };
    if (clock.now().getTime() >= deadline) throw new AnswerTimeout(`nobody answered the ${question} in time`);
    await clock.sleep(POLL_MS);
  }
}

async function readAnswer(
  store: ObjectStore,
  runId: string,
  question: QuestionName,
): Promise<Answer | undefined> {
  const stored = await store.get(answerKey(runId, question));
  return stored ? (JSON.parse(stored.body) as Answer) : undefined;
}
