/** Starts runs on Step Functions and hands people's answers to the states that wait for them. */
import { SendTaskSuccessCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import {
  type Answer,
  abortKey,
  answerKey,
  type Decision,
  mayAnswer,
  type Question,
  type QuestionName,
  questionKey,
} from '../../domain/question';
import type { StepOutput } from '../../domain/step';
import { recordAnswer, resumesWith } from '../../journal/answers';
import { readRequest } from '../../journal/journal';
import type { ObjectStore } from '../../ports/object-store';
import type { AnswerOutcome, PersonsAnswer, WorkflowControl } from '../../ports/workflow-control';
import { callAws } from './call';

export class StepFunctionsControl implements WorkflowControl {
  readonly #client: SFNClient;
  readonly #stateMachineArn: string;
  readonly #store: ObjectStore;

  constructor(client: SFNClient, stateMachineArn: string, store: ObjectStore) {
    this.#client = client;
    this.#stateMachineArn = stateMachineArn;
    this.#store = store;
  }

  /** The run's id names the execution, so that a run starts once however often it is asked to. */
  async start(runId: string): Promise<void> {
    const { policy } = await readRequest(this.#store, runId);
    await callAws<unknown>(
      'states',
      'StartExecution',
      () =>
        this.#client.send(
          new StartExecutionCommand({
            stateMachineArn: this.#stateMachineArn,
            name: runId,
            input: JSON.stringify({ runId, rehearse: policy.rehearse }),
          }),
        ),
      { ExecutionAlreadyExists: () => undefined },
    );
  }

  approve(runId: string, person: PersonsAnswer): Promise<AnswerOutcome> {
    return this.#answer(runId, 'approval', { answer: 'approve', ...person });
  }

  reject(runId: string, person: PersonsAnswer): Promise<AnswerOutcome> {
    return this.#answer(runId, 'approval', { answer: 'reject', ...person });
  }

  decide(runId: string, decision: Decision, person: PersonsAnswer): Promise<AnswerOutcome> {
    return this.#answer(runId, 'decision', { answer: decision, ...person });
  }

  /** Steps watch the abort object; an execution that was stopped would run neither Catch nor Finish. */
  async abort(runId: string, person: PersonsAnswer): Promise<void> {
    // A second abort changes nothing: the first one's author stands.
    await this.#store.putIfAbsent(abortKey(runId), JSON.stringify(person));
    // What becomes of a failed migration is asked all the same.
    const asked = await this.#read<Question>(questionKey(runId, 'approval'));
    const isOpen = asked !== undefined && (await this.#store.get(answerKey(runId, 'approval'))) === undefined;
    if (isOpen) await this.#resume(asked, { verdict: 'blocked', route: 'aborted' });
  }

  /**
   * The answer is written first, which only one can do. Journal and state follow it, also by the hand of whoever comes
   * second: the first may have died in between.
   */
  async #answer(runId: string, question: QuestionName, answer: Answer): Promise<AnswerOutcome> {
    const asked = await this.#read<Question>(questionKey(runId, question));
    // Past its deadline a question is none any more: the run has gone on without an answer.
    if (asked === undefined || Date.parse(answer.at) > Date.parse(asked.answerBy))
      return { outcome: 'not-asked' };
    if (await this.#isOver(runId, question)) return { outcome: 'not-asked' };
    if (!mayAnswer(asked, answer)) return { outcome: 'not-offered', answers: asked.answers ?? [] };
    const written = await this.#store.putIfAbsent(answerKey(runId, question), JSON.stringify(answer));
    const valid =
      written.outcome === 'written'
        ? answer
        : ((await this.#read<Answer>(answerKey(runId, question))) ?? answer);
    await recordAnswer(this.#store, runId, question, valid);
    await this.#resume(asked, resumesWith[valid.answer]);
    return written.outcome === 'written'
      ? { outcome: 'accepted' }
      : { outcome: 'already-answered', by: valid.by, answer: valid.answer };
  }

  /** An abort is an answer to whether to begin. */
  async #isOver(runId: string, question: QuestionName): Promise<boolean> {
    if (question === 'decision') return false;
    const aborted = await this.#store.get(abortKey(runId));
    return aborted !== undefined && !(await this.#store.get(answerKey(runId, question)));
  }

  async #resume({ taskToken }: Question, output: StepOutput): Promise<void> {
    if (taskToken === undefined) return;
    const isOver = (): undefined => undefined;
    await callAws<unknown>(
      'states',
      'SendTaskSuccess',
      () => this.#client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) })),
      { TaskTimedOut: isOver, TaskDoesNotExist: isOver, InvalidToken: isOver },
    );
  }

  async #read<T>(key: string): Promise<T | undefined> {
    const stored = await this.#store.get(key);
    return stored === undefined ? undefined : (JSON.parse(stored.body) as T);
  }
}
