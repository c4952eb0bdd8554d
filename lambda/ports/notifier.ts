/** Tells people what happened. */

export type Audience = 'on-call' | 'stakeholders' | 'audit';

export interface Notification {
  readonly runId: string;
  readonly audience: Audience;
  /** At most 100 ASCII characters: SNS' limit for e-mail subjects. */
  readonly subject: string;
  readonly body: string;
  /** For subscription filters, e.g. `status`. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Notifier {
  notify(notification: Notification): Promise<void>;
}
