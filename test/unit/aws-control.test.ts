import { SendTaskSuccessCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { AwsCallFailed } from '../../lambda/adapters/aws/errors';
import { StepFunctionsControl } from '../../lambda/adapters/aws/step-functions-control';
import { abortKey, answerKey, questionKey } from '../../lambda/domain/question';
import { Journal, requestKey } from '../../lambda/journal/journal';
import { awsError } from '../support/aws-fake-rds';
import { MemoryStore } from '../support/aws-memory-store';

describe('control', () => {
  const person = { by: 'ada', at: '2026-03-01T12:00:00.000Z' };
  const setUp = (asks: readonly ('approval' | 'decision')[] = ['approval', 'decision']) => {
    const client = new SFNClient({
      region: 'eu-central-1',
      credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
    });
    const mock = mockClient(client);
    mock.onAnyCommand().callsFake((input) => {
      throw new Error(`unexpected call with ${JSON.stringify(input)}`);
    });
    mock.on(StartExecutionCommand).resolves({});
    mock.on(SendTaskSuccessCommand).resolves({});
    const store = new MemoryStore();
    store.objects.set(requestKey('run-1'), JSON.stringify({ policy: { rehearse: false } }));
    for (const question of asks) {
      store.objects.set(
        questionKey('run-1', question),
        JSON.stringify({ taskToken: `token-${question}`, answerBy: '2026-03-01T13:00:00.000Z' }),
      );
    }
    const control = new StepFunctionsControl(
      client,
      'arn:aws:states:eu-central-1:000000000000:stateMachine:g',
      store,
    );
    const sent = () =>
      mock
        .commandCalls(SendTaskSuccessCommand)
        .map((call) => [call.args[0].input.taskToken, JSON.parse(call.args[0].input.output ?? '')]);
    return { mock, store, control, sent };
  };

  test('starts an execution named after its run', async () => {
    const { mock, control } = setUp();
    await control.start('run-1');

    expect(mock.call(0).args[0].input).toEqual({
      stateMachineArn: 'arn:aws:states:eu-central-1:000000000000:stateMachine:g',
      name: 'run-1',
      input: '{"runId":"run-1","rehearse":false}',
    });
  });

  test('starts no second execution of a run', async () => {
    const { mock, control } = setUp();
    mock.on(StartExecutionCommand).rejects(awsError('ExecutionAlreadyExists'));
    await expect(control.start('run-1')).resolves.toBeUndefined();
  });

  test.each([
    ['approve', 'token-approval', { verdict: 'passed', route: 'approve' }],
    ['reject', 'token-approval', { verdict: 'blocked', route: 'reject' }],
  ] as const)('%s resumes the state that waits for it', async (answer, token, output) => {
    const { control, sent, store } = setUp();
    expect(await control[answer]('run-1', person)).toEqual({ outcome: 'accepted' });
    expect(sent()).toEqual([[token, output]]);
    expect(JSON.parse(store.objects.get(answerKey('run-1', 'approval')) ?? '')).toEqual({
      answer,
      ...person,
    });
  });

  test.each(['restore', 'hold'] as const)(
    'the decision to %s resumes the state that waits for it',
    async (decision) => {
      const { control, sent } = setUp();
      await control.decide('run-1', decision, person);
      expect(sent()).toEqual([['token-decision', { verdict: 'passed', route: decision }]]);
    },
  );

  test('a question is answered once; who comes second makes sure that the first answer arrives', async () => {
    const { control, sent } = setUp();
    await control.approve('run-1', person);
    expect(await control.reject('run-1', { ...person, by: 'bob' })).toEqual({
      outcome: 'already-answered',
      by: 'ada',
      answer: 'approve',
    });
    expect(sent().map(([, output]) => output.verdict)).toEqual(['passed', 'passed']);
  });

  test('an answer that could not be sent is sent by asking again', async () => {
    const { mock, control, sent } = setUp();
    mock.on(SendTaskSuccessCommand).rejectsOnce(awsError('InternalError', 500)).resolves({});
    await expect(control.approve('run-1', person)).rejects.toThrow(AwsCallFailed);
    await control.approve('run-1', person);
    expect(sent()).toHaveLength(2);
  });

  test('an answer to a state that has ended meanwhile does not fail', async () => {
    const { mock, control } = setUp();
    mock.on(SendTaskSuccessCommand).rejects(awsError('TaskTimedOut'));
    await expect(control.approve('run-1', person)).resolves.toEqual({ outcome: 'accepted' });
  });

  test('nobody is asked, so nothing is answered', async () => {
    const { control, sent } = setUp([]);
    expect(await control.approve('run-1', person)).toEqual({ outcome: 'not-asked' });
    expect(sent()).toEqual([]);
  });

  test('an abort is left for the steps to see, and ends a wait for a person', async () => {
    const { control, store, sent } = setUp();
    await control.abort('run-1', person);
    await control.abort('run-1', { ...person, by: 'bob' });
    expect(JSON.parse(store.objects.get(abortKey('run-1')) ?? '')).toEqual(person);
    const aborted = { verdict: 'blocked', route: 'aborted' };
    expect(sent()[0]).toEqual(['token-approval', aborted]);
    expect(sent().map(([token]) => token)).not.toContain('token-decision');
  });

  test('an abort does not take back an answer', async () => {
    const { control, sent } = setUp(['approval']);
    await control.approve('run-1', person);
    await control.abort('run-1', person);
    expect(sent()).toHaveLength(1);
  });

  test('an answer is a checkpoint of its run, once', async () => {
    const { control, store } = setUp();
    await control.approve('run-1', { ...person, comment: 'go' });
    await control.approve('run-1', person);
    const journal = await Journal.open(store, 'run-1');
    expect(journal.entries).toHaveLength(1);
    expect(journal.checkpoint('Approve')).toMatchObject({
      step: 'AwaitApproval',
      verdict: 'passed',
      message: 'approve by ada: go',
      record: { decision: 'granted', by: 'ada', reasons: ['go'] },
    });
  });

  test('a refusal and a decision are checkpoints, too', async () => {
    const { control, store } = setUp();
    await control.reject('run-1', person);
    await control.decide('run-1', 'hold', person);
    const journal = await Journal.open(store, 'run-1');
    expect(journal.checkpoint('Approve')).toMatchObject({
      verdict: 'blocked',
      record: { decision: 'refused' },
    });
    expect(journal.checkpoint('Decide')).toMatchObject({ verdict: 'passed', record: { decision: 'hold' } });
  });

  test('past its deadline a question is none', async () => {
    const { control, sent } = setUp();
    expect(await control.approve('run-1', { ...person, at: '2026-03-01T13:00:00.001Z' })).toEqual({
      outcome: 'not-asked',
    });
    expect(sent()).toEqual([]);
  });
});
