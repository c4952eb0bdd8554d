import { PublishCommand, type PublishCommandInput, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { SnsNotifier } from '../../lambda/adapters/aws/sns-notifier';
import type { Audience, Notification } from '../../lambda/ports/notifier';
import { awsError } from '../support/aws-fake-rds';
import { describeNotifierContract, notificationOf } from './notifier.contract';

const TOPIC = 'arn:aws:sns:eu-central-1:000000000000:godwit';
const MOST_BYTES = 262_144;

/** A strict stand-in for SNS: it refuses what SNS refuses, so that nothing passes here which would be lost there. */
class FakeSns {
  readonly client = new SNSClient({
    region: 'eu-central-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  readonly published: PublishCommandInput[] = [];
  outage: Error | undefined;

  constructor() {
    const mock = mockClient(this.client);
    mock.onAnyCommand().callsFake((input) => {
      throw new Error(`unexpected call with ${JSON.stringify(input)}`);
    });
    mock.on(PublishCommand).callsFake((input: PublishCommandInput) => {
      if (this.outage !== undefined) throw this.outage;
      if (input.TopicArn !== TOPIC) throw awsError('NotFoundException', 404);
      checkSubject(input.Subject);
      checkMessage(input.Message);
      for (const [name, value] of Object.entries(input.MessageAttributes ?? {})) {
        checkAttribute(name, value.DataType, value.StringValue);
      }
      if (bytesOf(input) > MOST_BYTES) throw refused('Message too long');
      this.published.push(input);
      return { MessageId: String(this.published.length) };
    });
  }
}

const refused = (what: string): Error =>
  Object.assign(awsError('InvalidParameterException'), { message: `Invalid parameter: ${what}` });

/** Left out it may be; empty it may not. */
function checkSubject(subject: string | undefined): void {
  if (subject === undefined) return;
  if (!/^[\x21-\x7e][\x20-\x7e]{0,99}$/.test(subject)) throw refused(`Subject ${JSON.stringify(subject)}`);
}

function checkMessage(message: string | undefined): void {
  if (message === undefined || message === '') throw refused('Empty message');
  if (message.includes('\ufffd')) throw refused('Message with a broken character');
}

function checkAttribute(name: string, type: string | undefined, value: string | undefined): void {
  const isName = /^[\w.-]{1,256}$/.test(name) && !/^\.|\.\.|\.$|^(aws|amazon)\./i.test(name);
  if (!isName) throw refused(`MessageAttributes name ${name}`);
  if (type !== 'String' || !value) throw refused(`MessageAttributes value of ${name}`);
}

function bytesOf({ Message = '', MessageAttributes = {} }: PublishCommandInput): number {
  const attributes = Object.entries(MessageAttributes).flatMap(([name, value]) => [
    name,
    value.DataType ?? '',
    value.StringValue ?? '',
  ]);
  return [Message, ...attributes].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function asNotification({
  Subject = '',
  Message = '',
  MessageAttributes = {},
}: PublishCommandInput): Notification {
  const { audience, runId, ...attributes } = Object.fromEntries(
    Object.entries(MessageAttributes).map(([name, value]) => [name, value.StringValue ?? '']),
  );
  return { runId: runId ?? '', audience: audience as Audience, subject: Subject, body: Message, attributes };
}

function snsStandIn() {
  const sns = new FakeSns();
  return {
    sns,
    notifier: new SnsNotifier(sns.client, TOPIC),
    received: async () => sns.published.map(asNotification),
    breakChannel: async () => {
      sns.outage = awsError('InternalErrorException', 500);
    },
    mendChannel: async () => {
      sns.outage = undefined;
    },
  };
}

describeNotifierContract('SnsNotifier', async () => snsStandIn());

describe('SnsNotifier', () => {
  it.each([
    ['is throttled', awsError('ThrottledException', 429), 'AwsCallFailed'],
    ['may not use the key of the topic', awsError('KMSAccessDeniedException'), 'AwsAccessDenied'],
    ['finds the topic gone', awsError('NotFoundException', 404), 'AwsRequestRefused'],
    [
      'cannot reach AWS',
      Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }),
      'AwsCallFailed',
    ],
  ])('fails by a name that retry policies know when it %s', async (_what, outage, name) => {
    const { sns, notifier } = snsStandIn();
    sns.outage = outage;
    await expect(notifier.notify(notificationOf())).rejects.toMatchObject({ name });
  });

  it('says of a body that it cut where the rest is, and keeps the beginning', async () => {
    const { sns, notifier } = snsStandIn();
    await notifier.notify(notificationOf({ body: `first ${'日'.repeat(100_000)}` }));
    expect(sns.published[0]?.Message).toMatch(/^first 日+\n… cut; the rest is in the report/);
  });
});
