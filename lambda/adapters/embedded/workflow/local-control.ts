/** Questions, answers and aborts through the object store, so that a person may act from another terminal. */
import { type Answer, abortKey, answerKey, type Question, type QuestionName, questionKey } from '../../../domain/question';
import type { PhaseRecords } from '../../../domain/run';
import type { StepOutput } from '../../../domain/step';
import { Journal } from '../../../journal/journal';
import type { Clock } from '../../../ports/clock';
import type { ObjectStore } from '../../../ports/object-store';
import type { AnswerOutcome, Decision, PersonsAnswer, WorkflowControl } from '../../../ports/workflow-control';
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

  start(runId: string): Promise<void> {
    return this.#begin(runId);
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

  async #answer(runId: string, question: QuestionName, answer: Answer): Promise<AnswerOutcome> {
    if (!(await this.#store.get(questionKey(runId, question)))) return { outcome: 'not-asked' };
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
    if (answer) return recordAnswer(store, runId, question, answer);
    if (await request.isAborted()) return { verdict: 'blocked', route: 'aborted' };
    if (clock.now().getTime() >= deadline) throw new AnswerTimeout(`nobody answered the ${question} in time`);
    await clock.sleep(POLL_MS);
  }
}

/** The person's answer becomes the phase's checkpoint: a run that goes on after a crash does not ask again. */
async function recordAnswer(store: ObjectStore, runId: string, question: QuestionName, answer: Answer): Promise<StepOutput> {
  const journal = await Journal.open(store, runId);
  const isApproval = question === 'approval';
  const phase = isApproval ? 'Approve' : 'Decide';
  const isYes = answer.answer === 'approve' || answer.answer === 'restore';
  const output: StepOutput = isApproval
    ? { verdict: isYes ? 'passed' : 'blocked', route: answer.answer }
    : { verdict: 'passed', route: answer.answer };
  if (!journal.checkpoint(phase)) {
    await journal.append({
      type: 'checkpoint',
      at: answer.at,
      step: isApproval ? 'AwaitApproval' : 'AwaitDecision',
      phase,
      verdict: output.verdict === 'passed' ? 'passed' : 'blocked',
      route: output.route,
      message: `${answer.answer} by ${answer.by}${answer.comment ? `: ${answer.comment}` : ''}`,
      record: isApproval ? approvalRecord(answer, isYes) : { decision: isYes ? 'restore' : 'hold', by: answer.by },
    });
  }
  return output;
}

const approvalRecord = (answer: Answer, granted: boolean): PhaseRecords['Approve'] => ({
  decision: granted ? 'granted' : 'refused',
  by: answer.by,
  reasons: answer.comment ? [answer.comment] : [],
  checklist: [],
});

async function readAnswer(store: ObjectStore, runId: string, question: QuestionName): Promise<Answer | undefined> {
  const stored = await store.get(answerKey(runId, question));
  return stored ? (JSON.parse(stored.body) as Answer) : undefined;
}
