/** What every notifier promises: what happened reaches its audience once and unchanged, or whoever tells it hears why not. */
import { GodwitError } from '../../lambda/domain/errors';
import type { Audience, Notification, Notifier } from '../../lambda/ports/notifier';

export interface NotifierUnderTest {
  readonly notifier: Notifier;
  /** What arrived so far, in the order of its arrival. */
  received(): Promise<readonly Notification[]>;
  /** From now on nothing can be delivered. */
  breakChannel(): Promise<void>;
  mendChannel(): Promise<void>;
  dispose?(): Promise<void>;
}

export const notificationOf = (fields: Partial<Notification> = {}): Notification => ({
  runId: 'run-1',
  audience: 'on-call',
  subject: 'Godwit: held on wedefidaily',
  body: 'Writes are fenced.',
  attributes: { status: 'held' },
  ...fields,
});

const AUDIENCES: readonly Audience[] = ['on-call', 'stakeholders', 'audit'];

export function describeNotifierContract(name: string, make: () => Promise<NotifierUnderTest>): void {
  describe(`${name} keeps the promises of a notifier`, () => {
    let under: NotifierUnderTest;

    beforeEach(async () => {
      under = await make();
    });
    afterEach(async () => under.dispose?.());

    const tell = (fields: Partial<Notification> = {}): Promise<void> =>
      under.notifier.notify(notificationOf(fields));
    const bodies = async (): Promise<readonly string[]> => (await under.received()).map(({ body }) => body);

    it('delivers a notification once, with everything that it says', async () => {
      const sent = notificationOf({ audience: 'audit', attributes: { status: 'restored', stage: 'prod' } });
      await under.notifier.notify(sent);
      expect(await under.received()).toEqual([sent]);
    });

    it('delivers in the order of telling, whoever is told', async () => {
      const sent = Array.from({ length: 12 }, (_, index) =>
        notificationOf({ audience: AUDIENCES[index % 3] ?? 'audit', body: `message ${index}` }),
      );
      for (const notification of sent) await under.notifier.notify(notification);
      expect(await under.received()).toEqual(sent);
    });

    it('loses none of many that are told at the same time, and doubles none', async () => {
      const sent = Array.from({ length: 18 }, (_, index) => `message ${index}`);
      await Promise.all(sent.map((body, index) => tell({ body, audience: AUDIENCES[index % 3] ?? 'audit' })));
      expect([...(await bodies())].sort()).toEqual([...sent].sort());
      await tell({ body: 'the last word' });
      expect((await bodies()).at(-1)).toBe('the last word');
    });

    it('takes the same words twice for two notifications', async () => {
      await tell();
      await tell();
      expect(await under.received()).toEqual([notificationOf(), notificationOf()]);
    });

    it('keeps the notifications of two runs apart', async () => {
      await tell({ runId: 'run-1', body: 'of the first' });
      await tell({ runId: 'run-2', body: 'of the second' });
      const received = (await under.received()).map(({ runId, body }) => [runId, body]);
      expect(received.sort()).toEqual([
        ['run-1', 'of the first'],
        ['run-2', 'of the second'],
      ]);
    });

    it.each([
      ['JSON with quotes and backslashes', '{"reason":"C:\\\\x \\"quoted\\""}'],
      ['lines, tabs and carriage returns', 'one\r\n\ttwo\n\nthree\n'],
      ['characters of four bytes', 'größer 🐦 日本語'],
      ['200 000 bytes', 'é'.repeat(100_000)],
    ])('leaves a body of %s as it is', async (_what, body) => {
      await tell({ body });
      expect(await bodies()).toEqual([body]);
    });

    it.each([
      ['line breaks', 'failed:\r\nBcc: everybody\nsecond line'],
      ['control characters', 'bell\u0007 escape\u001b[31m nul\u0000'],
      ['letters beyond ASCII', 'Wiederherstellung für „größer“ – 日本'],
      ['nothing that ASCII has', '日本'],
      ['a space at its beginning', '   held'],
      ['300 characters', `held on ${'x'.repeat(292)}`],
      ['100 characters', 'x'.repeat(100)],
      ['no character at all', ''],
    ])('delivers in spite of a subject with %s', async (_what, subject) => {
      await tell({ subject, body: 'it still matters' });
      expect(await under.received()).toMatchObject([
        { runId: 'run-1', audience: 'on-call', body: 'it still matters' },
      ]);
    });

    it('leaves a subject within the limits as it is', async () => {
      const subject = 'Godwit: rolled-back on 10.0.0.1:5432/wedefidaily (2 of 3) "quoted" ~!';
      await tell({ subject });
      expect((await under.received())[0]?.subject).toBe(subject);
    });

    it.each([
      ['an attribute is empty', { attributes: { status: 'held', comment: '' } }],
      ['there is no body', { body: '' }],
      ['the body is too long for an e-mail', { body: '🐦'.repeat(100_000) }],
    ] satisfies [string, Partial<Notification>][])('delivers although %s', async (_what, fields) => {
      await tell(fields);
      expect(await under.received()).toMatchObject([{ audience: 'on-call', attributes: { status: 'held' } }]);
    });

    it('fails with a name of its own while the channel is broken, and delivers once it is mended', async () => {
      await tell({ body: 'before' });
      await under.breakChannel();
      const failure = await tell({ body: 'meanwhile' }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(GodwitError);
      await under.mendChannel();
      await tell({ body: 'told again' });
      expect(await bodies()).toEqual(['before', 'told again']);
    });
  });
}
