import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileObjectStore } from '../../lambda/adapters/embedded/file-object-store';
import { OutboxNotifier } from '../../lambda/adapters/embedded/outbox-notifier';
import type { Notification } from '../../lambda/ports/notifier';
import { describeNotifierContract, notificationOf } from './notifier.contract';

async function outboxInFolder() {
  const root = await mkdtemp(join(tmpdir(), 'godwit-outbox-'));
  const store = new FileObjectStore(root);
  const shown: Notification[] = [];
  const outbox = join(root, 'outbox');
  const aside = join(root, 'aside');
  return {
    root,
    store,
    shown,
    notifier: new OutboxNotifier(store, (notification) => shown.push(notification)),
    received: async (): Promise<readonly Notification[]> => {
      const keys = await store.list('outbox/');
      return Promise.all(keys.map(async (key) => JSON.parse((await store.get(key))?.body ?? '')));
    },
    breakChannel: async () => {
      await rename(outbox, aside);
      await writeFile(outbox, 'not a folder');
    },
    mendChannel: async () => {
      await rm(outbox);
      await rename(aside, outbox);
    },
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

describeNotifierContract('OutboxNotifier', outboxInFolder);

describe('OutboxNotifier', () => {
  let under: Awaited<ReturnType<typeof outboxInFolder>>;

  beforeEach(async () => {
    under = await outboxInFolder();
  });
  afterEach(() => under.dispose());

  it('loses nothing where two processes tell about one run at the same time', async () => {
    const other = new OutboxNotifier(new FileObjectStore(under.root));
    const sent = Array.from({ length: 12 }, (_, index) => `message ${index}`);
    await Promise.all(
      sent.map((body, index) => (index % 2 ? other : under.notifier).notify(notificationOf({ body }))),
    );
    expect((await under.received()).map(({ body }) => body).sort()).toEqual([...sent].sort());
  });

  it('keeps each as a file that a person finds by run, order and audience', async () => {
    await under.notifier.notify(notificationOf({ audience: 'stakeholders' }));
    const file = join(under.root, 'outbox/run-1/000-stakeholders.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(notificationOf({ audience: 'stakeholders' }));
  });

  it('shows what it kept, once', async () => {
    await under.notifier.notify(notificationOf());
    expect(under.shown).toEqual([notificationOf()]);
  });

  it('shows nothing that it could not keep', async () => {
    await under.notifier.notify(notificationOf());
    await under.breakChannel();
    await expect(under.notifier.notify(notificationOf({ body: 'lost' }))).rejects.toThrow();
    expect(under.shown).toEqual([notificationOf()]);
  });
});
