/** Starts runs on Step Functions and hands people's answers to the states that wait for them. */
import { SendTaskSuccessCommand, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { type Answer, abortKey, answerKey, type Question, type QuestionName, questionKey } from '../../domain/question';
import type { StepOutput } from '../../domain/step';
import { readRequest } from '../../journal/journal';
import type { ObjectStore } from '../../ports/object-store';
import type { AnswerOutcome, Decision, PersonsAnswer, WorkflowControl } from '../../ports/workflow-control';
import { callAws } from './call';

const RESUMES_WITH: Readonly<Record<Answer['answer'], StepOutput>> = {
  approve: { verdict: 'passed', route: 'approved' },
  reject: { verdict: 'blocked', route: 'rejected' },
  restore: { verdict: 'passed', route: 'restore' },
  hold: { verdict: 'passed', route: 'hold' },
};

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
    await this.#store.putIfAbsent(abortKey(runId), JSON.stringify(person));
    // Nobody need approve any more. An open decision stays open: the database is as it is.
    await this.#answer(runId, 'approval', { answer: 'reject', ...person });
  }

  /** The answer is written first, which only one can do; then whoever finds it written may resume the state with it. */
  async #answer(runId: string, question: QuestionName, answer: Answer): Promise<AnswerOutcome> {
    const asked = await this.#read<Question>(questionKey(runId, question));
    if (asked === undefined) return { outcome: 'not-asked' };
    const written = await this.#store.putIfAbsent(answerKey(runId, question), JSON.stringify(answer));
    const valid =
      written.outcome === 'written' ? answer : ((await this.#read<Answer>(answerKey(runId, question))) ?? answer);
    await this.#resume(asked, valid);
    return written.outcome === 'written'
      ? { outcome: 'accepted' }
      : { outcome: 'already-answered', by: valid.by, answer: valid.answer };
  }

  /** Sent again by whoever comes second: the first may have died between writing and sending. */
  async #resume(asked: Question, answer: Answer): Promise<void> {
    const { taskToken } = asked;
    if (taskToken === undefined) return;
    const isOver = (): undefined => undefined;
    await callAws<unknown>(
      'states',
      'SendTaskSuccess',
      () =>
        this.#client.send(
          new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(RESUMES_WITH[answer.answer]) }),
        ),
      { TaskTimedOut: isOver, TaskDoesNotExist: isOver, InvalidToken: isOver },
    );
  }

  async #read<T>(key: string): Promise<T | undefined> {
    const stored = await this.#store.get(key);
    return stored === undefined ? undefined : (JSON.parse(stored.body) as T);
  }
}
