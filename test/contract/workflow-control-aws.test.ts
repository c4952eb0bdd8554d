import {
  SendTaskSuccessCommand,
  type SendTaskSuccessCommandInput,
  SFNClient,
  StartExecutionCommand,
  type StartExecutionCommandInput,
} from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { S3ObjectStore } from '../../lambda/adapters/aws/s3-object-store';
import { StepFunctionsControl } from '../../lambda/adapters/aws/step-functions-control';
import { type Question, questionKey } from '../../lambda/domain/question';
import type { StepOutput } from '../../lambda/domain/step';
import { awsError } from '../support/aws-fake-rds';
import { FakeS3 } from '../support/aws-fake-s3';
import { describeWorkflowControlContract } from './workflow-control.contract';

const MACHINE = 'arn:aws:states:eu-central-1:000000000000:stateMachine:godwit';

/** A strict stand-in for Step Functions: a name is executed once, a token resumes once, and only what is given as JSON. */
class FakeStepFunctions {
  readonly client = new SFNClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  readonly executions: string[] = [];
  /** The next answer does not get through. */
  isDeafOnce = false;
  readonly #waiting = new Map<string, (output: StepOutput) => void>();
  readonly #closed = new Set<string>();

  constructor() {
    const mock = mockClient(this.client);
    mock.onAnyCommand().callsFake((input) => {
      throw new Error(`unexpected call with ${JSON.stringify(input)}`);
    });
    mock.on(StartExecutionCommand).callsFake((input: StartExecutionCommandInput) => {
      const { stateMachineArn, name = '', input: text = '' } = input;
      if (stateMachineArn !== MACHINE) throw awsError('StateMachineDoesNotExist');
      if (!/^[\w-]{1,80}$/.test(name)) throw awsError('InvalidName');
      if (JSON.parse(text).runId !== name) throw awsError('InvalidExecutionInput');
      if (this.executions.includes(name)) throw awsError('ExecutionAlreadyExists');
      this.executions.push(name);
      return {};
    });
    mock.on(SendTaskSuccessCommand).callsFake(({ taskToken = '', output }: SendTaskSuccessCommandInput) => {
      if (this.isDeafOnce) {
        this.isDeafOnce = false;
        throw awsError('InternalFailure', 500);
      }
      if (this.#closed.has(taskToken)) throw awsError('TaskTimedOut');
      const resume = this.#waiting.get(taskToken);
      if (resume === undefined) throw awsError('TaskDoesNotExist');
      const parsed = JSON.parse(output ?? '') as StepOutput;
      this.#closed.add(taskToken);
      resume(parsed);
      return {};
    });
  }

  wait(taskToken: string): Promise<StepOutput> {
    return new Promise((resolve) => this.#waiting.set(taskToken, resolve));
  }
}

function onStepFunctions() {
  const states = new FakeStepFunctions();
  const store = new S3ObjectStore(new FakeS3().client, 'journal');
  return {
    states,
    store,
    control: new StepFunctionsControl(states.client, MACHINE, store),
    started: () => states.executions,
    wait: async (question: Question) => {
      const taskToken = `token of ${question.question} in ${question.runId}`;
      const resumed = states.wait(taskToken);
      const asked = JSON.stringify({ ...question, taskToken });
      await store.putIfAbsent(questionKey(question.runId, question.question), asked);
      return { resumed };
    },
  };
}

describeWorkflowControlContract('StepFunctionsControl', async () => onStepFunctions());

describe('StepFunctionsControl', () => {
  const question = {
    runId: 'run-1',
    question: 'approval',
    text: 'Go on?',
    askedAt: '2026-03-01T12:00:00.000Z',
    answerBy: '2026-03-01T13:00:00.000Z',
  } as const;
  const ada = { by: 'ada', at: question.askedAt };
  const bob = { by: 'bob', at: question.askedAt };

  it('delivers an answer that got stuck by the hand of whoever comes second, even one who says otherwise', async () => {
    const { control, states, wait } = onStepFunctions();
    const { resumed } = await wait(question);
    states.isDeafOnce = true;
    await expect(control.approve('run-1', ada)).rejects.toMatchObject({ name: 'AwsCallFailed' });
    expect(await control.reject('run-1', bob)).toEqual({
      outcome: 'already-answered',
      by: 'ada',
      answer: 'approve',
    });
    expect(await resumed).toEqual({ verdict: 'passed', route: 'approve' });
  });

  it('lets no abort take the place of an answer that got stuck', async () => {
    const { control, states, wait } = onStepFunctions();
    const { resumed } = await wait(question);
    states.isDeafOnce = true;
    await expect(control.approve('run-1', ada)).rejects.toThrow();
    await control.abort('run-1', bob);
    await control.approve('run-1', ada);
    expect(await resumed).toEqual({ verdict: 'passed', route: 'approve' });
  });

  it('starts one execution of a run, however often it is told to', async () => {
    const { control, states, store } = onStepFunctions();
    await store.putIfAbsent('runs/run-1/request.json', JSON.stringify({ policy: { rehearse: true } }));
    await Promise.all([control.start('run-1'), control.start('run-1')]);
    await control.start('run-1');
    expect(states.executions).toEqual(['run-1']);
  });
});
