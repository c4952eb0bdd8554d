/** Tells people through one SNS topic; subscriptions filter by attributes. */
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Notification, Notifier } from '../../ports/notifier';
import { callAws } from './call';

/** SNS takes 256 KiB, attributes included. */
const MOST_BODY_BYTES = 250_000;
const MOST_SUBJECT = 100;
const CUT = '\n… cut; the rest is in the report of the run.';

export class SnsNotifier implements Notifier {
  readonly #client: SNSClient;
  readonly #topicArn: string;

  constructor(client: SNSClient, topicArn: string) {
    this.#client = client;
    this.#topicArn = topicArn;
  }

  async notify(notification: Notification): Promise<void> {
    const attributes = {
      ...notification.attributes,
      audience: notification.audience,
      runId: notification.runId,
    };
    await callAws('sns', 'Publish', () =>
      this.#client.send(
        new PublishCommand({
          TopicArn: this.#topicArn,
          Subject: subjectOf(notification.subject),
          Message: withinLimit(notification.body),
          // An attribute without a value would be refused, and the message with it.
          MessageAttributes: Object.fromEntries(
            Object.entries(attributes)
              .filter(([, value]) => value !== '')
              .map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
          ),
        }),
      ),
    );
  }
}

/** E-mail subjects: at most 100 printable ASCII characters that do not begin with a space. */
export function subjectOf(text: string): string {
  const ascii = text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[‐-―]/g, '-')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .replace(/ +/g, ' ')
    .trim();
  if (ascii === '') return 'Godwit';
  return ascii.length <= MOST_SUBJECT ? ascii : `${ascii.slice(0, MOST_SUBJECT - 3).trimEnd()}...`;
}

function withinLimit(body: string): string {
  // SNS refuses an empty message.
  if (body === '') return '(no text)';
  const bytes = Buffer.from(body, 'utf8');
  if (bytes.length <= MOST_BODY_BYTES) return body;
  // A character cut in two decodes as one replacement character, which is dropped.
  return bytes.subarray(0, MOST_BODY_BYTES).toString('utf8').replace(/�$/, '') + CUT;
}
