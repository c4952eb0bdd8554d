import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendTaskSuccessCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { EmfMetrics } from '../../lambda/adapters/aws/emf-metrics';
import { AwsAccessDenied, AwsCallFailed } from '../../lambda/adapters/aws/errors';
import { SecretsManagerSecrets, SecretUnusable } from '../../lambda/adapters/aws/secrets-manager-secrets';
import { SnsNotifier, subjectOf } from '../../lambda/adapters/aws/sns-notifier';
import { StepFunctionsControl } from '../../lambda/adapters/aws/step-functions-control';
import { SystemClock } from '../../lambda/adapters/aws/system-clock';
import { abortKey, answerKey, questionKey } from '../../lambda/domain/question';
import { requestKey } from '../../lambda/journal/journal';
import { awsError } from '../support/aws-fake-rds';
import { MemoryStore } from '../support/aws-memory-store';

const settings = { region: 'eu-central-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } };
const strict = <T extends { onAnyCommand(): { callsFake(fake: (input: unknown) => never): unknown } }>(mock: T): T => {
  mock.onAnyCommand().callsFake((input) => {
    throw new Error(`unexpected call with ${JSON.stringify(input)}`);
  });
  return mock;
};

describe('notifications', () => {
  const setUp = () => {
    const client = new SNSClient(settings);
    const mock = strict(mockClient(client));
    mock.on(PublishCommand).resolves({ MessageId: '1' });
    return { mock, notifier: new SnsNotifier(client, 'arn:aws:sns:eu-central-1:000000000000:godwit') };
  };
  const notification = {
    runId: 'run-1',
    audience: 'on-call',
    subject: 'Held',
    body: 'Writes are fenced.',
    attributes: { status: 'held', empty: '' },
  } as const;

  test('carry audience, run and status for filters, and nothing that SNS refuses', async () => {
    const { mock, notifier } = setUp();
    await notifier.notify(notification);

    expect(mock.call(0).args[0].input).toEqual({
      TopicArn: 'arn:aws:sns:eu-central-1:000000000000:godwit',
      Subject: 'Held',
      Message: 'Writes are fenced.',
      MessageAttributes: {
        status: { DataType: 'String', StringValue: 'held' },
        audience: { DataType: 'String', StringValue: 'on-call' },
        runId: { DataType: 'String', StringValue: 'run-1' },
      },
    });
  });

  test('are cut below 256 KiB without breaking a character', async () => {
    const { mock, notifier } = setUp();
    await notifier.notify({ ...notification, body: 'é'.repeat(200_000) });

    const { Message = '' } = mock.call(0).args[0].input as { Message?: string };
    expect(Buffer.byteLength(Message)).toBeLessThan(256 * 1024);
    expect(Message).not.toContain('�');
    expect(Message).toMatch(/the rest is in the report/);
  });

  test.each([
    ['Réstored – "prod" → done', 'Restored - "prod" done'],
    ['two\nlines\ttabbed', 'two lines tabbed'],
    ['  begins with spaces', 'begins with spaces'],
    ['日本', 'Godwit'],
    ['x'.repeat(150), `${'x'.repeat(97)}...`],
  ])('have a subject that e-mail can carry: %s', (text, expected) => {
    expect(subjectOf(text)).toBe(expected);
    expect(subjectOf(text)).toMatch(/^[\x21-\x7e][\x20-\x7e]{0,99}$/);
  });

  test('that may not be sent fail by name', async () => {
    const { mock, notifier } = setUp();
    mock.on(PublishCommand).rejects(awsError('KMSAccessDeniedException'));
    await expect(notifier.notify(notification)).rejects.toThrow(AwsAccessDenied);
  });
});

describe('secrets', () => {
  const credentialsFrom = (SecretString: string | undefined) => {
    const client = new SecretsManagerClient(settings);
    strict(mockClient(client))
      .on(GetSecretValueCommand, { SecretId: 'db' })
      .resolves(SecretString === undefined ? {} : { SecretString });
    return new SecretsManagerSecrets(client).databaseCredentials('db');
  };

  test('give user and password', async () => {
    expect(await credentialsFrom('{"username":"u","password":"p","host":"h"}')).toEqual({ user: 'u', password: 'p' });
  });

  test.each([
    ['not JSON', 'hunter2'],
    ['missing a field', '{"username":"u","passwort":"hunter2"}'],
    ['no object', '"hunter2"'],
    ['binary', undefined],
  ])('that are %s are refused without repeating them', async (_name, content) => {
    const failure = await credentialsFrom(content).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SecretUnusable);
    expect(`${(failure as Error).stack} ${(failure as Error).cause}`).not.toContain('hunter2');
  });
});

describe('metrics', () => {
  const lines: string[] = [];
  const metrics = new EmfMetrics({
    namespace: 'Godwit',
    dimensions: { stage: 'prod' },
    write: (line) => lines.push(line),
    now: () => new Date(5),
  });

  test('are one line of the embedded metric format', () => {
    metrics.record('Duration', 12, 'Milliseconds', { step: 'Migrate' });
    expect(JSON.parse(lines.pop() ?? '')).toEqual({
      _aws: {
        Timestamp: 5,
        CloudWatchMetrics: [
          { Namespace: 'Godwit', Dimensions: [['stage', 'step']], Metrics: [{ Name: 'Duration', Unit: 'Milliseconds' }] },
        ],
      },
      stage: 'prod',
      step: 'Migrate',
      Duration: 12,
    });
  });

  test('that are no number are left out', () => {
    metrics.record('Duration', Number.NaN, 'Milliseconds');
    expect(lines).toEqual([]);
  });
});

describe('the clock', () => {
  test('sleeps until its signal is aborted, and tells why', async () => {
    const controller = new AbortController();
    const sleeping = new SystemClock().sleep(60_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
  });

  test('does not fall asleep under an aborted signal', async () => {
    await expect(new SystemClock().sleep(60_000, AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
  });
});

describe('control', () => {
  const person = { by: 'ada', at: '2026-03-01T12:00:00.000Z' };
  const setUp = (asks: readonly ('approval' | 'decision')[] = ['approval', 'decision']) => {
    const client = new SFNClient(settings);
    const mock = strict(mockClient(client));
    mock.on(StartExecutionCommand).resolves({});
    mock.on(SendTaskSuccessCommand).resolves({});
    const store = new MemoryStore();
    store.objects.set(requestKey('run-1'), JSON.stringify({ policy: { rehearse: false } }));
    for (const question of asks) {
      store.objects.set(questionKey('run-1', question), JSON.stringify({ taskToken: `token-${question}` }));
    }
    const control = new StepFunctionsControl(client, 'arn:aws:states:eu-central-1:000000000000:stateMachine:g', store);
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
    ['approve', 'token-approval', { verdict: 'passed', route: 'approved' }],
    ['reject', 'token-approval', { verdict: 'blocked', route: 'rejected' }],
  ] as const)('%s resumes the state that waits for it', async (answer, token, output) => {
    const { control, sent, store } = setUp();
    expect(await control[answer]('run-1', person)).toEqual({ outcome: 'accepted' });
    expect(sent()).toEqual([[token, output]]);
    expect(JSON.parse(store.objects.get(answerKey('run-1', 'approval')) ?? '')).toEqual({ answer, ...person });
  });

  test.each(['restore', 'hold'] as const)('the decision to %s resumes the state that waits for it', async (decision) => {
    const { control, sent } = setUp();
    await control.decide('run-1', decision, person);
    expect(sent()).toEqual([['token-decision', { verdict: 'passed', route: decision }]]);
  });

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

  test('an answer after the deadline changes nothing and does not fail', async () => {
    const { mock, control } = setUp();
    mock.on(SendTaskSuccessCommand).rejects(awsError('TaskTimedOut'));
    await expect(control.approve('run-1', person)).resolves.toEqual({ outcome: 'accepted' });
  });

  test('nobody is asked, so nothing is answered', async () => {
    const { control, sent } = setUp([]);
    expect(await control.approve('run-1', person)).toEqual({ outcome: 'not-asked' });
    expect(sent()).toEqual([]);
  });

  test('an abort is left for the steps to see, ends a wait for approval, and leaves a decision open', async () => {
    const { control, store, sent } = setUp();
    await control.abort('run-1', person);
    expect(JSON.parse(store.objects.get(abortKey('run-1')) ?? '')).toEqual(person);
    expect(sent()).toEqual([['token-approval', { verdict: 'blocked', route: 'rejected' }]]);
  });
});
