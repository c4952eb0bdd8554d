import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { EmfMetrics } from '../../lambda/adapters/aws/emf-metrics';
import { AwsAccessDenied } from '../../lambda/adapters/aws/errors';
import { SecretsManagerSecrets, SecretUnusable } from '../../lambda/adapters/aws/secrets-manager-secrets';
import { SnsNotifier, subjectOf } from '../../lambda/adapters/aws/sns-notifier';
import { SystemClock } from '../../lambda/adapters/system-clock';
import { awsError } from '../support/aws-fake-rds';

const settings = { region: 'eu-central-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } };
const strict = <T extends { onAnyCommand(): { callsFake(fake: (input: unknown) => never): unknown } }>(
  mock: T,
): T => {
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
    expect(await credentialsFrom('{"username":"u","password":"p","host":"h"}')).toEqual({
      user: 'u',
      password: 'p',
    });
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
          {
            Namespace: 'Godwit',
            Dimensions: [['stage', 'step']],
            Metrics: [{ Name: 'Duration', Unit: 'Milliseconds' }],
          },
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
    await expect(new SystemClock().sleep(60_000, AbortSignal.abort(new Error('late')))).rejects.toThrow(
      'late',
    );
  });
});
